//! Why a stretch of the chain could not be read.

use thiserror::Error;

use crate::rpc::RpcError;

/// How many requests are under way at once.
pub(super) const CONCURRENCY: usize = 8;

/// Why a stretch could not be read. None of these lasts: the stretch is read again.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// The node did not answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The node will not answer for so many blocks.
    #[error("too much for one request: {0}")]
    TooMuch(String),
    /// The answers do not describe one chain: it changed in between, or they come from several
    /// nodes.
    #[error("the answers disagree: {0}")]
    Disagreement(String),
}

pub(super) fn disagree<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Disagreement(message.into()))
}
