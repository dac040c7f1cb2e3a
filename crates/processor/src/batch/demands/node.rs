//! What all that answers demands asks and sends by.

use std::sync::Arc;

use aep2_chain::{
    inclusion::NotSettled,
    sender::SubmissionId,
    wallet::guarantee::{Guarantee, GuaranteeId},
};
use aep2_ledger::{BatchNumber, LedgerError};
use alloy::{
    primitives::{Address, B256, keccak256},
    providers::DynProvider,
};
use thiserror::Error;

use crate::batch::context::Context;

/// Why demands could not be looked for, or not be answered. It is tried again.
#[derive(Debug, Error)]
pub(super) enum AnswerError {
    #[error("the node did not answer {0}")]
    Node(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the transaction that settled the mandate cannot be read: {0}")]
    Settled(#[from] NotSettled),
    /// The ledger is behind the chain, or a block was undone.
    #[error("batch {0} is not settled any more, as far as the ledger has followed")]
    Behind(BatchNumber),
    /// What is kept, or was demanded, does not fit: it does not pass.
    #[error("{0}")]
    Evidence(String),
}

/// What all parts of it ask and send by.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) context: Arc<Context>,
    pub(super) guarantee: Guarantee<DynProvider>,
}

impl Node {
    pub(super) fn new(context: Arc<Context>) -> Self {
        let guarantee = Guarantee::unchecked(context.provider.clone(), context.wallet.guarantee());
        Self { context, guarantee }
    }

    pub(super) fn processor(&self) -> Address {
        self.context.ledger.config().identity.processor
    }

    /// The sender's name for a transaction of the guarantee.
    pub(super) fn submission(&self, parts: &[&[u8]]) -> SubmissionId {
        let GuaranteeId { wallet, address } = self.guarantee.id();
        let chain_id = wallet.chain_id.get().to_be_bytes();
        let hash: B256 = keccak256(
            [&[b"aep2 guarantee".as_slice(), &chain_id, address.as_slice()], parts]
                .concat()
                .concat(),
        );
        SubmissionId(hash)
    }

    pub(super) async fn ask<T, E: std::fmt::Display>(
        &self,
        what: &str,
        asked: impl IntoFuture<Output = Result<T, E>>,
    ) -> Result<T, AnswerError> {
        let answer = tokio::time::timeout(self.context.request_timeout, asked.into_future()).await;
        answer
            .map_err(|_| AnswerError::Node(format!("{what} in time")))?
            .map_err(|error| AnswerError::Node(format!("{what}: {error}")))
    }
}
