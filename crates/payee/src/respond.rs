//! From a request that carries a payment to its answer, by whichever scheme it is paid.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc};

use axum::{body::Body, extract::Request, response::Response};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, StatusCode};

use crate::{
    answer::{self, Reply},
    refusal::Refusal,
    sale::{Sale, Seen},
    scheme::{Admitted, Offer, Rejection, Scheme},
    unpaid,
};

/// The schemes by which something is sold, in the order in which they are offered.
pub(crate) type Schemes = Arc<[Arc<dyn AnyScheme>]>;

/// What answers a request that was paid for.
pub(crate) type Handler = Box<dyn FnOnce(Request) -> BoxFuture<'static, Response> + Send>;

/// A [`Scheme`] among others, its own types forgotten.
pub(crate) trait AnyScheme: fmt::Debug + Send + Sync {
    /// As [`Scheme::offer`].
    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>>;

    /// As [`Scheme::is_meant`].
    fn is_meant(&self, sale: &Sale, headers: &HeaderMap) -> bool;

    /// The answer to a request that carries a payment by this scheme.
    fn respond(
        self: Arc<Self>,
        sale: Sale,
        schemes: Schemes,
        request: Request,
        handler: Handler,
    ) -> BoxFuture<'static, Response>;
}

impl<S: Scheme> AnyScheme for S {
    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>> {
        Scheme::offer(self, sale)
    }

    fn is_meant(&self, sale: &Sale, headers: &HeaderMap) -> bool {
        Scheme::is_meant(self, sale, headers)
    }

    fn respond(
        self: Arc<Self>,
        sale: Sale,
        schemes: Schemes,
        request: Request,
        handler: Handler,
    ) -> BoxFuture<'static, Response> {
        respond(self, sale, schemes, request, handler).boxed()
    }
}

async fn respond<S: Scheme>(
    scheme: Arc<S>,
    sale: Sale,
    schemes: Schemes,
    request: Request,
    handler: Handler,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Admitted { payment, id, fingerprint } = match scheme.admit(&sale, &parts.headers) {
        Ok(admitted) => admitted,
        Err(refusal) => return reject(scheme.refuse(refusal), &sale, &schemes),
    };
    let mut in_flight = match sale.begin((S::NAME, id), fingerprint).await {
        Ok(in_flight) => in_flight,
        Err(Seen::Answered(stored)) => return answer::repeat(&stored),
        Err(Seen::Conflict(conflict)) => {
            return reject(scheme.refuse(scheme.conflict(conflict)), &sale, &schemes);
        }
    };
    // From here on the request is carried to its end, also when the payer hangs up: it may have
    // been charged, and will ask for its answer.
    let answered = tokio::spawn(async move {
        let paid = match scheme.settle(&sale, payment).await {
            Ok(paid) => paid,
            Err(refusal) => return reject(scheme.refuse(refusal), &sale, &schemes),
        };
        in_flight.settled();
        scheme.hand_over(&paid, &mut parts);
        let response = serve(handler, Request::from_parts(parts, body)).await;
        answer::give(Reply { scheme, sale, paid, in_flight }, response).await
    });
    answered.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a paid request was not carried to its end");
        failure()
    })
}

/// The answer to a request that is not served, in x402's words: with an answer 402 comes what is
/// asked for.
pub(crate) fn refuse(refusal: &Refusal, sale: &Sale, schemes: &Schemes) -> Response {
    unpaid::answer(refusal, sale, || {
        schemes.iter().filter_map(|scheme| scheme.offer(sale).transpose()).collect()
    })
}

fn reject(rejection: Rejection, sale: &Sale, schemes: &Schemes) -> Response {
    match rejection {
        Rejection::X402(refusal) => refuse(&refusal, sale, schemes),
        Rejection::Other(response) => *response,
    }
}

/// What the handler answers. A panic is an answer too: the payment must still be concluded.
pub(crate) async fn serve(handler: Handler, request: Request) -> Response {
    let answering = AssertUnwindSafe(async { handler(request).await });
    answering.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        failure()
    })
}

fn failure() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
