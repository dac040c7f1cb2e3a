//! Records: the register of blocked payments, and the log.

use aep2_mandate::units::UnixTime;
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    authentication::{ByOfficer, Reader},
    context::Context,
    error::ApiError,
};
use crate::export::{self, Format};

/// A period: from a time, to before another, in unix seconds.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Period {
    from: u64,
    to: u64,
    format: Format,
}

impl Default for Period {
    fn default() -> Self {
        Self { from: 0, to: UnixTime::MAX.get(), format: Format::Jsonl }
    }
}

impl Period {
    fn times(&self) -> Result<(UnixTime, UnixTime), ApiError> {
        let time = |seconds| {
            UnixTime::new(seconds).map_err(|error| ApiError::malformed(error.to_string()))
        };
        Ok((time(self.from)?, time(self.to)?))
    }
}

/// The most payments of one answer.
const BLOCKED_MAX: usize = 100_000;

/// `GET /v1/blocked`.
pub(super) async fn blocked(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
    period: Result<Query<Period>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(period) = period?;
    let blocked = compliance.blocked(period.times()?, BLOCKED_MAX)?;
    match period.format {
        Format::Jsonl => Ok(Json(blocked).into_response()),
        Format::Csv => Ok(text("text/csv", export::blocked_csv(&blocked))),
    }
}

/// `GET /v1/records`.
pub(super) async fn records(
    _: Reader,
    State(Context { compliance, .. }): State<Context>,
    period: Result<Query<Period>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(period) = period?;
    let (times, format) = (period.times()?, period.format);
    let reading = tokio::task::spawn_blocking(move || compliance.records(times, format));
    let read = reading.await.map_err(|error| ApiError::new("internal", error.to_string()))?;
    let kind = match format {
        Format::Jsonl => "application/jsonl",
        Format::Csv => "text/csv",
    };
    Ok(text(kind, read?))
}

/// `GET /v1/travel-rule`: what payers handed in, opened.
pub(super) async fn travel_rule(
    _: ByOfficer,
    State(Context { compliance, .. }): State<Context>,
    period: Result<Query<Period>, QueryRejection>,
) -> Result<Response, ApiError> {
    let times = period?.times()?;
    let reading = tokio::task::spawn_blocking(move || compliance.travel_rule_export(times));
    let read = reading.await.map_err(|error| ApiError::new("internal", error.to_string()))?;
    Ok(text("application/jsonl", read?))
}

fn text(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
