//! A gateway: a reverse proxy that puts prices on an HTTP service, which knows nothing of payments.
//!
//! ```text
//! payer ──▶ gateway: path plain? ─▶ route ─▶ payment (see `payee`) ─▶ service
//!                    400            404      402
//! ```
//!
//! Bodies stream both ways. What the service is told of a payment, and how it says what a metered
//! call came to, is in [`upstream`]. Paths that two programs could read as two different ones (`//`,
//! dot segments, encoded slashes, path parameters) are refused: else a payer could ask for what is cheap and get what is
//! dear.

mod forward;
mod metrics;
pub mod settings;
mod spelling;
pub mod upstream;

use std::{sync::Arc, time::Instant};

use aep2_http::metrics_response;
use aep2_processor_client::lookup::Lookup;
use aep2_x402::{SettleResponse, headers};
use alloy_signer_local::PrivateKeySigner;
use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{Method, StatusCode};
use prometheus_client::metrics::gauge::Gauge;
use serde_json::json;
use thiserror::Error;
use tower::{Layer, ServiceExt};
use url::Url;

use self::{
    metrics::Metrics,
    settings::{GatewaySettings, Prices, SettingsError, Unpriced},
    spelling::Spelling,
    upstream::Upstream,
};
use crate::{connect::ConnectError, cors::CorsOrigins, payee::Payee};

/// Why a gateway cannot be started.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The payee, or its processor.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The HTTP client.
    #[error("cannot start an HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// A gateway. Cheap to clone; clones are the same one.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

struct Parts {
    prices: matchit::Router<Prices>,
    spelling: Spelling,
    cors: CorsOrigins,
    unpriced: Unpriced,
    payee: Payee,
    upstream: Upstream,
    metrics: Metrics,
    lookup: Lookup,
}

impl Gateway {
    /// A gateway that payers reach at `origin`. Asks the processor who it is. `key` is the payee's.
    ///
    /// # Errors
    /// When the settings make no sense, or the processor does not answer or does not fit them.
    pub async fn new(
        settings: &GatewaySettings,
        origin: Url,
        key: Option<PrivateKeySigner>,
        http: reqwest::ClientBuilder,
    ) -> Result<Self, GatewayError> {
        settings.check()?;
        let http = http.build()?;
        let lookup = Lookup::new(http.clone(), settings.payee.processor.clone());
        let metered = settings.routes.iter().find(|route| route.metered);
        let metered = metered.map(|route| format!("the route {}", route.path));
        let within_s = settings.answer_within_s;
        let connecting =
            Payee::connect(&settings.payee, origin.clone(), key, metered, within_s, http);
        let (payee, _) = connecting.await?;
        let metrics = Metrics::new(payee.context.kept().failures.clone());
        let upstream = Upstream::new(settings, &origin, metrics.upstream_failures.clone());
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(Self(Arc::new(Parts {
            prices: settings.prices()?,
            spelling: settings.spelling(),
            cors: CorsOrigins::new(&settings.cors_origins).map_err(SettingsError::from)?,
            unpriced: settings.unpriced,
            payee,
            upstream,
            metrics,
            lookup,
        })))
    }

    /// Who is paid.
    pub fn payee(&self) -> &Payee {
        &self.0.payee
    }

    /// The connections that are open, for whoever listens to count.
    pub fn connections(&self) -> Gauge {
        self.0.metrics.http.connections.clone()
    }

    /// What payers reach.
    pub fn router(&self) -> Router {
        let router = Router::new().fallback(handle).with_state(self.clone());
        self.0.cors.around(router)
    }

    /// Health and metrics.
    pub fn admin_router(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }
}

async fn handle(State(Gateway(parts)): State<Gateway>, request: Request) -> Response {
    let begun = Instant::now();
    let (route, response) = parts.answer(request).await;
    parts.metrics.answered(route, response.status(), begun.elapsed(), was_paid(&response));
    response
}

impl Parts {
    /// The route's path and the answer.
    async fn answer(&self, request: Request) -> (String, Response) {
        let path = request.uri().path();
        if let Some(refused) = refused_method(request.method()) {
            return (String::new(), refused);
        }
        if !is_plain(path) {
            let words = "the path has empty or dot segments, semicolons, or encoded letters, digits, \
                         slashes, dots or backslashes; write it without";
            return (String::new(), refuse(StatusCode::BAD_REQUEST, "path_not_plain", words));
        }
        let path = self.spelling.of(path);
        let prices = self.prices.at(&path).ok().map(|found| found.value);
        let quote = prices.and_then(|prices| prices.of(request.method()));
        let route = prices.map(|prices| prices.path().to_owned()).unwrap_or_default();
        let response = match (quote, self.unpriced) {
            (Some(quote), _) => {
                let service = self.payee.charge(quote.clone()).layer(self.upstream.clone());
                infallible(service.oneshot(request).await)
            }
            (None, Unpriced::Pass) => infallible(self.upstream.clone().oneshot(request).await),
            (None, Unpriced::Refuse) if prices.is_some() => refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "nothing is sold here by this method",
            ),
            (None, Unpriced::Refuse) => {
                refuse(StatusCode::NOT_FOUND, "not_found", "nothing is sold under this path")
            }
        };
        (route, response)
    }
}

fn infallible(answer: Result<Response, std::convert::Infallible>) -> Response {
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The answer to a method that is not forwarded: some services read small letters as capitals, and so as
/// a method with another price; a tunnel is no request to the service.
fn refused_method(method: &Method) -> Option<Response> {
    if method == Method::CONNECT {
        let words = "the gateway opens no tunnels";
        return Some(refuse(StatusCode::NOT_IMPLEMENTED, "method_not_supported", words));
    }
    let is_plain = !method.as_str().bytes().any(|byte| byte.is_ascii_lowercase());
    let words = "methods are written in capitals";
    (!is_plain).then(|| refuse(StatusCode::BAD_REQUEST, "method_not_plain", words))
}

/// Whether an encoded byte, as what follows a `%` begins with it, is read by everybody as the same. What
/// needs no encoding (letters, digits, `-._~`) is another spelling, and what ends a segment or a path is
/// read by some as its end.
fn is_well_encoded(after_percent: &str) -> bool {
    let code = after_percent.get(..2).filter(|code| code.bytes().all(|c| c.is_ascii_hexdigit()));
    let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
    byte.is_some_and(|byte| !byte.is_ascii_alphanumeric() && !b"-._~/\\;\0".contains(&byte))
}

/// Whether everybody reads a path as the same one.
fn is_plain(path: &str) -> bool {
    let mut segments = path.split('/').skip(1).peekable();
    let mut all_plain = true;
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        all_plain &= !matches!(segment, "." | "..") && (last || !segment.is_empty());
    }
    all_plain
        && path.starts_with('/')
        && !path.contains(['\\', ';'])
        && path.split('%').skip(1).all(is_well_encoded)
}

/// Whether an answer says that it was paid for.
fn was_paid(response: &Response) -> bool {
    let said = headers::read::<SettleResponse>(response.headers(), &headers::PAYMENT_RESPONSE);
    said.ok().flatten().is_some_and(|said| said.success)
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

/// Whether the processor takes mandates now.
async fn ready(State(Gateway(parts)): State<Gateway>) -> Response {
    let ready = match parts.lookup.is_ready().await {
        Ok(()) => parts.payee.check_clocks().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match ready {
        Ok(()) => Json(json!({ "ready": true })).into_response(),
        Err(error) => {
            let body = Json(json!({ "ready": false, "reasons": [error] }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn metrics(State(Gateway(parts)): State<Gateway>) -> Response {
    match parts.metrics.encode() {
        Ok(text) => metrics_response(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn paths_that_two_programs_read_differently_are_not_plain() {
        for path in ["/", "/a", "/a/", "/a/b.c", "/a/..b", "/caf%C3%A9", "/a%20b", "/.well-known/x"]
        {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "*",
            "a/b",
            "//",
            "//a",
            "/a//b",
            "/a/../b",
            "/..",
            "/a/.",
            "/a/./b",
            "/a%2Fb",
            "/a%2fb",
            "/%2e%2e/b",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a;b",
            "/a%3Bb",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
