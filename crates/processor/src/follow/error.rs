//! Why following stopped for now.

use aep2_chain::follower::FollowerError;
use aep2_ledger::{ChainError, JournalError, LedgerError};
use alloy::transports::TransportError;
use thiserror::Error;

/// Why following stopped for now.
#[derive(Debug, Error)]
pub(crate) enum FollowError {
    /// The follower cannot go on.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The ledger's cursor is not one.
    #[error("the ledger's cursor cannot be read: {0}")]
    Cursor(#[from] serde_json::Error),
    /// The node did not answer.
    #[error("{asked}: {}", match error {
        Some(error) => error.to_string(),
        None => "no answer in time".to_owned(),
    })]
    Node {
        /// What was asked for.
        asked: &'static str,
        /// What went wrong; none when no answer came in time.
        error: Option<Box<TransportError>>,
    },
    /// The node's answers do not fit together: the chain changed in between, or it lags.
    #[error("the node's answers do not fit together: {0}")]
    Disagreement(String),
    /// The wallet said something that this software does not understand.
    #[error("block {block}: {reason}")]
    NotUnderstood {
        /// The block's number.
        block: u64,
        /// What was not understood.
        reason: String,
    },
    /// The ledger does not take it.
    #[error(transparent)]
    Ledger(#[from] ChainError),
}

impl From<LedgerError> for FollowError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error.into())
    }
}

impl FollowError {
    /// Whether it passes by itself.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Node { .. } | Self::Disagreement(_) => true,
            Self::Ledger(ChainError::Ledger(LedgerError::Journal(JournalError::Busy {
                ..
            }))) => true,
            Self::Follower(_) | Self::Cursor(_) | Self::NotUnderstood { .. } | Self::Ledger(_) => {
                false
            }
        }
    }
}
