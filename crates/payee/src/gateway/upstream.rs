//! The service behind the gateway: what it is told of a payment, and what it says that a call came to.
//!
//! | header | to the service | from the service |
//! | --- | --- | --- |
//! | `aep2-mandate` | the mandate's id | |
//! | `aep2-account` | the account that pays | |
//! | `aep2-amount` | the most that can be charged, in base units | |
//! | `aep2-charge` | | what the call came to, in base units |
//!
//! A payer cannot send any of these, nor see them.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use prometheus_client::metrics::counter::Counter;
use tower::Service;
use url::Url;

use super::{
    forward::{Forward, Limits},
    settings::GatewaySettings,
};
use crate::scheme::aep2::paid::Paid;

const MANDATE: HeaderName = HeaderName::from_static("aep2-mandate");
const ACCOUNT: HeaderName = HeaderName::from_static("aep2-account");
const AMOUNT: HeaderName = HeaderName::from_static("aep2-amount");
/// What a call came to.
pub const CHARGE: HeaderName = HeaderName::from_static("aep2-charge");

/// Headers by which a payer could have the service do something else than it paid for.
const OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// The service. Cheap to clone.
#[derive(Clone)]
pub(super) struct Upstream {
    forward: Forward,
    failures: Counter,
}

impl Upstream {
    pub(super) fn new(settings: &GatewaySettings, origin: &Url, failures: Counter) -> Self {
        let limits = Limits {
            answer_within: Duration::from_secs(settings.answer_within_s),
            body_bytes_max: settings.body_bytes_max,
        };
        Self { forward: Forward::new(&settings.upstream, origin.scheme(), limits), failures }
    }

    async fn ask(self, mut request: Request) -> Response {
        let paid = request.extensions().get::<Paid>().cloned();
        tell(request.headers_mut(), paid.as_ref());
        let mut response = match self.forward.forward(request).await {
            Ok(response) => response,
            Err(error) => {
                if error.is_failure() {
                    self.failures.inc();
                }
                tracing::error!(%error, "a request was not forwarded");
                error.into_response()
            }
        };
        let said = response.headers_mut().remove(CHARGE);
        if let (Some(paid), Some(said)) = (paid, said) {
            paid.charge_as_said(said.to_str().ok());
        }
        response
    }
}

/// What the service is told.
fn tell(headers: &mut HeaderMap, paid: Option<&Paid>) {
    // Services that read headers as CGI does take `_` for `-`.
    let is_ours = |name: &str| {
        [MANDATE, ACCOUNT, AMOUNT, CHARGE].iter().chain(&OVERRIDES).any(|own| own == name)
    };
    let sent = headers.keys().filter(|name| is_ours(&name.as_str().replace('_', "-")));
    for name in sent.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    // What a payer says of its own connection must not take away what is told below.
    headers.remove(header::CONNECTION);
    headers.remove(header::UPGRADE);
    let Some(paid) = paid else { return };
    for (name, text) in [
        (MANDATE, paid.id.to_string()),
        (ACCOUNT, paid.mandate.mandate.account.to_string()),
        (AMOUNT, paid.ceiling().to_string()),
    ] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

impl Service<http::Request<Body>> for Upstream {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.clone().ask(request).map(Ok).boxed()
    }
}
