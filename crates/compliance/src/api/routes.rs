//! Which address is answered by what.

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{
    cases, context::Context, error::ApiError, evidence, freezes, lists, records, subjects,
};

/// The most bytes of a request: an officer's words, in JSON.
const BODY_BYTES_MAX: usize = 256 << 10;

/// Everything that officers are served.
pub fn router(context: Context) -> Router {
    Router::new()
        .route("/v1/status", get(subjects::status))
        .route("/v1/subjects/{subject}", get(subjects::show))
        .route("/v1/subjects/{subject}/screening", post(subjects::screen))
        .route("/v1/cases", get(cases::list).post(cases::open))
        .route("/v1/cases/{number}", get(cases::show))
        .route("/v1/cases/{number}/notes", post(cases::note))
        .route("/v1/cases/{number}/decision", post(cases::decide))
        .route("/v1/cases/{number}/rejection", post(cases::reject))
        .route("/v1/freezes", get(freezes::list).post(freezes::freeze))
        .route("/v1/freezes/{mandate}/thaw", post(freezes::thaw))
        .route("/v1/lists/{list}/shrink", post(lists::accept_shrink))
        .route("/v1/blocked", get(records::blocked))
        .route("/v1/records", get(records::records))
        .route("/v1/travel-rule", get(records::travel_rule))
        .route("/v1/evidence/{hash}", get(evidence::show).delete(evidence::destroy))
        .route("/v1/evidence/{hash}/legal-hold", post(evidence::legal_hold))
        .route("/healthz", get(async || "alive\n"))
        .route("/metrics", get(metrics))
        .fallback(async || ApiError::new("not_found", "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            ApiError::new("method_not_allowed", "this address takes other methods")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(context)
}

/// `GET /metrics`.
async fn metrics(State(context): State<Context>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], context.compliance.metrics().text()).into_response()
}
