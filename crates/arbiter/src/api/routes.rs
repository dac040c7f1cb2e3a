//! Which address is answered by what.

use aep2_page::security;
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{cases, context::Context, error::ApiError, evidence};
use crate::page;

/// The most bytes of a request: a judge's words, in JSON.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Everything that judges are served.
pub fn router(context: Context) -> Router {
    Router::new()
        .route("/v1/status", get(cases::status))
        .route("/v1/cases", get(cases::list))
        .route("/v1/cases/{number}", get(cases::show))
        .route("/v1/cases/{number}/decision", post(cases::decide))
        .route("/v1/cases/{number}/rejection", post(cases::reject))
        .route("/v1/cases/{number}/evidence/{hash}", get(evidence::show))
        .route("/healthz", get(async || "alive\n"))
        .route("/metrics", get(metrics))
        .merge(page::routes(&context))
        .fallback(async || ApiError::new("not_found", "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            ApiError::new("method_not_allowed", "this address takes other methods")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(security::never_cached))
        .with_state(context)
}

/// `GET /metrics`.
async fn metrics(State(context): State<Context>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], context.arbiter().metrics().text()).into_response()
}
