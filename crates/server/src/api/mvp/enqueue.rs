//! `POST /enqueue`: a mandate for a promise to settle it.
//!
//! The processor looks at a mandate in [an order of its own](aep2_processor::accept), which spares it
//! signatures of what it refuses anyway. The MVP's order is restored here, from what it answered: only
//! a refusal costs a second look, and only what comes before it in the MVP's order is looked at.

use aep2_mandate::typed_data::{self, direct::SignedDirectMandate};
use aep2_processor::accept::{AcceptError, DirectAcceptance};
use alloy::{primitives::U256, sol_types::Eip712Domain};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    refusal::{Code, Refusal},
    schema,
};
use crate::api::{body, error::ApiError, state::Api};

/// Enqueue a mandate, as the published MVP's payees do.
///
/// The amount is reserved and the receipt on disk before the answer leaves. When several errors apply,
/// the first of `INVALID_REQUEST`, `EXPIRED_MANDATE`, `INVALID_SIGNATURE`, `DUPLICATE_MANDATE`,
/// `NONCE_USED`, `INSUFFICIENT_BALANCE` is the answer. The receipt of a duplicate is at
/// `GET /v1/mandates/{id}`, by the mandate's digest.
#[utoipa::path(
    post, path = "/enqueue", tag = "mvp",
    request_body = SignedDirectMandate,
    responses(
        (status = 200, description = "Enqueued", body = Enqueued),
        schema::EnqueueErrors, schema::ServiceErrors,
    )
)]
pub(in crate::api) async fn enqueue(
    State(api): State<Api>,
    request: Request,
) -> Result<Response, ApiError> {
    let text = body::json(request, api.limits().mandate_bytes_max, api.body_within()).await?;
    let mandate = SignedDirectMandate::from_json(&text)?;
    let processor = api.processor();
    let found = match processor.accept_direct(mandate).await {
        Ok(acceptance) if !acceptance.again => {
            return Ok(Json(Enqueued { success: true, receipt: acceptance }).into_response());
        }
        Ok(_) => Refusal::new(
            Code::DuplicateMandate,
            "the mandate was enqueued before; GET /v1/mandates/{mandateDigest} has its receipt",
        ),
        Err(error) => refusal_of(error)?,
    };
    let identity = processor.identity();
    let domain = typed_data::domain(identity.chain_id, identity.wallet);
    let now = U256::from(processor.now().get());
    Ok(first(found, &mandate, &domain, now).into_response())
}

/// A mandate that was enqueued.
#[derive(Serialize, ToSchema)]
struct Enqueued {
    success: bool,
    receipt: DirectAcceptance,
}

/// What the processor found, in the MVP's codes.
///
/// # Errors
/// What says nothing about the mandate: that the processor does not serve at the moment.
fn refusal_of(error: AcceptError) -> Result<Refusal, ApiError> {
    let code = match &error {
        AcceptError::UnsupportedToken { .. }
        | AcceptError::LostPayee(_)
        | AcceptError::AmountTooSmall { .. } => Code::InvalidRequest,
        AcceptError::Expired { .. } | AcceptError::DeadlineTooNear { .. } => Code::ExpiredMandate,
        AcceptError::BadSignature { .. } => Code::InvalidSignature,
        AcceptError::NonceSpent | AcceptError::NonceConflict => Code::NonceUsed,
        // There is nothing, or nothing left, that this processor may debit for the owner.
        AcceptError::InsufficientFunds { .. }
        | AcceptError::NoDirectAccount { .. }
        | AcceptError::UnknownAccount { .. }
        | AcceptError::OtherProcessor { .. }
        | AcceptError::OtherVerifiers { .. }
        | AcceptError::OtherKey { .. }
        | AcceptError::ChangePending { .. }
        | AcceptError::Policy(_) => Code::InsufficientBalance,
        _ => return Err(error.into()),
    };
    Ok(Refusal::new(code, error))
}

/// What the MVP would have answered: what was found, or what it looks at before that.
fn first(
    found: Refusal,
    signed: &SignedDirectMandate,
    domain: &Eip712Domain,
    now: U256,
) -> Refusal {
    let deadline = signed.message.deadline;
    if found.error > Code::ExpiredMandate && deadline < now {
        let message = format!("the mandate expired at {deadline}, and it is {now}");
        return Refusal::new(Code::ExpiredMandate, message);
    }
    if found.error > Code::InvalidSignature
        && let Err(error) = signed.verify_owner(domain)
    {
        let message = format!("the signature does not hold: {error}");
        return Refusal::new(Code::InvalidSignature, message);
    }
    found
}
