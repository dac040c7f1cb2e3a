//! What a call came to, as its handler says.

use std::sync::{Arc, Mutex, PoisonError};

use aep2_mandate::units::{Amount, Ceiling};
use thiserror::Error;

/// Where a handler says what its call came to, whichever kind of mandate pays for it. Handlers find
/// it among the request's extensions.
#[derive(Clone, Debug)]
pub struct Meter {
    ceiling: Ceiling,
    said: Arc<Mutex<Option<Amount>>>,
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

impl Meter {
    /// A meter that may go up to `ceiling`, for schemes to hand to handlers.
    pub fn new(ceiling: Ceiling) -> Self {
        Self { ceiling, said: Arc::default() }
    }

    /// The most that can be charged.
    pub fn ceiling(&self) -> Ceiling {
        self.ceiling
    }

    /// Says what the call came to. It is captured when the handler's answer is complete; said
    /// twice, the last counts. Where nothing is said, the whole amount is charged when the call
    /// succeeds and nothing when it fails.
    ///
    /// # Errors
    /// When it is more than the payer allowed. What was said before stands.
    pub fn charge(&self, amount: Amount) -> Result<(), AboveCeiling> {
        let ceiling = self.ceiling;
        if amount > ceiling.amount() {
            return Err(AboveCeiling { asked: amount, ceiling });
        }
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(amount);
        Ok(())
    }

    /// What is to be captured of a call that ended so.
    pub fn reading(&self, succeeded: bool) -> Amount {
        let said = *self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let unsaid = if succeeded { self.ceiling.amount() } else { Amount::ZERO };
        said.unwrap_or(unsaid)
    }
}
