//! What the Travel Rule asks for: an object for a mandate, sealed to the processor.

use aep2_mandate::mandate::SignedMandate;
use alloy::primitives::B256;
use axum::{
    Json,
    extract::{Request, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use super::{
    attestations::none,
    body,
    error::{ApiError, Code},
    schema,
    state::Api,
};
use crate::compliance::payment;

/// The most bytes of a request: a sealed object and a mandate.
const BYTES_MAX: usize = 256 << 10;

/// What is handed in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HandedIn<'a> {
    /// The mandate, signed: nobody fills the store in somebody else's name.
    #[serde(borrow)]
    #[schema(value_type = SignedMandate)]
    mandate: &'a RawValue,
    /// The object, sealed to the processor's key as a compact JWE.
    object: String,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TakenIn {
    /// The mandate, which can be sent now.
    #[schema(value_type = aep2_mandate::openapi::Bytes32)]
    mandate_id: B256,
    /// A commitment to what was taken: by it the processor's officers find it.
    #[schema(value_type = aep2_mandate::openapi::Bytes32)]
    evidence: B256,
}

/// Hand in what the Travel Rule asks for.
///
/// For a mandate that was refused with `travel_rule_required`. Nothing else may keep the mandate from being
/// accepted. Afterwards it is sent again, within the hour.
#[utoipa::path(
    post, path = "/v1/travel-rule", tag = "compliance",
    request_body = HandedIn,
    responses(
        (status = 200, description = "Taken", body = TakenIn),
        schema::NotFoundErrors, schema::BodyErrors, schema::AcceptErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn hand_in(
    State(api): State<Api>,
    request: Request,
) -> Result<Json<TakenIn>, ApiError> {
    let text = body::json(request, BYTES_MAX, api.body_within()).await?;
    let malformed = |error: serde_json::Error| ApiError::new(Code::Malformed, error.to_string());
    let HandedIn { mandate, object } = serde_json::from_slice(&text).map_err(malformed)?;
    let compliance = api.compliance().ok_or_else(none)?;
    let mandate = SignedMandate::from_json(mandate.get().as_bytes())?;
    let asked = api.blocking(move |processor| processor.request(&mandate)).await??;
    let asked = asked.ok_or_else(|| {
        ApiError::new(Code::TravelRuleInvalid, "the mandate was accepted already")
    })?;
    let payment = payment(&asked);
    let evidence = compliance.hand_in(&payment, &object).await?;
    Ok(Json(TakenIn { mandate_id: payment.mandate, evidence }))
}

/// The key that objects are sealed to.
///
/// A JWK on P-256, for `ECDH-ES` with `A256GCM`.
#[utoipa::path(
    get, path = "/v1/travel-rule/key", tag = "compliance",
    responses(
        (status = 200, description = "A JWK", body = Object),
        schema::NotFoundErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn key(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let key = api.compliance().ok_or_else(none)?.travel_rule_key()?;
    key.map(Json).ok_or_else(none)
}
