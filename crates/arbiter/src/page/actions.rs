//! What judges do on the page.

use aep2_mandate::units::Amount;
use alloy_primitives::B256;
use axum::{
    Form,
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::login;
use crate::{
    api::{ApiError, Context, download},
    judging::Decide,
};

#[derive(Deserialize)]
pub(super) struct Decision {
    key: String,
    version: u64,
    captured: String,
    why: String,
}

#[derive(Deserialize)]
pub(super) struct Rejection {
    key: String,
    version: u64,
}

/// Whose form it is: the session's that its cookie names, if the form has the session's key.
fn judge(context: &Context, headers: &HeaderMap, key: &str) -> Result<String, ApiError> {
    let ended = || ApiError::new("unauthorized", "your session has ended; log in again");
    let session = login::session(context, headers).ok_or_else(ended)?;
    if session.has(key) {
        return Ok(session.holder);
    }
    let message =
        "the form lacks this session's key: log in again, and let the page run its script";
    Err(ApiError::new("forged", message))
}

fn back(number: u64) -> Response {
    Redirect::to(&format!("/cases/{number}")).into_response()
}

/// `POST /cases/{number}/decision`.
pub(super) async fn decide(
    State(context): State<Context>,
    number: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(Decision { key, version, captured, why }): Form<Decision>,
) -> Result<Response, ApiError> {
    let judge = judge(&context, &headers, &key)?;
    let Path(number) = number?;
    let captured: Amount =
        captured.trim().parse().map_err(|error| ApiError::malformed(format!("{error}")))?;
    let decide = Decide { number, version, captured, why, judge };
    context.arbiter().judge(decide).await?;
    Ok(back(number))
}

/// `POST /cases/{number}/rejection`.
pub(super) async fn reject(
    State(context): State<Context>,
    number: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(Rejection { key, version }): Form<Rejection>,
) -> Result<Response, ApiError> {
    let judge = judge(&context, &headers, &key)?;
    let Path(number) = number?;
    context.arbiter().reject((number, version), judge).await?;
    Ok(back(number))
}

/// `GET /cases/{number}/evidence/{hash}`.
pub(super) async fn evidence(
    State(context): State<Context>,
    of: Result<Path<(u64, B256)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = login::session(&context, &headers);
    let session = session.ok_or_else(|| ApiError::new("unauthorized", "log in first"))?;
    let Path((number, hash)) = of?;
    Ok(download(context.arbiter().read_evidence(number, hash, session.holder).await?))
}
