//! Why no refund is noted.

use aep2_ledger::{self as ledger, LedgerError, MandateHash, Status};
use aep2_mandate::{
    typed_data::SignerError,
    units::{Amount, Ceiling},
};
use alloy::primitives::Address;
use thiserror::Error;

use crate::{
    codes::code_of,
    intake::{TurnedAway, Unanswered},
};

/// Why no refund is noted, in the order of the checks. [`code`](Self::code) is stable.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum RefundError {
    /// The processor is shutting down.
    #[error("the processor is stopping: send the refund again in a moment")]
    Stopping,
    /// More requests wait than may.
    #[error("{waiting_max} requests are being served already: try again in a moment")]
    Busy {
        /// The most that may wait.
        waiting_max: usize,
    },
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known: only what was settled here can be refunded")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Somebody else than the mandate's payee signed, or nobody.
    #[error("the refund is not signed by the mandate's payee: {reason}")]
    BadSignature {
        /// What is wrong.
        reason: SignerError,
    },
    /// It gives back something else than was paid.
    #[error("the mandate was paid in {token}, and is refunded in that")]
    OtherToken {
        /// The mandate's token.
        token: Address,
    },
    /// Another amount was announced under the same number.
    #[error(
        "{announced} was announced under this refundId before, and that stands; another refund has \
         another refundId"
    )]
    Conflict {
        /// What was announced.
        announced: Ceiling,
    },
    /// Nothing was paid that could be given back.
    #[error("{}", message_of(status))]
    NotSettled {
        /// Where the mandate is.
        status: Status,
    },
    /// More than is left of what was paid.
    #[error("{asked} is more than the {left} that is not refunded yet of the {settled} settled")]
    AboveSettled {
        /// What was asked for.
        asked: Ceiling,
        /// What was settled.
        settled: Amount,
        /// What was not refunded yet.
        left: Amount,
    },
    /// It was refunded in so many parts already.
    #[error("the mandate has {most} refunds already, and gets no more")]
    TooMany {
        /// The most.
        most: usize,
    },
    /// The ledger could not take it. Nothing is noted.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A defect of this software or of its surroundings.
    #[error("the refund could not be noted: {0}")]
    Internal(String),
}

/// Why there is nothing to give back, for people.
fn message_of(status: &Status) -> &'static str {
    match status {
        Status::Failed { .. } => "the mandate ended without being settled: nothing was paid",
        // Settled ones are refunded.
        _ => "the mandate is not settled yet: capture less of it instead, while that is possible",
    }
}

impl RefundError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopping => "not_ready",
            Self::Busy { .. } => "too_many_requests",
            Self::UnknownMandate { .. } => "unknown_mandate",
            Self::BadSignature { .. } => "bad_signature",
            Self::OtherToken { .. } => "other_token",
            Self::Conflict { .. } => "refund_conflict",
            Self::NotSettled { .. } => "nothing_to_refund",
            Self::AboveSettled { .. } => "above_settled",
            Self::TooMany { .. } => "too_many_refunds",
            Self::Ledger(error) => code_of(error),
            Self::Internal(_) => "internal",
        }
    }
}

impl From<ledger::RefundError> for RefundError {
    fn from(error: ledger::RefundError) -> Self {
        match error {
            ledger::RefundError::UnknownMandate { mandate } => Self::UnknownMandate { mandate },
            ledger::RefundError::Conflict { announced } => Self::Conflict { announced },
            ledger::RefundError::NotSettled { status } => Self::NotSettled { status },
            ledger::RefundError::AboveSettled { asked, settled, left } => {
                Self::AboveSettled { asked, settled, left }
            }
            ledger::RefundError::TooMany { most } => Self::TooMany { most },
            ledger::RefundError::Ledger(error) => Self::Ledger(error),
        }
    }
}

impl From<LedgerError> for RefundError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<TurnedAway> for RefundError {
    fn from(away: TurnedAway) -> Self {
        match away {
            TurnedAway::Stopping => Self::Stopping,
            TurnedAway::Busy { waiting_max } => Self::Busy { waiting_max },
        }
    }
}

impl From<Unanswered> for RefundError {
    fn from(_: Unanswered) -> Self {
        Self::Internal(Unanswered::MESSAGE.to_owned())
    }
}
