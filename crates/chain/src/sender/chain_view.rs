//! What the chain shows of a submission.
//!
//! Only reading. Nothing here is concluded from something missing: that a transaction is not found
//! may be the fault of a node that lags. A submission has ended when a block deep in the chain
//! holds one of its transactions, or holds what else used the nonce.

use alloy::{
    eips::BlockNumberOrTag,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U64},
    rpc::{
        json_rpc::RpcSend,
        types::{Header, TransactionReceipt},
    },
    transports::RpcError as Transport,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::{
    record::{Finish, Key, Record},
    refusal,
};
use crate::rpc::{BlockRef, Rpc, RpcError};

/// How many requests are under way at once.
const CONCURRENCY: usize = 8;

/// The chain's newest block, and what the key had used by then.
#[derive(Clone, Debug)]
pub(super) struct ChainHead {
    /// The newest block.
    pub(super) block: Header,
    /// How many of the key's nonces were used up to it.
    pub(super) nonces_used: u64,
}

/// What the chain shows of a submission.
#[derive(Clone, Debug)]
pub(super) enum Observation {
    /// It has ended.
    Final(Finish),
    /// One of its attempts is in a block that is not deep enough yet.
    Mined { block: BlockRef, succeeded: bool },
    /// What the node says does not fit together yet: blocks are changing, or the nonce is used by
    /// what is not certain.
    Unclear,
    /// The nonce is unused.
    Waiting {
        /// Whether the node has the newest attempt.
        newest_known: bool,
        /// Whether it has any attempt.
        any_known: bool,
    },
}

/// Where a block is in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In it, with as many confirmations as are asked for.
    Deep,
    /// In it.
    Shallow,
    /// Not in it, as far as can be seen.
    None,
}

/// The chain as a node shows it, and how many confirmations make a block final.
#[derive(Clone, Debug)]
pub(super) struct ChainView {
    pub(super) rpc: Rpc,
    pub(super) confirmations: u64,
}

/// A block, as far as it matters who sent what. Read as this only, since its transactions may be of
/// any kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FullBlock {
    hash: B256,
    parent_hash: B256,
    transactions: Vec<Sent>,
}

/// A block by its hash, in the form of EIP-1898.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ByHash {
    block_hash: B256,
}

#[derive(Debug, Deserialize)]
struct Sent {
    hash: B256,
    from: Address,
    #[serde(default)]
    nonce: U64,
}

impl ChainView {
    /// The newest block, and how many nonces `key` used up to that very block. None when the node
    /// has no block.
    pub(super) async fn head(&self, key: Key) -> Result<Option<ChainHead>, RpcError> {
        let Some(block) = self.rpc.header(BlockNumberOrTag::Latest).await? else { return Ok(None) };
        let nonces_used = self.nonces_used(key, BlockNumberOrTag::Number(block.number)).await?;
        Ok(Some(ChainHead { block, nonces_used }))
    }

    async fn nonces_used(&self, key: Key, at: impl RpcSend) -> Result<u64, RpcError> {
        let count: U64 = self.rpc.ask("eth_getTransactionCount", (key.address, at)).await?;
        Ok(count.to())
    }

    /// What the chain shows of a submission.
    pub(super) async fn observe(
        &self,
        record: &Record,
        head: &ChainHead,
    ) -> Result<Observation, RpcError> {
        let mut stale = false;
        for attempt in record.attempts.iter().rev() {
            let receipt: Option<TransactionReceipt> =
                self.rpc.ask("eth_getTransactionReceipt", (attempt.hash,)).await?;
            let Some(receipt) = receipt.filter(|found| found.transaction_hash == attempt.hash)
            else {
                continue;
            };
            let (Some(number), Some(hash)) = (receipt.block_number, receipt.block_hash) else {
                stale = true;
                continue;
            };
            let block = BlockRef { number, hash };
            match self.place(block).await? {
                Place::Deep => {}
                Place::Shallow => {
                    return Ok(Observation::Mined { block, succeeded: receipt.status() });
                }
                Place::None => {
                    stale = true;
                    continue;
                }
            }
            let reason = if receipt.status() { None } else { self.reason(record, number).await? };
            return Ok(Observation::Final(Finish::Mined { receipt: Box::new(receipt), reason }));
        }
        if stale {
            return Ok(Observation::Unclear);
        }
        if record.nonce < head.nonces_used {
            return self.find_other(record, head).await;
        }
        let mut any_known = false;
        for (index, attempt) in record.attempts.iter().rev().enumerate() {
            let found: Option<serde::de::IgnoredAny> =
                self.rpc.ask("eth_getTransactionByHash", (attempt.hash,)).await?;
            if found.is_some() {
                any_known = true;
                if index == 0 {
                    return Ok(Observation::Waiting { newest_known: true, any_known });
                }
                break;
            }
        }
        Ok(Observation::Waiting { newest_known: false, any_known })
    }

    /// Where a block is in the chain.
    ///
    /// That it is deep is shown by its confirmations, the blocks after it, each naming the one before:
    /// a node that still has a block which was reorged out, and another with a longer chain, do not
    /// make a deep block together.
    async fn place(&self, block: BlockRef) -> Result<Place, RpcError> {
        let last = block.number.saturating_add(self.confirmations);
        let deep_enough = self.rpc.header(last).await?.is_some();
        let numbers = if deep_enough { block.number..=last } else { block.number..=block.number };
        let headers: Vec<Option<Header>> = stream::iter(numbers)
            .map(|number| self.rpc.header(number))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let mut headers = headers.into_iter();
        if headers.next().flatten().is_none_or(|header| header.hash != block.hash) {
            return Ok(Place::None);
        }
        let mut below = block.hash;
        for header in headers {
            match header {
                Some(header) if header.parent_hash == below => below = header.hash,
                _ => return Ok(Place::Shallow),
            }
        }
        Ok(if deep_enough { Place::Deep } else { Place::Shallow })
    }

    /// Whether another block has taken a block's place. Not the opposite of its being there: a node
    /// that lags has none.
    pub(super) async fn is_superseded(&self, block: BlockRef) -> Result<bool, RpcError> {
        Ok(self.rpc.header(block.number).await?.is_some_and(|now| now.hash != block.hash))
    }

    /// What used the nonce, when no receipt shows that it was one of the attempts.
    ///
    /// A missing receipt proves nothing. So the block in which the nonce was used is searched, by
    /// halves, and read.
    async fn find_other(&self, record: &Record, head: &ChainHead) -> Result<Observation, RpcError> {
        match self.find_other_in_state(record, head).await {
            // Nodes keep the state of old blocks for a while only, and some know no blocks by hash.
            Err(RpcError::Failed { error: Transport::ErrorResp(error), .. }) => {
                tracing::warn!(nonce = record.nonce, %error, "cannot find out what used the nonce");
                Ok(Observation::Unclear)
            }
            observed => observed,
        }
    }

    async fn find_other_in_state(
        &self,
        record: &Record,
        head: &ChainHead,
    ) -> Result<Observation, RpcError> {
        let used_at = async |number: u64| -> Result<bool, RpcError> {
            let at = BlockNumberOrTag::Number(number);
            Ok(self.nonces_used(record.key, at).await? > record.nonce)
        };
        let Some(mut used) = head.block.number.checked_sub(self.confirmations) else {
            return Ok(Observation::Unclear);
        };
        if !used_at(used).await? {
            return Ok(Observation::Unclear);
        }
        let mut unused = record.born_block().min(used);
        if used_at(unused).await? {
            // Used before it was taken: a reorganisation since.
            unused = 0;
            if used == 0 || used_at(0).await? {
                return Ok(Observation::Unclear);
            }
        }
        while used - unused > 1 {
            let middle = unused + (used - unused) / 2;
            if used_at(middle).await? {
                used = middle;
            } else {
                unused = middle;
            }
        }
        let block: Option<FullBlock> =
            self.rpc.ask("eth_getBlockByNumber", (BlockNumberOrTag::Number(used), true)).await?;
        let Some(block) = block else { return Ok(Observation::Unclear) };
        // By hash, so that it is certain that this block used it, whichever nodes answered so far.
        let before = self.nonces_used(record.key, ByHash { block_hash: block.parent_hash }).await?;
        let after = self.nonces_used(record.key, ByHash { block_hash: block.hash }).await?;
        let place = BlockRef { number: used, hash: block.hash };
        let used_here = before <= record.nonce && record.nonce < after;
        if !used_here || self.place(place).await? != Place::Deep {
            return Ok(Observation::Unclear);
        }
        let by = block
            .transactions
            .iter()
            .find(|sent| sent.from == record.key.address && sent.nonce.to::<u64>() == record.nonce)
            .map(|sent| sent.hash);
        if by.is_some_and(|by| record.attempts.iter().any(|attempt| attempt.hash == by)) {
            // One of ours. Its receipt will be found.
            return Ok(Observation::Unclear);
        }
        // An authorization (EIP-7702) uses a nonce without a transaction. But a node that has not stored
        // all of a block's transactions yet, or a second one behind the same address, shows a block
        // without them, too.
        if by.is_none() && !self.is_complete(&block).await? {
            return Ok(Observation::Unclear);
        }
        Ok(Observation::Final(Finish::Replaced { by, block: place }))
    }

    /// Whether a block was shown with all of its transactions.
    async fn is_complete(&self, block: &FullBlock) -> Result<bool, RpcError> {
        let count: Option<U64> =
            self.rpc.ask("eth_getBlockTransactionCountByHash", (block.hash,)).await?;
        Ok(count.is_some_and(|count| count == U64::from(block.transactions.len())))
    }

    /// What a submission that reverted in a block reverts with, by running it again: on the state
    /// before the block, and if it succeeds there, on the state after it. Neither is exactly the
    /// state that it met, so there may be no answer.
    async fn reason(&self, record: &Record, number: u64) -> Result<Option<Bytes>, RpcError> {
        let request = record.call.to_request().with_from(record.key.address);
        let request = request.with_gas_limit(record.gas_limit);
        for at in [number.saturating_sub(1), number] {
            let answer: Result<Bytes, RpcError> =
                self.rpc.ask("eth_call", (&request, BlockNumberOrTag::Number(at))).await;
            match answer {
                Ok(_) => {}
                Err(error) => match refusal::revert_data(&error) {
                    Some(data) => return Ok(Some(data)),
                    // The node may not have the state any more. Other failures pass.
                    None if refusal::classify(&error).is_some() => {}
                    None => return Err(error),
                },
            }
        }
        Ok(None)
    }
}
