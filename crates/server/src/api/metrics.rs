//! `GET /metrics`.

use aep2_http::metrics_response;
use axum::{extract::State, response::Response};

use super::{error::ApiError, state::Api};

/// How much of everything, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Metrics in the OpenMetrics text format", content_type = "text/plain", body = String))
)]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    // The ledger is looked through for some of it.
    let text = api.blocking(|processor| processor.metrics().encode()).await?;
    let text = text.and_then(|text| api.metrics().encode_after(text));
    text.map(metrics_response).map_err(|error| ApiError::internal(&error))
}
