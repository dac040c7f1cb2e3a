//! Freezes.

use alloy_primitives::B256;
use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::Deserialize;

use super::{
    authentication::{ByOfficer, Reader},
    context::Context,
    error::ApiError,
};
use crate::freezes::Freeze;

/// `GET /v1/freezes`.
pub(super) async fn list(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
) -> Result<Json<Vec<Freeze>>, ApiError> {
    Ok(Json(compliance.freezes()?))
}

/// What is to be frozen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    mandate: B256,
    why: String,
    /// That the officer knows what it means.
    break_the_promise: bool,
}

/// `POST /v1/freezes`.
pub(super) async fn freeze(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Freeze>, ApiError> {
    let Json(Wanted { mandate, why, break_the_promise }) = body?;
    if !break_the_promise {
        return Err(ApiError::malformed(
            "break_the_promise: a frozen mandate is not settled although its receipt promises it, and \
             the payee can claim it from the bond; say true if that is wanted",
        ));
    }
    if why.trim().is_empty() {
        return Err(ApiError::malformed("why: say why, for whoever reads the record later"));
    }
    Ok(Json(compliance.freeze(mandate, &why, officer).await?))
}

/// `POST /v1/freezes/{mandate}/thaw`.
pub(super) async fn thaw(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(mandate): Path<B256>,
) -> Result<Json<Freeze>, ApiError> {
    Ok(Json(compliance.thaw(mandate, officer).await?))
}
