//! The objects of x402, filled with this protocol's types.

use aep2_mandate::mandate::SignedMandate;
use serde_json::value::RawValue;
use x402_types::proto;

use crate::terms::Requirements;

/// What a payee answers where a payment is due. Its terms are read one by one, since those of other
/// schemes may stand among them: see [`offer`](crate::offer).
pub type PaymentRequired<Accepts = Box<RawValue>> = proto::v2::PaymentRequired<Accepts>;

/// What a payer sends: the terms it accepted, and the signed mandate.
pub type PaymentPayload<Accepted = Requirements> =
    proto::v2::PaymentPayload<Accepted, SignedMandate>;

/// What a payee sends to a facilitator, to verify and to settle.
pub type FacilitatorRequest = proto::v2::VerifyRequest<PaymentPayload, Requirements>;

/// What a facilitator says about itself.
pub type SupportedResponse = proto::SupportedResponse;

/// One line of it.
pub type SupportedKind = proto::SupportedPaymentKind;
