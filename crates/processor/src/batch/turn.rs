//! One turn of driving a batch: what it led to, or why it failed.

use std::time::Duration;

use aep2_ledger::{BatchError, LedgerError, Status};
use aep2_prover::prover::ProverError;
use thiserror::Error;

use super::sending::CallError;

/// The shortest and the longest wait after something went wrong.
pub(super) const WAIT_MIN: Duration = Duration::from_millis(200);
pub(super) const WAIT_MAX: Duration = Duration::from_secs(30);

/// What a turn led to.
pub(super) enum Turn {
    /// There may be more to do.
    On,
    /// The batch has ended, or the ledger cannot be written any more.
    Done,
}

/// Why a turn failed. It is taken again.
#[derive(Debug, Error)]
pub(super) enum DriveError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger does not take the step.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// There is no call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no proving key.
    #[error("there is no proving key for the shape of number {0}")]
    NoProver(u32),
    /// The proof came out wrong.
    #[error("proving failed: {0}")]
    Prover(ProverError),
    /// The stored proof cannot be written.
    #[error("the proof cannot be stored: {0}")]
    Encode(#[from] serde_json::Error),
    /// A blocking task ended early.
    #[error("a thread ended early: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// What a step led to that the batch may have been overtaken on: by the chain, which settled it, or by
/// members that ended meanwhile. Then it is looked at anew.
pub(super) fn overtaken<T>(step: Result<T, BatchError>) -> Result<Option<Turn>, DriveError> {
    match step {
        Ok(_) => Ok(None),
        Err(
            BatchError::WrongStep { .. }
            | BatchError::Unsaid(_)
            | BatchError::WrongStatus {
                status: Status::Settled { .. } | Status::Failed { .. }, ..
            },
        ) => Ok(Some(Turn::On)),
        Err(error) => Err(error.into()),
    }
}
