//! Mandates, accounts and batches as they are shown to others: what the HTTP API answers with.
//!
//! In JSON: camelCase, ids as hexadecimal, amounts as decimal strings, times in unix seconds.

mod account;
mod batch;
mod direct;
mod figures;
mod inclusion;
mod mandate;
mod readiness;
pub(crate) mod text;

use aep2_ledger::{FailureReason, LedgerError, MandateHash, Status};
use thiserror::Error;

pub(crate) use self::{
    account::status as account_status,
    batch::{status as batch_status, status_with_members as batch_status_with_members},
    direct::status as direct_status,
    figures::Figures,
    inclusion::Arranger,
    mandate::status as mandate_status,
    readiness::{identity, readiness},
};
pub use self::{
    account::{AccountStatus, PendingChange, PurseStatus},
    batch::{BatchStatus, BatchStep, MemberStatus},
    direct::{DirectStatus, RecentMandate},
    figures::BatchFigures,
    inclusion::Inclusion,
    mandate::{CaptureStatus, MandateReceipt, MandateState, MandateStatus, MandateTerms},
    readiness::{ChainReadiness, Identity, Readiness, TokenTerms},
};

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
            Self::Ledger(error) => crate::accept::code_of(error),
            Self::Internal(_) => "internal",
        }
    }
}

/// Why a mandate failed, in words.
pub(crate) fn words_of(reason: &FailureReason) -> String {
    match reason {
        FailureReason::Expired => "it was not settled before its deadline".to_owned(),
        FailureReason::GuaranteeClaimed { block } => {
            format!("its payee was paid from the bond in block {block}")
        }
        FailureReason::SpentElsewhere { block } => {
            format!("its nonce was spent by something else in block {block}")
        }
        FailureReason::GivenUp { reason } => format!("the processor gave it up: {reason}"),
    }
}
