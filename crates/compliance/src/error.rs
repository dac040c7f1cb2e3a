//! What goes wrong.

use aep2_audit_log::{AppendError, DetailsError, NameError, ReadError};
use aep2_journal::{JournalError, OpenError};
use aep2_mandate::units::UnixTime;
use aep2_vault::{FormatError, RetentionError, VaultError};
use alloy_primitives::B256;
use thiserror::Error;

use crate::subject::Subject;

/// What goes wrong when something is asked of compliance. [`code`](Self::code) is stable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ComplianceError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] AppendError),
    /// The audit log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
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
    /// Somebody else changed it in between.
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
    /// It is decided.
    #[error("case {0} is decided: open a new one for {1}")]
    CaseDecided(u64, Subject),
    /// Two different people have to agree.
    #[error("this takes two officers, and {0} was the first: somebody else has to confirm it")]
    SameOfficer(String),
    /// The second officer says something else than the first.
    #[error(
        "the decision proposed by {by} is another one, or rests on something else than is known now: \
         reject it first, or confirm it as it is"
    )]
    OtherDecision {
        /// Who proposed it.
        by: String,
    },
    /// There is nothing to take back.
    #[error("nothing is proposed in case {0}")]
    NothingProposed(u64),
    /// It is not frozen, or was thawed.
    #[error("mandate {0} is not frozen")]
    NotFrozen(B256),
    /// What the officer decides is to hold until a time that is over.
    #[error("the decision was to hold until {0}, which is over")]
    Over(UnixTime),
    /// What the officer decides is to hold for too long.
    #[error("a decision counts for two years at most, and {0} is later: decide again then")]
    TooLate(UnixTime),
    /// Too long.
    #[error("{what} has at most {most} bytes")]
    TooLong {
        /// What.
        what: &'static str,
        /// The most that is taken.
        most: usize,
    },
    /// There is no such record.
    #[error("there is no evidence {0}")]
    UnknownEvidence(B256),
    /// The law wants it kept.
    #[error(transparent)]
    Kept(#[from] RetentionError),
    /// What was presented is not taken.
    #[error("{message}")]
    Refused {
        /// Its stable code.
        code: &'static str,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A defect of this software or of its surroundings.
    #[error("{0}")]
    Internal(String),
}

impl ComplianceError {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCase(_) | Self::UnknownEvidence(_) => "not_found",
            Self::CaseChanged { .. } => "case_changed",
            Self::CaseDecided(..) => "case_decided",
            Self::SameOfficer(_) => "same_officer",
            Self::OtherDecision { .. } => "other_decision",
            Self::NothingProposed(_) => "nothing_proposed",
            Self::NotFrozen(_) => "not_frozen",
            Self::Over(_) | Self::TooLate(_) | Self::TooLong { .. } => "malformed",
            Self::Kept(_) => "kept",
            Self::Refused { code, .. } => code,
            _ => "internal",
        }
    }
}

macro_rules! internal {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for ComplianceError {
            fn from(error: $error) -> Self {
                Self::Internal(error.to_string())
            }
        })+
    };
}

internal!(DetailsError, NameError, FormatError, serde_json::Error);
