//! What every answer of the page says to browsers, and whose requests are taken.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::api::{ApiError, Context};

/// Nothing is loaded from elsewhere, and nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Takes requests that name this service and, where they change something, come from its own pages. A page
/// elsewhere whose name was made to point here has another name.
pub(super) async fn guard(
    State(context): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    let host = text(request.headers(), &header::HOST).unwrap_or_default();
    if !context.is_host(host) {
        let message =
            format!("this service is not called {host:?}; `hosts` in its settings names it");
        return ApiError::new("forged", message).into_response();
    }
    if request.method() != Method::GET && !is_own(&context, request.headers()) {
        return ApiError::new("forged", "the form is not this page's").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let says = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in says {
        // A download says more.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether a form was sent from here: browsers say so by themselves.
fn is_own(context: &Context, headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, &HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let origin = text(headers, &header::ORIGIN).unwrap_or_default();
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(|host| context.is_host(host))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
