//! The pages' style and script.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("session.js");

/// `/page.css` and `/page.js`: what all pages have, and behind it what these have besides.
pub fn routes<S: Clone + Send + Sync + 'static>(
    style: &'static str,
    script: &'static str,
) -> Router<S> {
    Router::new()
        .route("/page.css", get(async move || asset("text/css; charset=utf-8", [STYLE, style])))
        .route(
            "/page.js",
            get(async move || asset("text/javascript; charset=utf-8", [SCRIPT, script])),
        )
}

fn asset(kind: &'static str, parts: [&'static str; 2]) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "max-age=60"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, parts.concat()).into_response()
}
