//! Payers in browsers: cross-origin resource sharing (CORS, in the Fetch standard).
//!
//! A browser asks by OPTIONS whether a page may send a payment's header, and shows the page only the headers of an
//! answer that it is told to. So a preflight is answered before anything is priced: nothing is asked of what is behind.
//! Which pages may pay is the operator's setting; without it nothing is said, and browsers refuse.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use thiserror::Error;
use url::{Origin, Url};

/// What a page may send: payments, and what most services read. What else a preflight names is added.
const ALLOWED: &str =
    "payment-signature, x-payment, x-payment-mandate, authorization, content-type";
/// What a page is shown of an answer.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "payment-required, payment-response, x-payment-response, retry-after, www-authenticate, mcp-session-id",
);
/// For how long a browser may remember an answer to a preflight, in seconds.
const REMEMBERED_S: HeaderValue = HeaderValue::from_static("600");

/// An origin that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no origin: write scheme, host and port alone, as in \"https://app.example.com\", or \"*\""
)]
pub struct NoOrigin(String);

/// Whose pages may pay.
#[derive(Clone, Debug, Default)]
pub struct CorsOrigins(Arc<Allowed>);

#[derive(Debug, Default)]
struct Allowed {
    any: bool,
    origins: Vec<HeaderValue>,
}

impl CorsOrigins {
    /// Those of a setting: origins, or `*` for all.
    ///
    /// # Errors
    /// The first that is none.
    pub fn new<'a>(written: impl IntoIterator<Item = &'a String>) -> Result<Self, NoOrigin> {
        let mut allowed = Allowed::default();
        for text in written {
            if text == "*" {
                allowed.any = true;
                continue;
            }
            let parsed = Url::parse(text).ok().map(|url| url.origin());
            let origin = parsed.filter(Origin::is_tuple).map(|origin| origin.ascii_serialization());
            // As browsers write it: anything more is a mistake, and would match nothing.
            let origin = origin.filter(|origin| origin == text).ok_or(NoOrigin(text.clone()))?;
            let value = HeaderValue::try_from(origin).map_err(|_| NoOrigin(text.clone()))?;
            allowed.origins.push(value);
        }
        Ok(Self(Arc::new(allowed)))
    }

    /// The router, with what browsers are told. Unchanged where no origin is allowed.
    pub fn around(&self, router: Router) -> Router {
        let Self(allowed) = self;
        if !allowed.any && allowed.origins.is_empty() {
            return router;
        }
        router.layer(middleware::from_fn_with_state(self.clone(), answer))
    }

    /// What stands in `Access-Control-Allow-Origin`, where the page may.
    fn allows(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let Self(allowed) = self;
        let listed = allowed.origins.contains(origin);
        // Payments need no credentials of the browser's, so `*` is enough for all.
        listed
            .then(|| origin.clone())
            .or_else(|| allowed.any.then(|| HeaderValue::from_static("*")))
    }
}

async fn answer(State(cors): State<CorsOrigins>, request: Request, next: Next) -> Response {
    let allowed = cors.allows(request.headers());
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (&allowed, request.method() == Method::OPTIONS && asks) {
        (Some(_), true) => preflight(request.headers()),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// The answer to a page that may: whatever method and headers it asks for, as what is behind decides about them.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Some(method) = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    }
    let mut allowed = ALLOWED.to_owned();
    let more =
        asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|more| more.to_str().ok());
    for name in more.into_iter().flat_map(|more| more.split(',')).map(str::trim) {
        let known = ALLOWED.split(", ").any(|known| known.eq_ignore_ascii_case(name));
        if !known && name.parse::<HeaderName>().is_ok() {
            allowed.push_str(", ");
            allowed.push_str(name);
        }
    }
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_S);
    response
}
