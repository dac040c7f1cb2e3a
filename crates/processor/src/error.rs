//! Why a processor does not start.

use aep2_ledger::{LedgerError, OpenError};
use thiserror::Error;

use crate::config::ConfigError;

/// Why a processor does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings cannot be served by.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Following the chain cannot begin.
    #[error("cannot follow the chain: {0}")]
    Follow(String),
    /// Settling cannot begin.
    #[error("cannot settle: {0}")]
    Settle(String),
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(String),
}
