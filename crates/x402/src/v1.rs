//! What clients of x402's first version see: terms in the body of an answer 402, and a payment in
//! `X-PAYMENT` that names scheme and network but not the terms that it accepts.
//!
//! Networks have their CAIP-2 names here too: the first version's short names exist for a few
//! chains only. Since a payment does not say which terms it accepts, it cannot name an order: it
//! always pays in intent mode, and the terms shown here carry none.

use aep2_mandate::mandate::SignedMandate;
use x402_types::proto::{
    v1::{PaymentPayload, PaymentRequired, PaymentRequirements, X402Version1},
    v2::ResourceInfo,
};

use crate::terms::{Aep2Scheme, Extra, Requirements};

/// A payment in the first version.
pub type Payment = PaymentPayload<Aep2Scheme, Box<SignedMandate>>;

/// The body of an answer 402.
pub type Required = PaymentRequired;

/// The terms of an answer 402 as the first version has them.
///
/// # Errors
/// When the terms have no JSON, which terms always have.
pub fn required(
    error: impl Into<String>,
    resource: &ResourceInfo,
    terms: &[Requirements],
) -> serde_json::Result<Required> {
    let accepts = terms.iter().map(|terms| {
        Ok(PaymentRequirements {
            scheme: Aep2Scheme::VALUE.to_owned(),
            network: terms.network.to_string(),
            max_amount_required: terms.amount.to_string(),
            resource: resource.url.clone(),
            description: resource.description.clone().unwrap_or_default(),
            mime_type: resource.mime_type.clone(),
            output_schema: None,
            pay_to: terms.pay_to.to_string(),
            max_timeout_seconds: terms.max_timeout_seconds,
            asset: terms.asset.to_string(),
            extra: Some(serde_json::to_value(Extra { order: None, ..terms.extra.clone() })?),
        })
    });
    Ok(PaymentRequired {
        x402_version: X402Version1,
        accepts: accepts.collect::<serde_json::Result<_>>()?,
        error: Some(error.into()),
    })
}
