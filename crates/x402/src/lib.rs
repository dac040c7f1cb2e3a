//! What travels between payers, payees and processors: x402's objects, version 2, with the scheme
//! `aep2`; the published MVP's; and the rules by which both sides read them.
//!
//! - [`terms`]: what a payee asks for; [`offer`]: reading it from an answer 402;
//!   [`settlement`]: what became of a payment;
//! - [`headers`]: how objects travel in HTTP headers; [`v1`]: what the first version's clients see;
//! - [`mcp`], [`a2a`]: how they travel over MCP and A2A; [`canonical`]: JSON in one spelling;
//! - [`purchase`]: what a mandate's `ref` binds it to, also [`disputes`]; [`preimage`]: how a processor is told;
//!   [`receipt`]: when a receipt is believed;
//! - [`mvp`]: the published MVP's headers and receipts.
//!
//! The shapes are those of the `x402-types` crate, filled with this protocol's types; what is read
//! into them is checked as it is read. Not all of x402 fits that crate: answers of a settlement
//! have no place there for a receipt, and are written here ([`settlement`]).
//!
//! `docs/payments.md` describes what travels.

pub mod a2a;
pub mod agreement;
pub mod canonical;
pub mod disputes;
pub mod headers;
pub mod mcp;
pub mod mvp;
mod objects;
pub mod offer;
pub mod preimage;
pub mod purchase;
pub mod receipt;
pub mod settlement;
pub mod terms;
pub mod v1;
mod wire_address;

pub use x402_types::{
    chain::ChainId as Network,
    proto::v2::{ExtensionsJson, ResourceInfo, X402Version2},
};

pub use self::{
    objects::{
        FacilitatorRequest, PaymentPayload, PaymentRequired, SupportedKind, SupportedResponse,
    },
    settlement::{SettleExtra, SettleResponse, VerifyResponse},
    terms::{Aep2Scheme, CaptureMode, Extra, Requirements},
};
