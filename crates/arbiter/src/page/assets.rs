//! The page's style and script.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::api::Context;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

pub(super) fn routes() -> Router<Context> {
    Router::new()
        .route("/page.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/page.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "max-age=60"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
