//! Handing a request on to one service, and its answer back, as RFC 9110 asks of a gateway.
//!
//! What is meant for one connection stays on it: section 7.6.1. `Via` says who was on the way, and a request
//! that was here before goes round in circles: section 7.6.3. The service is told whom it serves, by
//! `Forwarded` (RFC 7239) and by the `X-Forwarded-` headers that came before it. Bodies stream both ways,
//! without trailers, in which a payer could say what only headers are searched for. A connection never
//! becomes another protocol's.

use std::{
    error::Error as StdError,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header,
    uri::{Authority, InvalidUri, PathAndQuery},
};
use http_body_util::Limited;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use thiserror::Error;
use url::Url;

/// Who we are in `Via`.
const PSEUDONYM: &str = "aep2-gateway";
/// How long a connection to the service may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection that nothing uses is kept, and how many of them.
const IDLE_KEPT: Duration = Duration::from_secs(60);
const IDLE_MAX: usize = 32;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Why there is no answer of the service's.
#[derive(Debug, Error)]
pub(super) enum ForwardError {
    /// The way to the service leads back here.
    #[error("a request was here before: the service's address leads back to the gateway")]
    Loop,
    /// It says that its body is longer than is let through.
    #[error("a request's body is longer than {0} bytes")]
    TooLarge(u64),
    /// The service does not begin to answer.
    #[error("the service did not begin to answer within {0:?}")]
    Late(Duration),
    /// There is no connection, or it broke, or the answer is none.
    #[error("the service gave no answer: {0}")]
    Broken(String),
}

impl ForwardError {
    /// Whether it is the service that failed.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Late(_) | Self::Broken(_))
    }
}

impl IntoResponse for ForwardError {
    /// Without what is wrong: it may name addresses.
    fn into_response(self) -> Response {
        let answer = match self {
            Self::Loop => (StatusCode::LOOP_DETECTED, "Loop Detected"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large"),
            Self::Late(_) => (StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"),
            Self::Broken(_) => (StatusCode::BAD_GATEWAY, "Bad Gateway"),
        };
        answer.into_response()
    }
}

/// The way to the service. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    limits: Limits,
    /// The service's address, without a slash at its end.
    base: String,
    /// `http` or `https`, by which the gateway is reached.
    scheme: String,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Until the head of the answer is there; its body may take longer.
    pub(super) answer_within: Duration,
    /// The longest request body, in bytes.
    pub(super) body_bytes_max: u64,
}

impl Forward {
    /// To the service at `upstream`, from payers that reach this by `scheme`.
    pub(super) fn new(upstream: &Url, scheme: &str, limits: Limits) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(IDLE_KEPT));
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_KEPT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        let base = upstream.as_str().trim_end_matches('/').to_owned();
        Self { client, limits, base, scheme: scheme.to_owned() }
    }

    /// The service's answer to a request.
    pub(super) async fn forward(&self, request: Request) -> Result<Response, ForwardError> {
        let answer_within = self.limits.answer_within;
        let onward = self.onward(request)?;
        let answer = tokio::time::timeout(answer_within, self.client.request(onward)).await;
        let answer = answer
            .map_err(|_| ForwardError::Late(answer_within))?
            .map_err(|error| ForwardError::Broken(with_sources(&error)))?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let words = "it changes to another protocol, which nobody asked for";
            return Err(ForwardError::Broken(words.to_owned()));
        }
        let (mut parts, body) = answer.into_parts();
        parts.extensions.clear();
        keep_to_the_connection(&mut parts.headers);
        append(&mut parts.headers, header::VIA, &via(parts.version));
        Ok(Response::from_parts(parts, Body::new(body)))
    }

    /// A request as the service gets it.
    fn onward(&self, request: Request) -> Result<http::Request<Body>, ForwardError> {
        let body_bytes_max = self.limits.body_bytes_max;
        let (mut parts, body) = request.into_parts();
        if was_here(&parts.headers) {
            return Err(ForwardError::Loop);
        }
        let declared = parts.headers.get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|bytes| bytes > body_bytes_max) {
            return Err(ForwardError::TooLarge(body_bytes_max));
        }
        let peer = parts.extensions.get().map(|ConnectInfo(peer)| *peer);
        keep_to_the_connection(&mut parts.headers);
        introduce(&mut parts.headers, &parts.uri, peer, &self.scheme);
        append(&mut parts.headers, header::VIA, &via(parts.version));
        // The client writes the service's own.
        parts.headers.remove(header::HOST);

        // A body whose length nobody said is cut off where it is too long, and its request fails.
        let most = usize::try_from(body_bytes_max).unwrap_or(usize::MAX);
        let mut onward = http::Request::new(Body::new(Limited::new(body, most)));
        *onward.uri_mut() = self.address(&parts.uri)?;
        *onward.method_mut() = parts.method;
        *onward.headers_mut() = parts.headers;
        Ok(onward)
    }

    /// Where a path is at the service.
    fn address(&self, asked: &Uri) -> Result<Uri, ForwardError> {
        let path = asked.path_and_query().map_or("/", PathAndQuery::as_str);
        let address = format!("{}{path}", self.base).parse();
        address.map_err(|error: InvalidUri| ForwardError::Broken(error.to_string()))
    }
}

/// Takes out what is meant for the one connection on which it came.
fn keep_to_the_connection(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = words_of(headers, &header::CONNECTION)
        .filter_map(|name| HeaderName::try_from(name).ok())
        .collect();
    for name in nominated {
        headers.remove(name);
    }
    // That the service may send trailers is for the one who can read them at the end: gRPC asks for it.
    if headers.get(header::TE).is_some_and(|te| !te.as_bytes().eq_ignore_ascii_case(b"trailers")) {
        headers.remove(header::TE);
    }
    for name in [
        header::CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// Tells the service who asks, and what for: the first on the way knows it, the others only add who
/// asked them.
fn introduce(headers: &mut HeaderMap, asked: &Uri, peer: Option<SocketAddr>, scheme: &str) {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(asked.authority().map(Authority::as_str));
    // Nothing with a quote in it.
    let host = host.filter(|host| host.parse::<Authority>().is_ok()).map(str::to_owned);
    if let Some(peer) = peer {
        let address = peer.ip();
        let mut element = match address {
            IpAddr::V4(_) => format!("for={address}"),
            IpAddr::V6(_) => format!("for=\"[{address}]\""),
        };
        if !headers.contains_key(header::FORWARDED) {
            let host = host.iter().map(|host| format!(";host=\"{host}\""));
            element.extend(host.chain([format!(";proto={scheme}")]));
        }
        append(headers, FORWARDED_FOR, &address.to_string());
        append(headers, header::FORWARDED, &element);
    }
    for (name, value) in [(FORWARDED_HOST, host.as_deref()), (FORWARDED_PROTO, Some(scheme))] {
        let value = value.and_then(|value| HeaderValue::from_str(value).ok());
        if let (false, Some(value)) = (headers.contains_key(&name), value) {
            headers.insert(name, value);
        }
    }
}

/// Whether a request came by here before.
fn was_here(headers: &HeaderMap) -> bool {
    // `1.1 pseudonym`, and a comment perhaps.
    words_of(headers, &header::VIA).any(|stop| stop.split_whitespace().nth(1) == Some(PSEUDONYM))
}

/// What stands in `Via` for what came by this version.
fn via(version: Version) -> String {
    let version = if version == Version::HTTP_10 { "1.0" } else { "1.1" };
    format!("{version} {PSEUDONYM}")
}

/// The elements of a header that is a list.
fn words_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',').map(str::trim))
}

/// Adds an element to a header that is a list. In one line: some read no more of it.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let lines = headers.get_all(&name).into_iter().filter_map(|line| line.to_str().ok());
    let line = lines.chain([element]).collect::<Vec<_>>().join(", ");
    if let Ok(line) = HeaderValue::try_from(line) {
        headers.insert(name, line);
    }
}

/// An error and what is behind it: the first says little.
fn with_sources(error: &dyn StdError) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let name = |name: &str| name.parse::<HeaderName>().unwrap();
        lines.iter().map(|(own, value)| (name(own), value.parse().unwrap())).collect()
    }

    fn introduced(lines: &[(&str, &str)], peer: &str) -> HeaderMap {
        let mut headers = headers(lines);
        let peer = Some(peer.parse().unwrap());
        introduce(&mut headers, &Uri::from_static("/path"), peer, "https");
        headers
    }

    #[test]
    fn what_is_meant_for_a_connection_stays_on_it() {
        let mut found = headers(&[
            ("connection", "close, x-mine"),
            ("connection", "X-Too"),
            ("x-mine", "1"),
            ("x-too", "2"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip"),
            ("trailer", "expires"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("x-app", "3"),
        ]);
        keep_to_the_connection(&mut found);
        assert_eq!(found, headers(&[("x-app", "3")]));

        let mut grpc = headers(&[("te", "trailers"), ("content-type", "application/grpc")]);
        let before = grpc.clone();
        keep_to_the_connection(&mut grpc);
        assert_eq!(grpc, before);
    }

    #[test]
    fn the_service_is_told_who_asks_and_what_for() {
        let found = introduced(&[("host", "api.example.com:8443")], "192.168.1.5:999");
        for (name, value) in [
            ("x-forwarded-for", "192.168.1.5"),
            ("x-forwarded-host", "api.example.com:8443"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=192.168.1.5;host=\"api.example.com:8443\";proto=https"),
        ] {
            assert_eq!(found[name], value);
        }
        let found = introduced(&[], "[2001:db8::1]:999");
        assert_eq!(found["forwarded"], "for=\"[2001:db8::1]\";proto=https");
        assert!(!found.contains_key("x-forwarded-host"));
        // It would say more than the host.
        let found = introduced(&[("host", "a\";for=\"b")], "192.168.1.5:999");
        assert_eq!(found["forwarded"], "for=192.168.1.5;proto=https");

        // Without a peer that is known, what is known.
        let mut found = headers(&[("host", "api.example.com")]);
        introduce(&mut found, &Uri::from_static("/"), None, "http");
        assert_eq!(
            (&found["x-forwarded-proto"], found.contains_key("forwarded")),
            (&"http".parse().unwrap(), false)
        );
    }

    #[test]
    fn behind_another_proxy_only_who_asked_is_added() {
        let found = introduced(
            &[
                ("host", "inner"),
                ("forwarded", "for=10.0.0.1;host=\"outer\";proto=http"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-for", "10.0.0.2"),
                ("x-forwarded-host", "outer"),
                ("x-forwarded-proto", "http"),
            ],
            "10.0.0.3:999",
        );
        for (name, value) in [
            ("forwarded", "for=10.0.0.1;host=\"outer\";proto=http, for=10.0.0.3"),
            ("x-forwarded-for", "10.0.0.1, 10.0.0.2, 10.0.0.3"),
            ("x-forwarded-host", "outer"),
            ("x-forwarded-proto", "http"),
        ] {
            assert_eq!(found[name], value);
            assert_eq!(found.get_all(name).iter().count(), 1, "{name}");
        }
    }

    #[test]
    fn a_request_that_was_here_before_is_known() {
        let mut found = headers(&[("via", "1.0 fred, 1.1 other (a comment)")]);
        assert!(!was_here(&found));
        append(&mut found, header::VIA, &via(Version::HTTP_11));
        assert_eq!(found["via"], "1.0 fred, 1.1 other (a comment), 1.1 aep2-gateway");
        assert!(was_here(&found));
        assert!(!was_here(&headers(&[("via", "1.1 not-aep2-gateway")])));
    }

    #[test]
    fn the_services_path_comes_before_the_one_asked_for() {
        let limits = Limits { answer_within: Duration::from_secs(1), body_bytes_max: 1 };
        for (upstream, asked, found) in [
            ("http://service", "/", "http://service/"),
            ("http://service/", "/a/?q=1", "http://service/a/?q=1"),
            ("http://service:81/base", "/a", "http://service:81/base/a"),
            ("https://service/base/", "/?q", "https://service/base/?q"),
        ] {
            let forward = Forward::new(&upstream.parse().unwrap(), "http", limits);
            assert_eq!(forward.address(&asked.parse().unwrap()).unwrap(), found);
        }
    }
}
