//! Why a watcher cannot go on, or not now.

use std::{io, path::PathBuf};

use aep2_chain::{
    error::ChainError,
    sender::{JournalError, SenderError},
};
use aep2_receipts::ReadError;
use thiserror::Error;

/// Why a watcher cannot go on, or not now.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The node. Passes.
    #[error("the node did not answer {asked}: {reason}")]
    Node {
        /// What was asked for.
        asked: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// A folder of receipts.
    #[error(transparent)]
    Receipts(#[from] ReadError),
    /// Its own state cannot be read or written.
    #[error("the state in {}: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its own state is of somebody else, or not one.
    #[error("{} is not this watcher's state: {reason}; give another --state", path.display())]
    OtherState {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Another watcher uses the state.
    #[error("{} is in use: another watcher runs on this state", path.display())]
    InUse {
        /// The file that marks it as used.
        path: PathBuf,
    },
    /// Two processors that are watched are one.
    #[error("the processors {one} and {other} are the same one: name it once")]
    SameProcessor {
        /// What the one is called.
        one: String,
        /// What the other is called.
        other: String,
    },
    /// The journal of transactions.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The sender of transactions.
    #[error(transparent)]
    Sender(#[from] SenderError),
}

impl WatchError {
    /// Whether it may pass by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Node { .. } | Self::Receipts(_) => true,
            Self::Sender(error) => matches!(error, SenderError::Rpc(_) | SenderError::NoBlock),
            _ => false,
        }
    }

    pub(crate) fn node(asked: &'static str, error: &ChainError) -> Self {
        Self::Node { asked, reason: error.to_string() }
    }
}
