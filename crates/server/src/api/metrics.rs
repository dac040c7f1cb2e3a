//! `GET /metrics`.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{Api, error::ApiError};

/// The media type of what Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How much of everything, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Metrics in the OpenMetrics text format", content_type = "text/plain", body = String))
)]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    // The ledger is looked through for some of it.
    let text = api.aside(|processor| processor.metrics().encode()).await?;
    let text = text.and_then(|text| api.instruments().encode_after(text));
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
