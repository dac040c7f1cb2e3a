//! The layer: from a request to its answer.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use aep2_mandate::{
    mandate::MandateId,
    typed_data::receipt::SignedReceipt,
    units::{Amount, UnixTime},
    wire::Strict,
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
    Paid, Payee, PayeeParts, Price, Quote, Refusal,
    answer::{self, Reply},
    payment::Presented,
    served::{Claim, Serving},
};
use crate::{
    purchase::Purchase,
    x402::{
        Aep2Scheme, Extra, Requirements, ResourceInfo,
        headers::{PAYMENT_SIGNATURE, X_PAYMENT},
        terms::{self, WALLET_NAME, WALLET_VERSION},
    },
};

/// Puts a price on an axum service: see [`Payee::charge`].
#[derive(Clone)]
pub struct Charge {
    payee: Payee,
    price: Arc<dyn Price>,
}

impl Charge {
    pub(super) fn new(payee: Payee, price: Arc<dyn Price>) -> Self {
        Self { payee, price }
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
        let Charge { payee, price } = self.charge.clone();
        Box::pin(async move { Ok(respond(payee.0, &*price, request, inner).await) })
    }
}

/// What is asked for a request.
struct Asked {
    purchase: Arc<Purchase>,
    /// Without an order.
    terms: Requirements,
    resource: ResourceInfo,
}

async fn respond<S>(
    payee: Arc<PayeeParts>,
    price: &dyn Price,
    request: Request,
    inner: S,
) -> Response
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    let (mut parts, body) = request.into_parts();
    let Some(quote) = price.quote(&parts) else {
        return serve(inner, Request::from_parts(parts, body)).await;
    };
    let asked = payee.asked(quote, &parts);
    let now = payee.config.clock.now();
    let admitted = match payee.admit(&parts.headers, &asked, now) {
        Ok(admitted) => admitted,
        Err(refusal) => return payee.refuse(&refusal, &asked, now),
    };
    let (presented, id, serving) = match admitted {
        Admitted::New(presented, id, serving) => (presented, id, serving),
        Admitted::Again(claim) => {
            return match payee.again(claim).await {
                Ok(response) => response,
                Err(refusal) => payee.refuse(&refusal, &asked, now),
            };
        }
    };
    // From here on the request is carried to its end, also when the payer hangs up: it may have
    // been charged, and will ask for its answer.
    let carried = tokio::spawn(async move {
        let receipt = match payee.settle(&presented, id, &asked).await {
            Ok(receipt) => receipt,
            Err(refusal) => return payee.refuse(&refusal, &asked, now),
        };
        let paid = Paid::new(id, presented.mandate.clone(), receipt, asked.purchase.clone());
        // The payment is for this payee, not for what is behind it.
        parts.headers.remove(PAYMENT_SIGNATURE);
        parts.headers.remove(X_PAYMENT);
        parts.extensions.insert(paid.clone());
        let served = serve(inner, Request::from_parts(parts, body)).await;
        let reply = Reply { payee, paid, network: asked.terms.network, serving };
        answer::give(reply, served).await
    });
    carried.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a paid request was not carried to its end");
        failure()
    })
}

/// What the service answers. A panic is an answer too: the payment must still be concluded.
async fn serve<S>(inner: S, request: Request) -> Response
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

/// A payment that fits its request.
enum Admitted {
    New(Presented, MandateId, Serving),
    /// Seen before: running or done.
    Again(Claim),
}

impl PayeeParts {
    /// What a request costs, in full.
    fn asked(&self, quote: Quote, request: &http::request::Parts) -> Asked {
        let Quote { amount, capture, description, mime_type } = quote;
        let config = &self.config;
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
        let method = request.method.to_string();
        let purchase = Purchase {
            method: method.clone(),
            resource: format!("{}{path}", self.origin),
            venue: config.venue,
            token: config.token,
            payee: config.payee,
            amount,
        };
        let terms = Requirements {
            scheme: Aep2Scheme,
            network: terms::network(config.venue.chain),
            amount,
            pay_to: config.payee.into(),
            max_timeout_seconds: config.order_good_s,
            asset: config.token.into(),
            extra: Extra {
                wallet: config.venue.wallet.into(),
                processor: config.venue.processor.into(),
                settle_within_seconds: config.settle_within_s,
                name: WALLET_NAME.to_owned(),
                version: WALLET_VERSION.to_owned(),
                capture,
                method: Some(method),
                order: None,
            },
        };
        let resource = ResourceInfo { url: purchase.resource.clone(), description, mime_type };
        Asked { purchase: Arc::new(purchase), terms, resource }
    }

    /// The payment that came with the request, if it fits it.
    fn admit(
        &self,
        headers: &http::HeaderMap,
        asked: &Asked,
        now: UnixTime,
    ) -> Result<Admitted, Refusal> {
        let presented = Presented::read(headers)?.ok_or(Refusal::PaymentRequired)?;
        let skew_s = self.config.skew_s;
        let id = presented.pays_for(&asked.purchase, &asked.terms, &self.orders, now, skew_s)?;
        match self.memory.claim(id, &presented.mandate, now) {
            Claim::New(serving) => Ok(Admitted::New(presented, id, serving)),
            Claim::OtherSignature => Err(Refusal::OtherSignature),
            Claim::Full => Err(Refusal::Busy),
            seen @ (Claim::Running(_) | Claim::Done(_)) => Ok(Admitted::Again(seen)),
        }
    }

    /// The answer to a payment that was seen before.
    async fn again(&self, claim: Claim) -> Result<Response, Refusal> {
        match claim {
            Claim::Done(served) => answer::repeat(served),
            Claim::Running(mut running) => {
                // Ends with an error, when the sender is dropped: then it was served, or let go.
                let ended = running.changed();
                let _ = tokio::time::timeout(self.config.same_payment_wait, ended).await;
                Err(Refusal::InProgress)
            }
            Claim::New(_) | Claim::OtherSignature | Claim::Full => Err(Refusal::InProgress),
        }
    }

    /// The processor's promise for a mandate, verified.
    async fn settle(
        &self,
        presented: &Presented,
        id: MandateId,
        asked: &Asked,
    ) -> Result<SignedReceipt, Refusal> {
        let mandate = &presented.mandate;
        let receipt = self.processor.settle(mandate, &asked.terms).await?;
        let checked = crate::receipt::check(&receipt, mandate, id, &self.config.venue);
        checked.map_err(Refusal::BadReceipt)?;
        self.check_fresh(&receipt)?;
        Ok(receipt)
    }

    /// A processor gives the same receipt for the same mandate at any time. So an old receipt is
    /// that of a mandate which paid before, and is not remembered any more: served, for all that is
    /// known.
    fn check_fresh(&self, receipt: &SignedReceipt) -> Result<(), Refusal> {
        let config = &self.config;
        let settle_by = receipt.receipt.settle_by;
        let after = |seconds: u64| settle_by.checked_add(seconds).unwrap_or(UnixTime::MAX);
        let due = |time: UnixTime| time.checked_add(config.settle_within_s);
        let stale = due(config.clock.now())
            .is_none_or(|due| after(config.order_good_s.saturating_add(config.skew_s)) < due);
        let before_start = due(self.started).is_none_or(|due| after(config.skew_s) < due);
        if stale || before_start { Err(Refusal::AlreadyUsed { settle_by }) } else { Ok(()) }
    }

    /// An answer that does not serve. Answers 402 carry a new order.
    fn refuse(&self, refusal: &Refusal, asked: &Asked, now: UnixTime) -> Response {
        let mut terms = asked.terms.clone();
        let until = now.checked_add(self.config.order_good_s).unwrap_or(UnixTime::MAX);
        terms.extra.order = Some(Strict(self.orders.make(&asked.purchase, until)));
        refusal.answer(&asked.resource, terms)
    }

    /// Captures what a call came to, where that is not everything.
    pub(super) async fn conclude(
        &self,
        paid: &Paid,
        succeeded: bool,
    ) -> (Amount, Option<aep2_mandate::typed_data::capture::SignedCaptureReceipt>) {
        let whole = paid.ceiling().amount();
        let unsaid = if succeeded { whole } else { Amount::ZERO };
        let amount = paid.charged().unwrap_or(unsaid);
        if amount == whole {
            return (amount, None);
        }
        if !self.capturing.is_possible() {
            tracing::warn!(id = %paid.id, "without the payee's key the whole amount is charged");
            return (whole, None);
        }
        (amount, self.capturing.capture(paid.id, amount).await)
    }
}
