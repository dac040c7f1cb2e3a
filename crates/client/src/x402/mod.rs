//! The objects of x402, version 2, with the scheme `aep2`.
//!
//! The shapes are those of the `x402-types` crate, filled with this protocol's types; what is read
//! into them is checked as it is read. Not all of x402 fits that crate: answers of a settlement
//! have no place there for a receipt, and are written here ([`settlement`]).
//!
//! - [`terms`]: what a payee asks for; [`offer`]: reading it from an answer 402;
//! - [`headers`]: how objects travel in HTTP headers; [`v1`]: what the first version's clients see;
//! - [`mcp`], [`a2a`]: how they travel over MCP and A2A; [`canonical`]: JSON in one spelling.

pub mod a2a;
pub mod canonical;
pub mod headers;
pub mod mcp;
pub mod offer;
pub mod settlement;
pub mod terms;
pub mod v1;

use aep2_mandate::mandate::SignedMandate;
use serde_json::value::RawValue;
use x402_types::proto;
pub use x402_types::{
    chain::ChainId as Network,
    proto::v2::{ExtensionsJson, ResourceInfo, X402Version2},
};

pub use self::{
    settlement::{SettleExtra, SettleResponse, VerifyResponse},
    terms::{Aep2Scheme, CaptureMode, Extra, Requirements},
};

/// What a payee answers where a payment is due. Its terms are read one by one, since those of other
/// schemes may stand among them: see [`offer`].
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
