//! Evidence.

use alloy_primitives::{B256, hex};
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};

use super::{authentication::ByOfficer, context::Context, error::ApiError};
use crate::evidence::EvidenceMeta;

/// A record, opened.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    meta: EvidenceMeta,
    /// What it says, where it is text.
    text: Option<String>,
    /// Its bytes, hexadecimal, where it is not.
    bytes: Option<String>,
}

/// `GET /v1/evidence/{hash}`.
pub(super) async fn show(
    _: ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(hash): Path<B256>,
) -> Result<Json<Shown>, ApiError> {
    let (meta, content) = compliance.evidence(hash)?;
    let (text, bytes) = match String::from_utf8(content) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(hex::encode_prefixed(error.as_bytes()))),
    };
    Ok(Json(Shown { meta, text, bytes }))
}

/// `DELETE /v1/evidence/{hash}`: destroys its key.
pub(super) async fn destroy(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(hash): Path<B256>,
) -> Result<Json<EvidenceMeta>, ApiError> {
    Ok(Json(compliance.destroy_evidence(hash, officer).await?))
}

/// Whether a record is kept whatever its age.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegalHold {
    on: bool,
}

/// `POST /v1/evidence/{hash}/legal-hold`.
pub(super) async fn legal_hold(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(hash): Path<B256>,
    body: Result<Json<LegalHold>, JsonRejection>,
) -> Result<Json<EvidenceMeta>, ApiError> {
    Ok(Json(compliance.set_legal_hold(hash, body?.on, officer).await?))
}
