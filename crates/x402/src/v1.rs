//! What clients of x402's first version see: terms in the body of an answer 402, and a payment in
//! `X-PAYMENT` that names scheme and network but not the terms that it accepts.
//!
//! Networks have their CAIP-2 names here too: the first version's short names exist for a few
//! chains only. Since a payment does not say which terms it accepts, it cannot name an order: it
//! always pays in intent mode, and the terms shown here carry none.

use aep2_mandate::{mandate::SignedMandate, units::Ceiling};
use x402_types::proto::{v1, v2};

use crate::terms::{Aep2Scheme, WireAddress};

/// A payment in the first version.
pub type Payment = v1::PaymentPayload<Aep2Scheme, Box<SignedMandate>>;

/// The body of an answer 402.
pub type Required = v1::PaymentRequired;

/// One entry of its `accepts`.
pub type Requirements = v1::PaymentRequirements;

/// The body of an answer 402 that accepts these.
pub fn required(error: impl Into<String>, accepts: Vec<Requirements>) -> Required {
    Required { x402_version: v1::X402Version1, accepts, error: Some(error.into()) }
}

/// Terms of any scheme as the first version has them. `extra` is what they say there, without what
/// a payment of the first version cannot name.
pub fn requirements<S: ToString, E>(
    terms: &v2::PaymentRequirements<S, Ceiling, WireAddress, E>,
    resource: &v2::ResourceInfo,
    extra: serde_json::Value,
) -> Requirements {
    Requirements {
        scheme: terms.scheme.to_string(),
        network: terms.network.to_string(),
        max_amount_required: terms.amount.to_string(),
        resource: resource.url.clone(),
        description: resource.description.clone().unwrap_or_default(),
        // The first version's readers want a string, and take null for a mistake.
        mime_type: Some(resource.mime_type.clone().unwrap_or_default()),
        output_schema: None,
        pay_to: terms.pay_to.to_string(),
        max_timeout_seconds: terms.max_timeout_seconds,
        asset: terms.asset.to_string(),
        extra: Some(extra),
    }
}
