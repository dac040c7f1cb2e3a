//! Mandates: accepting them, and what became of them.

use aep2_mandate::mandate::MandateId;
use aep2_processor::{
    accept::{AcceptError, Acceptance},
    view::{Inclusion, MandateStatus},
};
use aep2_x402::preimage::PREIMAGE_BYTES_MAX;
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    body,
    error::{ApiError, Code, ErrorBody},
    path, schema,
    state::Api,
};

/// Accept a mandate.
///
/// 201 with the processor's receipt, once the mandate and its reservation are on disk. The same mandate
/// again gets the same receipt with 200, whatever has become of it since. A refusal promises nothing
/// and leaves nothing behind. Where the payee's terms agree to disputes, what the mandate's `ref` was made
/// of comes with it, as `terms`: `{"method", "resource", "order"?, "disputes"}`.
#[utoipa::path(
    post, path = "/v1/mandates", tag = "mandates",
    request_body = schema::MandateWithTerms,
    responses(
        (status = 201, description = "Accepted", body = Acceptance),
        (status = 200, description = "Accepted before; the same receipt", body = Acceptance),
        schema::BodyErrors, schema::AcceptErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn accept(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let limits = api.limits();
    let bytes_max = limits.mandate_bytes_max.saturating_add(PREIMAGE_BYTES_MAX);
    let text = body::json(request, bytes_max, api.body_within()).await?;
    let acceptance = api.processor().accept(body::mandate(&text)?).await?;
    let status = status_of(&acceptance);
    let answer = serde_json::to_vec(&acceptance).map_err(|e| ApiError::internal(&e))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], answer).into_response())
}

/// Accept up to 256 mandates.
///
/// Each is accepted or refused by itself, and has its answer in the same place. The status of the whole
/// is 200 however they fare.
#[utoipa::path(
    post, path = "/v1/mandates/batch", tag = "mandates",
    request_body = schema::ManyMandates,
    responses(
        (status = 200, description = "An answer for each", body = Answers),
        schema::BodyErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn accept_many(
    State(api): State<Api>,
    request: Request,
) -> Result<Json<Answers>, ApiError> {
    let limits = api.limits();
    let text = body::json(request, limits.batch_bytes_max, api.body_within()).await?;
    let read = body::mandates(&text, limits.batch_mandates_max, limits.mandate_bytes_max)?;
    drop(text);
    let (mut answers, mut places, mut mandates) = (Vec::new(), Vec::new(), Vec::new());
    for (place, one) in read.into_iter().enumerate() {
        match one {
            Ok(mandate) => {
                places.push(place);
                mandates.push(mandate);
                answers.push(None);
            }
            Err(error) => answers.push(Some(Err(error))),
        }
    }
    let accepted = api.processor().accept_many(mandates).await;
    for (place, answer) in places.into_iter().zip(accepted) {
        answers[place] = Some(answer.map_err(ApiError::from));
    }
    let unanswered = || Err(ApiError::internal(&"a mandate of a batch got no answer"));
    let answers = answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered).into());
    Ok(Json(Answers { answers: answers.collect() }))
}

/// What became of a mandate.
#[utoipa::path(
    get, path = "/v1/mandates/{id}", tag = "mandates",
    params(schema::MandateId),
    responses(
        (status = 200, description = "The mandate", body = MandateStatus),
        schema::NotFoundErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn mandate(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = path::mandate(&id)?;
    let status = api.blocking(move |processor| processor.mandate(id)).await??;
    match status {
        Some(status) => Ok(Json(status).into_response()),
        None => Err(unknown()),
    }
}

/// The proof that a mandate was settled.
///
/// Against what the transaction settled, as the chain has it: anyone can check it, with
/// `aep2 inclusion verify` or by the rules in the protocol's documentation.
#[utoipa::path(
    get, path = "/v1/mandates/{id}/proof", tag = "mandates",
    params(schema::MandateId),
    responses(
        (status = 200, description = "The proof", body = Inclusion),
        schema::NotFoundErrors, schema::ProofErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn proof(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = path::mandate(&id)?;
    // What is no field element is no id of the proved path, and no mandate of it has it.
    let id = MandateId::from_bytes(id.bytes()).ok_or_else(unknown)?;
    let proof = api.processor().inclusion_proof(id).await?;
    Ok(Json(proof).into_response())
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::UnknownMandate,
        "no mandate with this id was accepted here; a mandate may be sent again",
    )
}

/// 201 for what is new, 200 for what was there.
fn status_of(acceptance: &Acceptance) -> StatusCode {
    if acceptance.again { StatusCode::OK } else { StatusCode::CREATED }
}

/// The answers to many, each in its mandate's place.
#[derive(Serialize, ToSchema)]
pub(super) struct Answers {
    answers: Vec<Answer>,
}

/// One of many answers, with the status that it would have by itself.
#[derive(Serialize, ToSchema)]
struct Answer {
    status: u16,
    #[serde(flatten)]
    result: AcceptResult,
}

/// What became of one of many.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum AcceptResult {
    /// It is accepted.
    Accepted(Box<Acceptance>),
    /// It is refused.
    Refused {
        /// Why.
        error: ErrorBody,
    },
}

impl From<Result<Acceptance, ApiError>> for Answer {
    fn from(answer: Result<Acceptance, ApiError>) -> Self {
        match answer {
            Ok(acceptance) => Self {
                status: status_of(&acceptance).as_u16(),
                result: AcceptResult::Accepted(Box::new(acceptance)),
            },
            Err(error) => Self {
                status: error.code.status().as_u16(),
                result: AcceptResult::Refused { error: error.body() },
            },
        }
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        Self { retry_after_s: error.retry_after_s(), ..Self::coded(error.code(), &error) }
    }
}
