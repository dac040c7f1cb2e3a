//! What a payer agrees to of disputes, and why a mandate that can be disputed did not go on to its payee.

use aep2_mandate::{mandate::MandateId, units::UnixTime};
use aep2_processor_client::{NativeClient, ProcessorError};
use aep2_x402::{
    disputes::{Disputes, Reason},
    receipt::ReceiptError,
};
use alloy_primitives::Address;
use thiserror::Error;

/// The least time to dispute that is agreed to, in seconds, unless told otherwise: the answer should be there,
/// and be looked at.
const WINDOW_S_MIN: u64 = 60;

/// What a payer agrees to of disputes.
#[derive(Clone, Debug)]
pub struct AcceptedDisputes {
    /// Whom it lets decide.
    pub arbiters: Vec<Address>,
    /// The least time to dispute, in seconds.
    pub window_s_min: u64,
    /// The reasons for which it wants to be able to, at least.
    pub reasons: Vec<Reason>,
    /// Its processor, which it tells.
    pub processor: NativeClient,
}

/// How terms that let somebody accepted decide are worth nothing to a payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TooWeak {
    /// It would be over before anybody has looked.
    #[error("they give {offered} s to dispute, and at least {least} s are wanted")]
    Window {
        /// What they give, in seconds.
        offered: u64,
        /// The least, in seconds.
        least: u64,
    },
    /// What matters cannot be disputed.
    #[error("they do not agree to disputes for the reason {}", reason.name())]
    Reason {
        /// What cannot be.
        reason: Reason,
    },
}

impl AcceptedDisputes {
    /// That these decide, about services that were not delivered among others, a minute after acceptance at
    /// the earliest.
    pub fn new(arbiters: Vec<Address>, processor: NativeClient) -> Self {
        let reasons = vec![Reason::ServiceNotDelivered];
        Self { arbiters, window_s_min: WINDOW_S_MIN, reasons, processor }
    }

    /// Whether terms with these disputes are worth something.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(&self, disputes: &Disputes) -> Result<(), TooWeak> {
        let (offered, least) = (disputes.window_seconds(), self.window_s_min);
        if offered < least {
            return Err(TooWeak::Window { offered, least });
        }
        let missing = self.reasons.iter().find(|reason| !disputes.reasons().contains(reason));
        missing.map_or(Ok(()), |reason| Err(TooWeak::Reason { reason: *reason }))
    }
}

/// That the processor has a mandate, from the payer itself, and holds it: whatever its payee says, it settles,
/// unless its payer disputes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The mandate's id.
    pub id: MandateId,
    /// Until when it can be disputed, by the processor's clock.
    pub dispute_until: UnixTime,
}

/// Why a mandate did not go on to its payee. Nothing else was paid.
#[derive(Debug, Error)]
pub enum HandInError {
    /// The processor refuses it: it is not paid.
    #[error("{code}: {message}")]
    Refused {
        /// The processor's code.
        code: String,
        /// Its message.
        message: String,
    },
    /// It is not known whether the processor has it. The same request tries again.
    #[error("{0}")]
    Processor(#[source] ProcessorError),
    /// The processor has it, and its receipt is not what the terms say.
    #[error("the processor has it, and gave a receipt that is not believed: {0}")]
    Receipt(#[from] ReceiptError),
    /// The terms cannot be read any more.
    #[error("the terms cannot be read: {0}")]
    Terms(#[from] serde_json::Error),
    /// There is no processor to tell.
    #[error("this payer accepts no disputes")]
    NotAccepted,
}
