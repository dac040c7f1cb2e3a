//! Batches and how far they are.

use aep2_processor::view::BatchStatus;
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    error::{ApiError, Code, Envelope},
    path, schema,
    state::Api,
};

/// Batches, the newest first.
#[utoipa::path(
    get, path = "/v1/batches", tag = "batches",
    params(
        ("before" = Option<u64>, Query, description = "Only those with a lower number: the last of the page before"),
        ("limit" = Option<u64>, Query, description = "How many at most; 20 where it is not said", minimum = 1),
    ),
    responses(
        (status = 200, description = "A page of batches", body = Batches),
        (status = 400, description = "`malformed`", body = Envelope),
        schema::ServiceErrors,
    )
)]
pub(super) async fn batches(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let Page { before, limit } = Page::parse(query.as_deref().unwrap_or_default())?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT).min(api.limits().page_max);
    let before = before.map(aep2_ledger::BatchNumber::new);
    let batches = api.blocking(move |processor| processor.batches(before, limit)).await??;
    Ok(Json(Batches { batches }).into_response())
}

/// A batch: its members' number and sum, how far it is, its transaction.
#[utoipa::path(
    get, path = "/v1/batches/{id}", tag = "batches",
    params(("id" = u64, Path, description = "The batch's number", minimum = 1)),
    responses(
        (status = 200, description = "The batch", body = BatchStatus),
        schema::NotFoundErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn batch(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = path::batch(&id)?;
    let status = api.blocking(move |processor| processor.batch(id)).await??;
    match status {
        Some(status) => Ok(Json(status).into_response()),
        None => Err(ApiError::not_found("no batch has this number yet")),
    }
}

/// How many batches a page has where nothing is said.
const LIMIT_DEFAULT: usize = 20;

/// A page of batches.
#[derive(Serialize, ToSchema)]
struct Batches {
    batches: Vec<BatchStatus>,
}

/// What stands behind the question mark.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    before: Option<u64>,
    limit: Option<usize>,
}

impl Page {
    /// Reads it strictly: a name that is not known, or comes twice, is a mistake.
    fn parse(query: &str) -> Result<Self, ApiError> {
        let malformed = |message: String| ApiError::new(Code::Malformed, message);
        let mut page = Self::default();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let number = path::number(value)?;
            let twice = match name {
                "before" => page.before.replace(number).is_some(),
                "limit" if number == 0 => {
                    return Err(malformed("limit: must be at least 1".to_owned()));
                }
                "limit" => {
                    page.limit.replace(usize::try_from(number).unwrap_or(usize::MAX)).is_some()
                }
                _ => return Err(malformed("this takes before and limit, no others".to_owned())),
            };
            if twice {
                return Err(malformed(format!("{name}: is there twice")));
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_asked_for_strictly() {
        assert_eq!(Page::parse(""), Ok(Page::default()));
        assert_eq!(Page::parse("limit=5&before=9"), Ok(Page { before: Some(9), limit: Some(5) }));
        for query in
            ["limit", "limit=", "limit=0", "limit=-1", "limit=1&limit=2", "after=1", "before=x"]
        {
            assert!(Page::parse(query).is_err(), "{query}");
        }
    }
}
