//! Why something cannot be shown.

use aep2_ledger::{LedgerError, MandateHash, Status};
use thiserror::Error;

use crate::codes::code_of;

/// Why something cannot be shown.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// There is no inclusion proof: the mandate is not settled in a batch.
    #[error("there is no inclusion proof of a mandate that is {}", status.name())]
    NotSettled {
        /// Where the mandate is.
        status: Status,
    },
    /// There is no inclusion proof: the direct path has none.
    #[error("direct mandates are settled one by one: the chain's event is the proof")]
    SettledDirectly,
    /// Others' proofs are being made, as many as may be at once.
    #[error("another inclusion proof is being made: try again in some seconds")]
    Busy,
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A defect of this software.
    #[error("{0}")]
    Internal(String),
}

impl ViewError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownMandate { .. } => "unknown_mandate",
            Self::NotSettled { .. } => "not_settled",
            Self::SettledDirectly => "settled_directly",
            Self::Busy => "too_many_requests",
            Self::Ledger(error) => code_of(error),
            Self::Internal(_) => "internal",
        }
    }
}
