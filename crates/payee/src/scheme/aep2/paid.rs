//! What a handler knows about the payment that it serves.

use std::sync::Arc;

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::{Amount, Ceiling},
};
use aep2_x402::{CaptureMode, purchase::Purchase};

use crate::meter::{AboveCeiling, Meter, Reading};

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
    /// Whether the price is what is charged, or the most that can be.
    pub capture: CaptureMode,
    pub(crate) meter: Meter,
}

impl Paid {
    pub(crate) fn new(
        id: MandateId,
        mandate: Arc<SignedMandate>,
        receipt: SignedReceipt,
        purchase: Arc<Purchase>,
        capture: CaptureMode,
    ) -> Self {
        let meter = Meter::new(mandate.mandate.amount);
        Self { id, mandate, receipt, purchase, capture, meter }
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

    /// Says what the call came to, in the words of a program outside: see [`Meter::charge_as_said`]. Where
    /// the price is no ceiling, a program has nothing to say about it. What is not as it should be is its
    /// operator's to mend, and is logged.
    pub fn charge_as_said(&self, said: Option<&str>) {
        let id = &self.id;
        if self.capture == CaptureMode::Full {
            tracing::warn!(%id, said, "a charge for what has a fixed price is passed over");
            return;
        }
        let ceiling = self.ceiling();
        match self.meter.charge_as_said(said) {
            Reading::Understood => {}
            Reading::AboveCeiling => {
                tracing::error!(%id, said, %ceiling, "a charge is above what was agreed to");
            }
            Reading::Unreadable => {
                tracing::error!(%id, said, "a charge is no amount of base units; nothing is charged");
            }
        }
    }
}
