//! What the OpenAPI document says beside the types that are sent and shown, which describe themselves:
//! the address's parts, a request's outline, the errors of each kind of request.

#![allow(dead_code, reason = "they describe, and hold nothing")]

use aep2_mandate::mandate::SignedMandate;
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::error::Envelope;

/// A mandate's id in the address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct MandateId {
    /// The mandate's id; in the direct path its EIP-712 digest.
    #[param(pattern = "^0x[0-9a-fA-F]{64}$")]
    id: String,
}

/// A signed mandate, with what its `ref` was made of where the payee's terms agree to disputes.
#[derive(ToSchema)]
pub(super) struct MandateWithTerms {
    #[schema(inline)]
    #[serde(flatten)]
    mandate: SignedMandate,
    /// What `ref` was made of: `method`, `resource`, `order` where there is one, `disputes`.
    #[schema(value_type = Option<Object>)]
    terms: Option<()>,
}

/// Up to 256 mandates.
#[derive(ToSchema)]
pub(super) struct ManyMandates {
    #[schema(min_items = 1, max_items = 256)]
    mandates: Vec<SignedMandate>,
}

/// What is wrong with a body.
#[derive(IntoResponses)]
pub(super) enum BodyErrors {
    /// `malformed`: the message names the field.
    #[response(status = 400)]
    Malformed(#[to_schema] Envelope),
    /// `too_slow`: the body did not arrive in time.
    #[response(status = 408)]
    TooSlow(#[to_schema] Envelope),
    /// `too_large`.
    #[response(status = 413)]
    TooLarge(#[to_schema] Envelope),
    /// `unsupported_media_type`: it is not declared as JSON.
    #[response(status = 415)]
    NotJson(#[to_schema] Envelope),
}

/// Why a mandate is refused.
#[derive(IntoResponses)]
pub(super) enum AcceptErrors {
    /// `insufficient_funds`.
    #[response(status = 402)]
    Funds(#[to_schema] Envelope),
    /// `frozen`, `limit_exceeded`, `policy_refused`.
    #[response(status = 403)]
    Policy(#[to_schema] Envelope),
    /// `nonce_spent`, `nonce_conflict`, `change_pending`, `compliance_pending`, `travel_rule_required`.
    #[response(status = 409)]
    Conflict(#[to_schema] Envelope),
    /// `unsupported_token`, `lost_payee`, `amount_too_small`, `expired`, `deadline_too_near`, `unknown_account`,
    /// `other_processor`, `other_terms`, `disputes_too_long`, `other_verifiers`, `unknown_key`, `bad_signature`; `travel_rule_invalid` when an
    /// object is handed in.
    #[response(status = 422)]
    Refused(#[to_schema] Envelope),
}

/// Why what is handed in for compliance is refused.
#[derive(IntoResponses)]
pub(super) enum PresentingErrors {
    /// `attestation_refused`.
    #[response(status = 422)]
    Refused(#[to_schema] Envelope),
}

/// Why a capture is refused.
#[derive(IntoResponses)]
pub(super) enum CaptureErrors {
    /// `capture_conflict`, `too_late`.
    #[response(status = 409)]
    Conflict(#[to_schema] Envelope),
    /// `bad_signature`, `above_ceiling`, `captures_not_served`.
    #[response(status = 422)]
    Refused(#[to_schema] Envelope),
}

/// Why a refund is refused.
#[derive(IntoResponses)]
pub(super) enum RefundErrors {
    /// `refund_conflict`, `nothing_to_refund`, `too_many_refunds`.
    #[response(status = 409)]
    Conflict(#[to_schema] Envelope),
    /// `bad_signature`, `other_token`, `above_settled`.
    #[response(status = 422)]
    Refused(#[to_schema] Envelope),
}

/// Why nothing is done about a dispute.
#[derive(IntoResponses)]
pub(super) enum DisputeErrors {
    /// `dispute_conflict`, `too_late`.
    #[response(status = 409)]
    Conflict(#[to_schema] Envelope),
    /// `not_disputable`, `bad_signature`.
    #[response(status = 422)]
    Refused(#[to_schema] Envelope),
}

/// Why a piece of evidence is not kept.
#[derive(IntoResponses)]
pub(super) enum EvidenceErrors {
    /// `too_slow`: the body did not arrive in time.
    #[response(status = 408)]
    TooSlow(#[to_schema] Envelope),
    /// `too_large`.
    #[response(status = 413)]
    TooLarge(#[to_schema] Envelope),
    /// `evidence_not_named`.
    #[response(status = 422)]
    Refused(#[to_schema] Envelope),
    /// `evidence_full`.
    #[response(status = 507)]
    Full(#[to_schema] Envelope),
}

/// Why something is shown to nobody whom it does not concern.
#[derive(IntoResponses)]
pub(super) enum AccessErrors {
    /// `unauthorized`.
    #[response(status = 401)]
    Unauthorized(#[to_schema] Envelope),
}

/// Why there is no proof.
#[derive(IntoResponses)]
pub(super) enum ProofErrors {
    /// `not_settled`, `settled_directly`.
    #[response(status = 409)]
    Conflict(#[to_schema] Envelope),
}

/// Why something is not shown.
#[derive(IntoResponses)]
pub(super) enum NotFoundErrors {
    /// `malformed`: the address.
    #[response(status = 400)]
    Malformed(#[to_schema] Envelope),
    /// `unknown_mandate`, `unknown_dispute`, `not_found`.
    #[response(status = 404)]
    NotFound(#[to_schema] Envelope),
}

/// What may happen to any request.
#[derive(IntoResponses)]
pub(super) enum ServiceErrors {
    /// `too_many_requests`, and of mandates `over_capacity`: wait as long as `Retry-After` says.
    #[response(status = 429)]
    TooMany(#[to_schema] Envelope),
    /// `internal`.
    #[response(status = 500)]
    Internal(#[to_schema] Envelope),
    /// `not_ready`: wait as long as `Retry-After` says; `/readyz` says why. Of mandates also
    /// `account_being_read` and `paused`: wait, and send it again.
    #[response(status = 503)]
    NotReady(#[to_schema] Envelope),
}
