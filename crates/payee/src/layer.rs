//! The layer that puts a price on a service.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::BoxFuture};
use tower::{Layer, Service, ServiceExt};

use crate::{
    context::PayeeContext,
    price::Price,
    refusal::Refusal,
    respond::{self, Handler, Schemes},
    sale::Sale,
    scheme::{Scheme, aep2::Aep2},
};

/// Puts a price on an axum service: see [`Payee::charge`](crate::Payee::charge).
#[derive(Clone)]
pub struct Charge {
    payee: Arc<PayeeContext>,
    price: Arc<dyn Price>,
    schemes: Schemes,
}

impl Charge {
    pub(crate) fn new(
        payee: Arc<PayeeContext>,
        mandates: Arc<Aep2>,
        price: Arc<dyn Price>,
    ) -> Self {
        Self { payee, price, schemes: Arc::new([mandates]) }
    }

    /// The same, paid by `scheme` too: [`Exact`](crate::Exact), [`Mvp`](crate::Mvp), or one of your
    /// own.
    pub fn and(self, scheme: impl Scheme) -> Self {
        let mut schemes = self.schemes.to_vec();
        schemes.push(Arc::new(scheme));
        Self { schemes: schemes.into(), ..self }
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payee, schemes, .. } = self;
        let mut shown = f.debug_struct("Charge");
        shown.field("payee", payee).field("schemes", schemes).finish_non_exhaustive()
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
        let handler = move |request| {
            let answered = inner.oneshot(request);
            answered.map(|Ok(answer)| answer.into_response()).boxed()
        };
        self.charge.clone().respond(request, Box::new(handler)).map(Ok).boxed()
    }
}

impl Charge {
    async fn respond(self, request: Request, handler: Handler) -> Response {
        let Self { payee, price, schemes } = self;
        let (parts, body) = request.into_parts();
        let Some(quote) = price.quote(&parts) else {
            return respond::serve(handler, Request::from_parts(parts, body)).await;
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let resource = format!("{}{path}", payee.origin());
        let sale = Sale::new(payee, quote, parts.method.to_string(), resource);
        // Mandates come last: a payment that no other scheme knows is for them to refuse.
        let meant = schemes.iter().rev().find(|scheme| scheme.is_meant(&sale, &parts.headers));
        let Some(scheme) = meant.cloned() else {
            return respond::refuse(&Refusal::PaymentRequired, &sale, &schemes);
        };
        scheme.respond(sale, schemes, Request::from_parts(parts, body), handler).await
    }
}
