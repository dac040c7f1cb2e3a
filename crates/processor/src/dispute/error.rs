//! Why nothing is done about a dispute.

use aep2_ledger::{self as ledger, LedgerError, MandateHash, Status};
use aep2_mandate::{
    typed_data::{SignerError, dispute::Reason},
    units::UnixTime,
};
use thiserror::Error;

use crate::codes::code_of;

/// Why nothing is done about a dispute, in the order of the checks. [`code`](Self::code) is stable.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DisputeError {
    /// The processor is shutting down.
    #[error("the processor is stopping: send it again in a moment")]
    Stopping,
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known: only what was accepted can be disputed")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// It was accepted, and nobody disputes it.
    #[error("mandate {mandate} is not disputed")]
    NotDisputed {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Its terms, as far as they were handed in, agree to no disputes.
    #[error(
        "mandate {mandate} cannot be disputed: no terms that agree to disputes came with it when it was \
         accepted"
    )]
    NotAgreed {
        /// The mandate.
        mandate: MandateHash,
    },
    /// The terms agree to other reasons.
    #[error("the terms agree to no disputes for the reason {}: for {agreed}", reason.name())]
    OtherReason {
        /// The reason that was given.
        reason: Reason,
        /// Those that the terms agree to, for people.
        agreed: String,
    },
    /// Neither the mandate's key nor its account's owner signed.
    #[error("it is signed neither by the mandate's key nor by the account's owner")]
    NotThePayer,
    /// Somebody else than the one who must signed.
    #[error("it is not signed by the {who}: {reason}")]
    OtherSigner {
        /// Who must.
        who: &'static str,
        /// What is wrong.
        reason: SignerError,
    },
    /// It answers another dispute.
    #[error("the answer is to another dispute of this mandate")]
    OtherDispute,
    /// Something else was said in its place before.
    #[error("another {what} stands: a mandate has one")]
    Conflict {
        /// What was said.
        what: &'static str,
    },
    /// The time for it is over.
    #[error("too late: it was to come before {before}, and it is {now}")]
    TooLate {
        /// The first second at which it was too late.
        before: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// The mandate does not wait any more.
    #[error("too late: {}", message_of(status))]
    NotWaiting {
        /// Where the mandate is.
        status: Status,
    },
    /// A ruling was made.
    #[error("too late: the dispute is decided")]
    Decided,
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A defect of this software or of its surroundings.
    #[error("the dispute could not be noted: {0}")]
    Internal(String),
}

/// Why it is too late, for people.
fn message_of(status: &Status) -> String {
    match status {
        Status::Queued | Status::InBatch { .. } | Status::Quarantined { .. } => {
            "the mandate is being settled".to_owned()
        }
        Status::Settled { amount, .. } => format!("the mandate was settled for {amount}"),
        Status::Failed { .. } => "the mandate ended without being settled".to_owned(),
    }
}

impl DisputeError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopping => "not_ready",
            Self::UnknownMandate { .. } => "unknown_mandate",
            Self::NotDisputed { .. } => "unknown_dispute",
            Self::NotAgreed { .. } | Self::OtherReason { .. } => "not_disputable",
            Self::NotThePayer | Self::OtherSigner { .. } => "bad_signature",
            Self::OtherDispute | Self::Conflict { .. } => "dispute_conflict",
            Self::TooLate { .. } | Self::NotWaiting { .. } | Self::Decided => "too_late",
            Self::Ledger(error) => code_of(error),
            Self::Internal(_) => "internal",
        }
    }
}

impl From<ledger::DisputeError> for DisputeError {
    fn from(error: ledger::DisputeError) -> Self {
        match error {
            ledger::DisputeError::UnknownMandate { mandate } => Self::UnknownMandate { mandate },
            ledger::DisputeError::NotDisputed { mandate } => Self::NotDisputed { mandate },
            ledger::DisputeError::Conflict { what } => Self::Conflict { what },
            ledger::DisputeError::TooLate { before, now } => Self::TooLate { before, now },
            ledger::DisputeError::NotWaiting { status } => Self::NotWaiting { status },
            ledger::DisputeError::Decided => Self::Decided,
            ledger::DisputeError::Ledger(error) => Self::Ledger(error),
        }
    }
}

impl From<LedgerError> for DisputeError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}
