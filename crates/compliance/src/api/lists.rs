//! Sanctions lists.

use aep2_sanctions::FileHash;
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::Deserialize;

use super::{authentication::ByOfficer, context::Context, error::ApiError};
use crate::lists::ShrinkProposal;

/// Which file may shrink a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shrink {
    sha256: FileHash,
}

/// `POST /v1/lists/{list}/shrink`.
pub(super) async fn accept_shrink(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, lists, .. }): State<Context>,
    Path(list): Path<String>,
    body: Result<Json<Shrink>, JsonRejection>,
) -> Result<Json<ShrinkProposal>, ApiError> {
    let lists = lists.ok_or_else(|| ApiError::new("not_found", "there are no lists"))?;
    let sha256 = body?.sha256;
    Ok(Json(compliance.accept_shrink(&lists, (list, sha256), officer).await?))
}
