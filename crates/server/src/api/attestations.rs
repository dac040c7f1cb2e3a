//! Attestations: what issuers say about payers, payees and agents, handed in by whoever has them.

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

/// The most bytes of a request.
const BYTES_MAX: usize = 32 << 10;

/// What is handed in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Presented {
    /// The token, a JWT of an issuer that this processor trusts.
    token: String,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Taken {
    /// Who says it.
    issuer: String,
    /// What was checked: `kyc`, `kyb` or `kya`.
    kind: &'static str,
    /// Whom it counts for here.
    subjects: Vec<String>,
    /// From when on it is not valid, in unix seconds.
    expires_at: u64,
    /// The SHA-256 of the token.
    #[schema(value_type = aep2_mandate::openapi::Bytes32)]
    evidence: B256,
}

/// Hand in what an issuer attested.
///
/// The token speaks of one account or agent and counts for nobody else, so anybody may hand it in. Whoever
/// it is about is looked at again; a payment that waits for it may be sent again a little later.
#[utoipa::path(
    post, path = "/v1/attestations", tag = "compliance",
    request_body = Presented,
    responses(
        (status = 200, description = "Taken", body = Taken),
        schema::NotFoundErrors, schema::BodyErrors, schema::PresentingErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn present(
    State(api): State<Api>,
    request: Request,
) -> Result<Json<Taken>, ApiError> {
    let text = body::json(request, BYTES_MAX, api.body_within()).await?;
    let Presented { token } = serde_json::from_slice(&text)
        .map_err(|error| ApiError::new(Code::Malformed, error.to_string()))?;
    let taken = api.compliance().ok_or_else(none)?.present(&token).await?;
    let kind = taken.kind();
    let attestation = taken.attestation;
    Ok(Json(Taken {
        issuer: attestation.issuer,
        kind,
        subjects: taken.subjects.iter().map(ToString::to_string).collect(),
        expires_at: attestation.expires_at_s,
        evidence: attestation.evidence,
    }))
}

/// What is answered where compliance is off.
pub(super) fn none() -> ApiError {
    ApiError::not_found("this processor asks for nothing of the kind")
}

impl From<aep2_compliance::ComplianceError> for ApiError {
    fn from(error: aep2_compliance::ComplianceError) -> Self {
        match error.code() {
            "not_found" => Self::not_found(error.to_string()),
            "internal" => Self::internal(&error),
            "too_many_requests" => Self::new(Code::TooManyRequests, error.to_string()),
            "account_being_read" => Self::new(Code::AccountBeingRead, error.to_string()),
            "travel_rule_invalid" => Self::new(Code::TravelRuleInvalid, error.to_string()),
            code => Self::new(Code::AttestationRefused, format!("{code}: {error}")),
        }
    }
}
