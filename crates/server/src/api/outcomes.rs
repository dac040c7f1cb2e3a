//! Outcomes: what became of mandates, signed, for whoever has to rely on it.

use aep2_ledger::MandateHash;
use aep2_mandate::{typed_data::outcome::SignedOutcome, wire::Strict};
use alloy::primitives::B256;
use axum::{
    Json,
    extract::{Request, State},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    error::{ApiError, Code},
    schema,
    state::Api,
};

/// Mandates that are asked about.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Question {
    /// Their ids; in the direct path their EIP-712 digests.
    #[schema(value_type = Vec<aep2_mandate::openapi::Bytes32AnyCase>, min_items = 1, max_items = 256)]
    mandate_ids: Vec<Strict<B256>>,
}

/// What became of them.
#[derive(Serialize, ToSchema)]
pub(super) struct Outcomes {
    /// One for each mandate, in its place; `null` where it is not known here, or where what became of it
    /// is not final yet.
    outcomes: Vec<Option<SignedOutcome>>,
}

/// What became of up to 256 mandates, signed.
///
/// An outcome is there once nothing can change it: the block that ended the mandate cannot be reorged
/// out any more. A mandate that the processor gave up has none, because its receipt still stands.
#[utoipa::path(
    post, path = "/v1/outcomes", tag = "mandates",
    request_body = Question,
    responses(
        (status = 200, description = "An outcome or `null` for each", body = Outcomes),
        schema::BodyErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn outcomes(
    State(api): State<Api>,
    request: Request,
) -> Result<Json<Outcomes>, ApiError> {
    let limits = api.limits();
    let text = body::json(request, limits.batch_bytes_max, api.body_within()).await?;
    let question: Question = serde_json::from_slice(&text)
        .map_err(|error| ApiError::new(Code::Malformed, error.to_string()))?;
    let count = question.mandate_ids.len();
    if count == 0 {
        return Err(ApiError::new(Code::Malformed, "mandateIds: there are none"));
    }
    if count > limits.batch_mandates_max {
        let most = limits.batch_mandates_max;
        let message = format!("more than {most} mandates; ask for the rest by themselves");
        return Err(ApiError::new(Code::TooLarge, message));
    }
    let ids = question.mandate_ids.into_iter().map(|id| MandateHash::from_bytes(id.0));
    let ids: Vec<_> = ids.collect();
    let outcomes = api.blocking(move |processor| processor.outcomes(&ids)).await??;
    Ok(Json(Outcomes { outcomes }))
}
