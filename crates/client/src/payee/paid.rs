//! What a handler knows about the payment that it serves.

use std::sync::{Arc, Mutex, PoisonError};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::{Amount, Ceiling},
};
use thiserror::Error;

use crate::purchase::Purchase;

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
    charge: Arc<Mutex<Option<Amount>>>,
}

/// A charge above what the payer allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a charge of {asked} is above the ceiling {ceiling}")]
pub struct AboveCeiling {
    /// The charge.
    pub asked: Amount,
    /// The most that can be charged.
    pub ceiling: Ceiling,
}

impl Paid {
    pub(super) fn new(
        id: MandateId,
        mandate: Arc<SignedMandate>,
        receipt: SignedReceipt,
        purchase: Arc<Purchase>,
    ) -> Self {
        Self { id, mandate, receipt, purchase, charge: Arc::default() }
    }

    /// The most that can be charged.
    pub fn ceiling(&self) -> Ceiling {
        self.mandate.mandate.amount
    }

    /// Says what the call came to. It is captured when the handler's answer is complete; said
    /// twice, the last counts. Where nothing is said, the whole amount is charged when the call
    /// succeeds and nothing when it fails.
    ///
    /// # Errors
    /// When it is more than the payer allowed. What was said before stands.
    pub fn charge(&self, amount: Amount) -> Result<(), AboveCeiling> {
        let ceiling = self.ceiling();
        if amount > ceiling.amount() {
            return Err(AboveCeiling { asked: amount, ceiling });
        }
        *self.charge.lock().unwrap_or_else(PoisonError::into_inner) = Some(amount);
        Ok(())
    }

    /// What was said.
    pub(super) fn charged(&self) -> Option<Amount> {
        *self.charge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
