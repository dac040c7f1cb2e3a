//! Subjects: what is known of them.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;

use super::{
    authentication::{ByOfficer, Reader},
    context::Context,
    error::ApiError,
};
use crate::{standing::Standing, subject::Subject};

/// How it stands.
#[derive(Serialize)]
pub(super) struct Status {
    /// How many subjects wait to be asked about.
    waiting: usize,
    /// The numbers of the open cases, the newest first.
    open_cases: Vec<u64>,
    /// The providers that are asked.
    providers: Vec<ProviderStatus>,
}

#[derive(Serialize)]
struct ProviderStatus {
    name: String,
    /// The number of the data that it answers from at once.
    edition: u64,
    /// What else there is to say.
    details: serde_json::Value,
}

/// `GET /v1/status`.
pub(super) async fn status(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
) -> Result<Json<Status>, ApiError> {
    let cases = compliance.cases(true, 1_000)?;
    let now = compliance.now();
    let providers = compliance.providers().iter().map(|provider| ProviderStatus {
        name: provider.name().to_owned(),
        edition: provider.edition(),
        details: provider.status(now),
    });
    Ok(Json(Status {
        waiting: compliance.waiting(),
        open_cases: cases.into_iter().map(|case| case.number).collect(),
        providers: providers.collect(),
    }))
}

/// `GET /v1/subjects/{subject}`.
pub(super) async fn show(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
    Path(subject): Path<String>,
) -> Result<Json<Standing>, ApiError> {
    let subject = parse(&subject)?;
    match compliance.standing(&subject)? {
        Some(standing) => Ok(Json(standing)),
        None => Err(ApiError::new("not_found", format!("nobody was asked about {subject} yet"))),
    }
}

/// `POST /v1/subjects/{subject}/screening`: asks everybody now.
pub(super) async fn screen(
    _: ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    Path(subject): Path<String>,
) -> Result<Json<Standing>, ApiError> {
    Ok(Json(compliance.screen(parse(&subject)?).await?))
}

pub(super) fn parse(subject: &str) -> Result<Subject, ApiError> {
    subject
        .parse()
        .map_err(|error: crate::subject::SubjectError| ApiError::malformed(error.to_string()))
}
