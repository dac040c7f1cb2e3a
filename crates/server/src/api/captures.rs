//! Captures: payees that take less than a mandate allows.

use aep2_processor::capture::{CaptureAcceptance, CaptureError, SignedCapture};
use axum::{
    Json,
    extract::{Path, Request, State},
};

use super::{
    body,
    error::{ApiError, Code},
    path, schema,
    state::Api,
};

/// Capture some of a mandate.
///
/// Signed by the payee's key. Once, at most the mandate's amount, before it is being settled; 0 voids
/// the payment. Without this, all of it is paid. The answer is the processor's signed word on what was
/// captured. The same again gets the same answer.
#[utoipa::path(
    post, path = "/v1/mandates/{id}/capture", tag = "mandates",
    params(schema::MandateId),
    request_body = SignedCapture,
    responses(
        (status = 200, description = "Captured", body = CaptureAcceptance),
        schema::NotFoundErrors, schema::BodyErrors, schema::CaptureErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn capture(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<CaptureAcceptance>, ApiError> {
    let id = path::mandate(&id)?;
    let limits = api.limits();
    let text = body::json(request, limits.mandate_bytes_max, api.body_within()).await?;
    let capture = SignedCapture::from_json(&text)?;
    if capture.message.mandate_id != id.bytes() {
        return Err(ApiError::new(
            Code::Malformed,
            "capture.mandateId: the capture is of another mandate than the address",
        ));
    }
    let captured = api.processor().capture(capture).await?;
    Ok(Json(captured))
}

impl From<CaptureError> for ApiError {
    fn from(error: CaptureError) -> Self {
        Self::coded(error.code(), &error)
    }
}
