//! What a call came to, as its handler says.

use std::sync::{Arc, Mutex, PoisonError};

use aep2_mandate::units::{Amount, Ceiling, UnitError};
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

/// What was made of a charge in a program's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is charged.
    Understood,
    /// It is more than was agreed to: the ceiling is charged.
    AboveCeiling,
    /// It is no amount: nothing is charged.
    Unreadable,
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

    /// Says what the call came to, in the words of a program outside, as the gateway's header and a tool's
    /// result have them: the one rule for both. A decimal string in its one spelling is read; more than the
    /// ceiling, however long, counts as the ceiling; anything else (nothing in `said` where it is no text at
    /// all) is that program's mistake, and counts as zero: a payer is not charged for what nobody can read.
    pub fn charge_as_said(&self, said: Option<&str>) -> Reading {
        let ceiling = self.ceiling.amount();
        let (amount, reading) = match said.map(str::parse::<Amount>) {
            Some(Ok(amount)) if amount <= ceiling => (amount, Reading::Understood),
            Some(Ok(_) | Err(UnitError::OutOfRange { .. })) => (ceiling, Reading::AboveCeiling),
            Some(Err(_)) | None => (Amount::ZERO, Reading::Unreadable),
        };
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(amount);
        reading
    }

    /// What is to be captured of a call that ended so.
    pub fn reading(&self, succeeded: bool) -> Amount {
        let said = *self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let unsaid = if succeeded { self.ceiling.amount() } else { Amount::ZERO };
        said.unwrap_or(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is charged of a ceiling of 100 when a program says this.
    fn charged(said: Option<&str>) -> (Reading, u128) {
        let meter = Meter::new(Ceiling::new(100).unwrap_or(Ceiling::MIN));
        (meter.charge_as_said(said), meter.reading(true).get())
    }

    #[test]
    fn a_charge_that_nobody_can_read_is_nothing_and_one_that_is_too_high_is_the_ceiling() {
        let long = "9".repeat(44);
        for (said, reading, amount) in [
            ("0", Reading::Understood, 0),
            ("7", Reading::Understood, 7),
            ("100", Reading::Understood, 100),
            ("101", Reading::AboveCeiling, 100),
            ("79228162514264337593543950336", Reading::AboveCeiling, 100),
            (&long, Reading::AboveCeiling, 100),
            ("", Reading::Unreadable, 0),
            ("abc", Reading::Unreadable, 0),
            ("-1", Reading::Unreadable, 0),
            ("+5", Reading::Unreadable, 0),
            ("05", Reading::Unreadable, 0),
            ("1e2", Reading::Unreadable, 0),
            ("1.5", Reading::Unreadable, 0),
            ("7 8", Reading::Unreadable, 0),
        ] {
            assert_eq!(charged(Some(said)), (reading, amount), "{said:?}");
        }
        // A number instead of a string, or bytes that are no text.
        assert_eq!(charged(None), (Reading::Unreadable, 0));
    }
}
