//! What every answer of a page says to browsers, and whose requests are taken.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use thiserror::Error;

/// Nothing is loaded from elsewhere, and nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A request that another page had a browser send.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Forged {
    /// It is meant for somebody else.
    #[error("this service is not called {0:?}; `hosts` in its settings names it")]
    Host(String),
    /// It would change something, and comes from elsewhere.
    #[error("the form is not this page's")]
    Form,
}

/// Answers requests that name this service and, where they change something, come from its own pages; refuses
/// others. A page elsewhere whose name was made to point here has another name. Every answer says to browsers
/// what they may do with it.
pub async fn guard(
    request: Request,
    next: Next,
    is_host: impl Fn(&str) -> bool,
    refuse: impl FnOnce(Forged) -> Response,
) -> Response {
    if let Err(forged) = check(&request, is_host) {
        return refuse(forged);
    }
    let mut response = next.run(request).await;
    protect(&mut response);
    response
}

fn check(request: &Request, is_host: impl Fn(&str) -> bool) -> Result<(), Forged> {
    let host = text(request.headers(), &header::HOST).unwrap_or_default();
    if !is_host(host) {
        return Err(Forged::Host(host.to_owned()));
    }
    match request.method() == Method::GET || is_own(request.headers(), is_host) {
        true => Ok(()),
        false => Err(Forged::Form),
    }
}

/// Adds what browsers are told with every page.
fn protect(response: &mut Response) {
    let says = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in says {
        // A download says more.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Answers are about money and people: no cache keeps them.
pub async fn never_cached(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a form was sent from here: browsers say so by themselves.
fn is_own(headers: &HeaderMap, is_host: impl Fn(&str) -> bool) -> bool {
    if let Some(site) = text(headers, &HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let origin = text(headers, &header::ORIGIN).unwrap_or_default();
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(is_host)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn forms_are_taken_from_the_pages_own_origin_only() {
        let sent = |method: Method, headers: &[(&str, &str)]| {
            let request = Request::builder().method(method).header("host", "here:1");
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value));
            check(&request.body(Body::empty()).expect("a request"), |host| host == "here:1")
        };
        assert_eq!(sent(Method::GET, &[]), Ok(()));
        for (headers, taken) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://here:1")], false),
            (&[("origin", "http://here:1")], true),
            (&[("origin", "http://here:2")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ] {
            let expected = if taken { Ok(()) } else { Err(Forged::Form) };
            assert_eq!(sent(Method::POST, headers), expected, "{headers:?}");
        }
        let elsewhere = Request::builder().header("host", "elsewhere:1").body(Body::empty());
        let refused = check(&elsewhere.expect("a request"), |host| host == "here:1");
        assert_eq!(refused, Err(Forged::Host("elsewhere:1".to_owned())));
    }
}
