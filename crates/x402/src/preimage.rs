//! What a mandate's `ref` was made of, as a processor is told it.
//!
//! ```json
//! {
//!   "method": "GET", "resource": "https://api.example.com/report",
//!   "order": "0x… 32 bytes",
//!   "disputes": { "arbiter": "0x…", "…": "…" }
//! }
//! ```
//!
//! A processor sees nothing but the hash of what is sold. Where the terms let somebody decide about
//! [disputes](crate::disputes) it must know of that, so payer or payee hands it in with the mandate.
//! What is missing here is in the mandate, or is the processor's own: chain, wallet, processor, token,
//! payee, amount, and in intent mode, without `order`, account and nonce. Whoever hands in another
//! preimage than the one that the payer signed is found out by the hash.

use aep2_mandate::{mandate::Mandate, wire::Strict};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{
    disputes::{Disputes, present},
    purchase::{NO_ARBITER, PaymentContext, Purchase, Signatories, Venue},
    terms::Requirements,
};

/// The longest preimage in JSON, in bytes.
pub const PREIMAGE_BYTES_MAX: usize = 12 << 10;

/// What `ref` covers beside what the mandate says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preimage {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The resource, as [`Purchase`] has it.
    pub resource: String,
    /// The payee's number of the order. None in intent mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Strict<B256>>,
    /// Who decides about disputes, where the terms agree to any.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub disputes: Option<Disputes>,
}

impl Preimage {
    /// Of a mandate for this purchase, by these terms.
    pub fn of(purchase: &Purchase, terms: &Requirements) -> Self {
        Self {
            method: purchase.method.clone(),
            resource: purchase.resource.clone(),
            order: terms.extra.order,
            disputes: purchase.disputes.clone(),
        }
    }

    /// The `ref` of this mandate, if it pays at `venue` for what is described here.
    pub fn reference(&self, venue: &Venue, mandate: &Mandate) -> B256 {
        let purchase = Purchase {
            method: self.method.clone(),
            resource: self.resource.clone(),
            venue: *venue,
            token: mandate.token,
            payee: mandate.payee,
            amount: mandate.amount,
            disputes: self.disputes.clone(),
        };
        let context = match self.order {
            Some(Strict(order)) => PaymentContext::Order(order),
            None => PaymentContext::Intent { account: mandate.account, nonce: mandate.nonce },
        };
        purchase.reference(context)
    }

    /// Whose ruling lowers what is owed; [`NO_ARBITER`] where nobody's does.
    pub fn arbiter(&self) -> Address {
        self.disputes.as_ref().map_or(NO_ARBITER, Disputes::arbiter)
    }

    /// Who may answer for a receipt of a mandate that pays for this.
    pub fn signatories(&self, venue: Venue) -> Signatories {
        Signatories { venue, arbiter: self.arbiter() }
    }
}
