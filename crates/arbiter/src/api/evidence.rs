//! Evidence, as a download: never shown in a page, never interpreted.

use alloy_primitives::B256;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{authentication::ByJudge, context::Context, error::ApiError};
use crate::evidence::OpenedPiece;

/// `GET /v1/cases/{number}/evidence/{hash}`: the bytes. Who read them is in the log.
pub(super) async fn show(
    ByJudge(judge): ByJudge,
    State(context): State<Context>,
    of: Result<Path<(u64, B256)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((number, hash)) = of?;
    Ok(download(context.arbiter().read_evidence(number, hash, judge).await?))
}

/// Bytes that a browser puts into a file, whatever they are. What their owner says they are is not passed on.
pub(crate) fn download(piece: OpenedPiece) -> Response {
    let name = format!("attachment; filename=\"{}.bin\"", piece.piece.hash);
    let mut response = piece.bytes.into_response();
    let headers = response.headers_mut();
    let says = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in says {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // It has nothing in it but hexadecimal digits.
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
