//! Cases.

use aep2_mandate::units::Amount;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    authentication::{ByJudge, Reader},
    context::Context,
    error::ApiError,
};
use crate::{case::Case, case_file::CaseFile, error::ArbiterError, judging::Decide};

/// The most cases in an answer.
const CASES_MAX: usize = 1_000;

/// Which cases.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Which {
    /// Those at their end too, the newest first; otherwise the ones that end first.
    all: bool,
    /// Those before this number.
    before: Option<u64>,
    /// At most so many.
    limit: usize,
}

impl Default for Which {
    fn default() -> Self {
        Self { all: false, before: None, limit: 100 }
    }
}

/// `GET /v1/cases`.
pub(super) async fn list(
    _: Reader,
    State(context): State<Context>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Vec<Case>>, ApiError> {
    let Query(Which { all, before, limit }) = which?;
    let limit = limit.min(CASES_MAX);
    if all {
        return Ok(Json(context.arbiter().cases(before, limit)?));
    }
    let mut open = context.arbiter().open_cases()?;
    open.truncate(limit);
    Ok(Json(open))
}

/// A case, with what was signed in it for judges.
#[derive(Serialize)]
pub(super) struct CaseShown {
    case: Case,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<CaseFile>,
}

/// `GET /v1/cases/{number}`.
pub(super) async fn show(
    who: Reader,
    State(context): State<Context>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Json<CaseShown>, ApiError> {
    let Path(number) = number?;
    let arbiter = context.arbiter();
    let case = arbiter.case(number)?;
    let file = match who.is_judge.then(|| arbiter.file(number)) {
        None | Some(Err(ArbiterError::Destroyed(_))) => None,
        Some(file) => Some(file?),
    };
    Ok(Json(CaseShown { case, file }))
}

/// What a judge decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    version: u64,
    captured: Amount,
    why: String,
}

/// `POST /v1/cases/{number}/decision`.
pub(super) async fn decide(
    ByJudge(judge): ByJudge,
    State(context): State<Context>,
    number: Result<Path<u64>, PathRejection>,
    body: Result<Json<Decision>, JsonRejection>,
) -> Result<Json<Case>, ApiError> {
    let (Path(number), Json(Decision { version, captured, why })) = (number?, body?);
    let decide = Decide { number, version, captured, why, judge };
    Ok(Json(context.arbiter().judge(decide).await?))
}

/// Which version a judge saw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    version: u64,
}

/// `POST /v1/cases/{number}/rejection`.
pub(super) async fn reject(
    ByJudge(judge): ByJudge,
    State(context): State<Context>,
    number: Result<Path<u64>, PathRejection>,
    body: Result<Json<Seen>, JsonRejection>,
) -> Result<Json<Case>, ApiError> {
    let (Path(number), Json(Seen { version })) = (number?, body?);
    Ok(Json(context.arbiter().reject((number, version), judge).await?))
}

/// `GET /v1/status`.
pub(super) async fn status(
    _: Reader,
    State(context): State<Context>,
) -> Result<Json<Value>, ApiError> {
    let arbiter = context.arbiter();
    let open = arbiter.open_cases()?;
    let waiting = open.iter().filter(|case| case.is_open()).count();
    let next = open.first().map(|case| case.decide_by);
    Ok(Json(json!({
        "arbiter": arbiter.address().to_string(), "open": waiting,
        "to_be_delivered": open.len() - waiting, "next_decide_by": next,
    })))
}
