//! The layer: from a request to its answer.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use aep2_mandate::units::UnixTime;
use aep2_x402::{
    headers::{PAYMENT_SIGNATURE, X_PAYMENT},
    mvp::X_PAYMENT_MANDATE,
};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::BoxFuture};
use http::StatusCode;
use tower::{Layer, Service, ServiceExt};

use super::{
    Mvp, Paid, Payee, PayeeParts, Price, Refusal,
    answer::{self, Reply, Sale},
    desk::{Admitted, Asked},
    exact,
    payment::Presented,
};

/// Puts a price on an axum service: see [`Payee::charge`].
#[derive(Clone)]
pub struct Charge {
    payee: Payee,
    price: Arc<dyn Price>,
    mvp: Option<Mvp>,
}

impl Charge {
    pub(super) fn new(payee: Payee, price: Arc<dyn Price>) -> Self {
        Self { payee, price, mvp: None }
    }

    /// The same, and the published MVP's mandates are taken beside x402's. Nothing binds these to a
    /// request: see `docs/mvp.md`.
    pub fn and_mvp(self, mvp: &Mvp) -> Self {
        Self { mvp: Some(mvp.clone()), ..self }
    }
}

impl std::fmt::Debug for Charge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Charge").field("payee", &self.payee).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Charge {
    type Service = Charged<S>;

    fn layer(&self, inner: S) -> Charged<S> {
        Charged { charge: self.clone(), inner }
    }
}

/// A service with a price on it.
#[derive(Clone, Debug)]
pub struct Charged<S> {
    charge: Charge,
    inner: S,
}

impl<S> Service<Request> for Charged<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that was asked whether it is ready is the one to call.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        let charge = self.charge.clone();
        Box::pin(async move { Ok(respond(charge, request, inner).await) })
    }
}

async fn respond<S>(charge: Charge, request: Request, inner: S) -> Response
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    let Charge { payee: Payee(payee), price, mvp } = charge;
    let (mut parts, body) = request.into_parts();
    let Some(quote) = price.quote(&parts) else {
        return serve(inner, Request::from_parts(parts, body)).await;
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let resource = format!("{}{path}", payee.origin);
    let asked = payee.asked(quote, parts.method.to_string(), resource);
    let is_there = |name| parts.headers.contains_key(name);
    let by_x402 = is_there(PAYMENT_SIGNATURE) || is_there(X_PAYMENT);
    if let Some(mvp) = mvp.clone().filter(|_| !by_x402 && is_there(X_PAYMENT_MANDATE)) {
        return mvp.respond(payee, asked, (parts, body), inner).await;
    }
    if by_x402 && exact::is_meant(&parts.headers, &asked) {
        return exact::respond(payee, asked, (parts, body), inner).await;
    }
    let now = payee.config.clock.now();
    let admitted = match payee.admit_headers(&parts.headers, &asked, now) {
        Ok(admitted) => admitted,
        Err(Refusal::PaymentRequired) => return payee.ask(&asked, mvp.as_ref(), now),
        Err(refusal) => return payee.refuse(&refusal, &asked, now),
    };
    let (presented, id, serving) = match admitted {
        Admitted::New(presented, id, serving) => (presented, id, serving),
        Admitted::Again(claim) => {
            return match payee.again(claim).await.and_then(answer::repeat) {
                Ok(response) => response,
                Err(refusal) => payee.refuse(&refusal, &asked, now),
            };
        }
    };
    // From here on the request is carried to its end, also when the payer hangs up: it may have
    // been charged, and will ask for its answer.
    carried(async move {
        let receipt = match payee.settle(&presented, id, &asked).await {
            Ok(receipt) => receipt,
            Err(refusal) => return payee.refuse(&refusal, &asked, now),
        };
        let paid = Paid::new(id, presented.mandate.clone(), receipt, asked.purchase.clone());
        // The payment is for this payee, not for what is behind it.
        parts.headers.remove(PAYMENT_SIGNATURE);
        parts.headers.remove(X_PAYMENT);
        parts.extensions.insert(paid.meter.clone());
        parts.extensions.insert(paid.clone());
        let served = serve(inner, Request::from_parts(parts, body)).await;
        let sale = Sale::Mandate { paid, network: asked.terms.network };
        answer::give(Reply { payee, sale, serving }, served).await
    })
    .await
}

/// The answer to a paid request, made whether or not the payer still listens.
pub(super) async fn carried(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(answer).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a paid request was not carried to its end");
        failure()
    })
}

/// What the service answers. A panic is an answer too: the payment must still be concluded.
pub(super) async fn serve<S>(inner: S, request: Request) -> Response
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
{
    match AssertUnwindSafe(inner.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(never)) => match never {},
        Err(_) => {
            tracing::error!("a handler panicked");
            failure()
        }
    }
}

fn failure() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

impl PayeeParts {
    /// The payment that came with the request, if it fits it.
    fn admit_headers(
        &self,
        headers: &http::HeaderMap,
        asked: &Asked,
        now: UnixTime,
    ) -> Result<Admitted, Refusal> {
        let presented = Presented::read(headers)?.ok_or(Refusal::PaymentRequired)?;
        self.admit(presented, asked, now)
    }

    /// An answer that does not serve. Answers 402 carry a new order.
    pub(super) fn refuse(&self, refusal: &Refusal, asked: &Asked, now: UnixTime) -> Response {
        refusal.answer(asked, self.ordered(asked, now), None)
    }

    /// The answer to a request without a payment.
    fn ask(&self, asked: &Asked, mvp: Option<&Mvp>, now: UnixTime) -> Response {
        let price = mvp.and_then(|mvp| mvp.price(asked).ok());
        Refusal::PaymentRequired.answer(asked, self.ordered(asked, now), price)
    }
}
