//! What goes wrong.

use aep2_audit_log::{AppendError, DetailsError, NameError};
use aep2_journal::{JournalError, OpenError};
use aep2_mandate::units::{Amount, UnixTime};
use aep2_vault::{FormatError, VaultError};
use alloy_primitives::B256;
use thiserror::Error;

/// What goes wrong when something is asked of an arbiter. [`code`](Self::code) is stable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArbiterError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] AppendError),
    /// Something cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A record is not what it should be.
    #[error("the record {key} in {family} is damaged: {reason}")]
    Damaged {
        /// Where.
        family: &'static str,
        /// Its key, hexadecimal.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such case.
    #[error("there is no case {0}")]
    UnknownCase(u64),
    /// There is no such evidence in the case, or its bytes never came.
    #[error("case {number} has no evidence {hash} here: its bytes never came, or were destroyed")]
    UnknownEvidence {
        /// The case.
        number: u64,
        /// The hash.
        hash: B256,
    },
    /// It was destroyed, since it had been kept as long as the settings say.
    #[error("the file of case {0} was destroyed when its time to be kept was over")]
    Destroyed(u64),
    /// Something happened in the case in between.
    #[error(
        "case {number} was changed meanwhile (it is at version {is}, not {expected}): look again"
    )]
    CaseChanged {
        /// The case.
        number: u64,
        /// The version that it has.
        is: u64,
        /// The version that was named.
        expected: u64,
    },
    /// It is decided, or ended without a decision.
    #[error("case {0} is not open any more")]
    CaseClosed(u64),
    /// A ruling does not raise.
    #[error("the payee gets {most} at most: a ruling lowers what is owed, and never raises it")]
    MoreThanOwed {
        /// What is owed.
        most: Amount,
    },
    /// A ruling would not be taken any more.
    #[error("a ruling had to be there before {0}, in unix seconds")]
    TooLate(UnixTime),
    /// Two different people have to agree.
    #[error("this takes two judges, and {0} was the first: somebody else has to confirm it")]
    SameJudge(String),
    /// The second judge says something else than the first.
    #[error(
        "{by} proposed {captured}: confirm it as it is, or reject it first (what is proposed may have \
         been decided on less than is known now)"
    )]
    OtherDecision {
        /// Who proposed it.
        by: String,
        /// What was proposed.
        captured: Amount,
    },
    /// There is nothing to take back.
    #[error("nothing is proposed in case {0}")]
    NothingProposed(u64),
    /// What a judge sent cannot be used.
    #[error("{0}")]
    Malformed(String),
    /// A defect of this software or of its surroundings.
    #[error("{0}")]
    Internal(String),
}

impl ArbiterError {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCase(_) | Self::UnknownEvidence { .. } => "not_found",
            Self::Destroyed(_) => "destroyed",
            Self::CaseChanged { .. } => "case_changed",
            Self::CaseClosed(_) => "case_closed",
            Self::MoreThanOwed { .. } => "more_than_owed",
            Self::TooLate(_) => "too_late",
            Self::SameJudge(_) => "same_judge",
            Self::OtherDecision { .. } => "other_decision",
            Self::NothingProposed(_) => "nothing_proposed",
            Self::Malformed(_) => "malformed",
            _ => "internal",
        }
    }
}

macro_rules! internal {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for ArbiterError {
            fn from(error: $error) -> Self {
                Self::Internal(error.to_string())
            }
        })+
    };
}

internal!(DetailsError, NameError, FormatError, serde_json::Error, alloy::signers::Error);
