//! Cases.

use aep2_mandate::units::UnixTime;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};

use super::{
    authentication::{ByOfficer, Reader},
    context::Context,
    error::ApiError,
    subjects::parse,
};
use crate::{
    cases::{Case, Decide},
    standing::Standing,
};

/// Which cases.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Which {
    /// Decided ones too.
    all: bool,
    /// At most so many.
    limit: usize,
}

impl Default for Which {
    fn default() -> Self {
        Self { all: false, limit: 100 }
    }
}

/// `GET /v1/cases`.
pub(super) async fn list(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Vec<Case>>, ApiError> {
    let Query(Which { all, limit }) = which?;
    Ok(Json(compliance.cases(!all, limit)?))
}

/// A case with what is known of its subject.
#[derive(Serialize)]
pub(super) struct CaseShown {
    case: Case,
    subject: Option<Standing>,
}

/// `GET /v1/cases/{number}`.
pub(super) async fn show(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
    Path(number): Path<u64>,
) -> Result<Json<CaseShown>, ApiError> {
    let case = compliance.case(number)?;
    let subject = compliance.standing(&case.subject)?;
    Ok(Json(CaseShown { case, subject }))
}

/// Whom a case is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    subject: String,
}

/// `POST /v1/cases`.
pub(super) async fn open(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    body: Result<Json<Open>, JsonRejection>,
) -> Result<Json<Case>, ApiError> {
    let subject = parse(&body?.subject)?;
    // What officers decide about is what everybody said.
    if compliance.standing(&subject)?.is_none() {
        compliance.screen(subject).await?;
    }
    Ok(Json(compliance.open_case(subject, officer).await?))
}

/// What an officer writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    text: String,
}

/// `POST /v1/cases/{number}/notes`.
pub(super) async fn note(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(number): Path<u64>,
    body: Result<Json<Words>, JsonRejection>,
) -> Result<Json<Case>, ApiError> {
    Ok(Json(compliance.note(number, &body?.text, officer).await?))
}

/// What an officer decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    version: u64,
    serve: bool,
    until: u64,
    why: String,
}

/// `POST /v1/cases/{number}/decision`.
pub(super) async fn decide(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(number): Path<u64>,
    body: Result<Json<Decision>, JsonRejection>,
) -> Result<Json<Case>, ApiError> {
    let Json(Decision { version, serve, until, why }) = body?;
    if why.trim().is_empty() {
        return Err(ApiError::malformed("why: say why, for whoever reads the record later"));
    }
    let until = UnixTime::new(until).map_err(|error| ApiError::malformed(error.to_string()))?;
    let decide = Decide { number, version, serve, until, why, officer };
    Ok(Json(compliance.decide(decide).await?))
}

/// Which version an officer saw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    version: u64,
}

/// `POST /v1/cases/{number}/rejection`.
pub(super) async fn reject(
    ByOfficer(officer): ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(number): Path<u64>,
    body: Result<Json<Seen>, JsonRejection>,
) -> Result<Json<Case>, ApiError> {
    Ok(Json(compliance.reject((number, body?.version), officer).await?))
}
