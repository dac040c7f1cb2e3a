//! Asking the node.

use aep2_chain::BlockRef;
use alloy::{
    providers::{DynProvider, Provider},
    rpc::{
        json_rpc::{RpcRecv, RpcSend},
        types::Header,
    },
};

use super::error::FollowError;
use crate::shared::Shared;

/// The answer to one request.
pub(super) async fn ask<P: RpcSend, R: RpcRecv>(
    shared: &Shared,
    method: &'static str,
    params: P,
) -> Result<R, FollowError> {
    let provider: &DynProvider = &shared.provider;
    let answer = provider.client().request::<P, R>(method, params);
    let answer = tokio::time::timeout(shared.config.follower.request_timeout, answer).await;
    let failed = |error| FollowError::Node { asked: method, error };
    answer.map_err(|_| failed(None))?.map_err(|error| failed(Some(Box::new(error))))
}

/// The header of a block that the node was just seen to have.
pub(super) async fn header(shared: &Shared, block: BlockRef) -> Result<Header, FollowError> {
    let header: Option<Header> = ask(shared, "eth_getBlockByHash", (block.hash, false)).await?;
    header
        .filter(|header| header.hash == block.hash && header.number == block.number)
        .ok_or_else(|| FollowError::Disagreement(format!("it has no block {block} any more")))
}
