//! Asking the node.

use std::{fmt::Display, time::Duration};

use aep2_chain::{
    BlockRef,
    wallet::{Wallet, WalletId},
};
use alloy::{
    eips::BlockId,
    primitives::B256,
    providers::{DynProvider, Provider},
    rpc::{
        json_rpc::{RpcRecv, RpcSend},
        types::Header,
    },
};

use super::error::FollowError;

/// A node, and the wallet that is followed on it.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) provider: DynProvider,
    pub(super) wallet: WalletId,
    /// How long it may take to answer.
    pub(super) request_timeout: Duration,
}

impl Node {
    /// The answer to one request.
    pub(super) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<R, FollowError> {
        let answer = self.provider.client().request::<P, R>(method, params);
        let answer = tokio::time::timeout(self.request_timeout, answer).await;
        let failed = |error| FollowError::Node { asked: method, error };
        answer.map_err(|_| failed(None))?.map_err(|error| failed(Some(Box::new(error))))
    }

    /// The header of a block that the node was just seen to have.
    pub(super) async fn header(&self, block: BlockRef) -> Result<Header, FollowError> {
        let header: Option<Header> = self.ask("eth_getBlockByHash", (block.hash, false)).await?;
        header
            .filter(|header| header.hash == block.hash && header.number == block.number)
            .ok_or_else(|| FollowError::Disagreement(format!("it has no block {block} any more")))
    }

    /// The wallet as it was after a block.
    pub(super) fn wallet_at(&self, block: B256) -> Wallet<DynProvider> {
        Wallet::unchecked(self.provider.clone(), self.wallet).at(BlockId::hash(block))
    }

    /// What the wallet answers.
    pub(super) async fn read<T, E: Display>(
        &self,
        asked: &'static str,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, FollowError> {
        let answer = tokio::time::timeout(self.request_timeout, answer).await;
        let answer = answer.map_err(|_| FollowError::Node { asked, error: None })?;
        answer.map_err(|error| FollowError::Disagreement(format!("{asked}: {error}")))
    }
}
