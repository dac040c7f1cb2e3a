//! What a handler knows about the payment that it serves.

use std::sync::Arc;

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::{Amount, Ceiling},
};
use aep2_x402::purchase::Purchase;

use crate::meter::{AboveCeiling, Meter};

/// A payment whose receipt was verified. Handlers find it among the request's extensions.
#[derive(Clone, Debug)]
pub struct Paid {
    /// The mandate's id.
    pub id: MandateId,
    /// The mandate.
    pub mandate: Arc<SignedMandate>,
    /// The processor's promise.
    pub receipt: SignedReceipt,
    /// What was bought.
    pub purchase: Arc<Purchase>,
    pub(crate) meter: Meter,
}

impl Paid {
    pub(crate) fn new(
        id: MandateId,
        mandate: Arc<SignedMandate>,
        receipt: SignedReceipt,
        purchase: Arc<Purchase>,
    ) -> Self {
        let meter = Meter::new(mandate.mandate.amount);
        Self { id, mandate, receipt, purchase, meter }
    }

    /// The most that can be charged.
    pub fn ceiling(&self) -> Ceiling {
        self.meter.ceiling()
    }

    /// Says what the call came to: see [`Meter::charge`].
    ///
    /// # Errors
    /// When it is more than the payer allowed. What was said before stands.
    pub fn charge(&self, amount: Amount) -> Result<(), AboveCeiling> {
        self.meter.charge(amount)
    }
}
