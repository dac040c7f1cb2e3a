//! Why nothing is captured.

use aep2_ledger::{self as ledger, LedgerError, MandateHash, Status};
use aep2_mandate::{
    typed_data::SignerError,
    units::{Amount, Ceiling},
};
use thiserror::Error;

use crate::{
    codes::code_of,
    intake::{TurnedAway, Unanswered},
};

/// Why nothing is captured, in the order of the checks. [`code`](Self::code) is stable.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The processor is shutting down.
    #[error("the processor is stopping: send the capture again in a moment")]
    Stopping,
    /// More requests wait than may.
    #[error("{waiting_max} requests are being served already: try again in a moment")]
    Busy {
        /// The most that may wait.
        waiting_max: usize,
    },
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known: only what was accepted can be captured")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Somebody else than the mandate's payee signed, or nobody.
    #[error("the capture is not signed by the mandate's payee: {reason}")]
    BadSignature {
        /// What is wrong.
        reason: SignerError,
    },
    /// A mandate is captured once.
    #[error("{captured} was captured of the mandate before, and that stands")]
    Conflict {
        /// What was captured.
        captured: Amount,
    },
    /// More than the payer allowed.
    #[error("{asked} is above the mandate's amount, {ceiling}")]
    AboveCeiling {
        /// What was asked for.
        asked: Amount,
        /// The mandate's amount.
        ceiling: Ceiling,
    },
    /// There are no keys by which less than a mandate's amount is proved.
    #[error("this processor settles whole amounts only: capture all of it, or do not capture")]
    NotServed,
    /// What the mandate pays is fixed.
    #[error("too late to capture: {}", message_of(status))]
    TooLate {
        /// Where the mandate is.
        status: Status,
    },
    /// The ledger could not take it. Nothing is captured.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A defect of this software or of its surroundings.
    #[error("the capture could not be noted: {0}")]
    Internal(String),
}

/// Why it is too late, for people.
fn message_of(status: &Status) -> String {
    match status {
        Status::InBatch { batch } => {
            format!(
                "the mandate is in batch {batch}, which pays what was captured when it was sealed"
            )
        }
        Status::Queued | Status::Quarantined { .. } => {
            "the mandate was in a batch before, and pays what was captured then".to_owned()
        }
        Status::Settled { amount, .. } => format!("the mandate was settled for {amount}"),
        Status::Failed { .. } => "the mandate ended without being settled".to_owned(),
    }
}

impl CaptureError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopping => "not_ready",
            Self::Busy { .. } => "too_many_requests",
            Self::UnknownMandate { .. } => "unknown_mandate",
            Self::BadSignature { .. } => "bad_signature",
            Self::Conflict { .. } => "capture_conflict",
            Self::AboveCeiling { .. } => "above_ceiling",
            Self::NotServed => "captures_not_served",
            Self::TooLate { .. } => "too_late",
            Self::Ledger(error) => code_of(error),
            Self::Internal(_) => "internal",
        }
    }
}

impl From<ledger::CaptureError> for CaptureError {
    fn from(error: ledger::CaptureError) -> Self {
        match error {
            ledger::CaptureError::UnknownMandate { mandate } => Self::UnknownMandate { mandate },
            ledger::CaptureError::Conflict { captured } => Self::Conflict { captured },
            ledger::CaptureError::AboveCeiling { asked, ceiling } => {
                Self::AboveCeiling { asked, ceiling }
            }
            ledger::CaptureError::TooLate { status } => Self::TooLate { status },
            ledger::CaptureError::Ledger(error) => Self::Ledger(error),
        }
    }
}

impl From<LedgerError> for CaptureError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<TurnedAway> for CaptureError {
    fn from(away: TurnedAway) -> Self {
        match away {
            TurnedAway::Stopping => Self::Stopping,
            TurnedAway::Busy { waiting_max } => Self::Busy { waiting_max },
        }
    }
}

impl From<Unanswered> for CaptureError {
    fn from(_: Unanswered) -> Self {
        Self::Internal(Unanswered::MESSAGE.to_owned())
    }
}
