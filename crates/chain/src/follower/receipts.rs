//! The events of a block, out of its receipts.
//!
//! A list of events shows only what is in it. A node that has not filed a block's events yet, has lost
//! them or hides them lists none, and nobody can tell. All receipts of a block can be held against its
//! header, which every later block's hash stands for: they must hash to its receipts root, and every bit
//! of its bloom filter must come from one of their events.
//!
//! Some chains have transactions of kinds of their own, whose receipts this software cannot hash, or
//! leave receipts out of the root. So a root that differs is a lie only where roots were seen to agree;
//! elsewhere the bloom filter has to do, which shows a missing event unless others of the block have the
//! same address and topics. The same goes for the hash of the header itself.

use std::sync::atomic::{AtomicBool, Ordering};

use alloy::{
    consensus::{Receipt, ReceiptEnvelope, ReceiptWithBloom, proofs::calculate_receipt_root},
    primitives::{B256, Bloom, BloomInput, U64},
    rpc::types::{Header, Log},
};
use futures::{
    FutureExt,
    stream::{self, StreamExt, TryStreamExt},
};
use serde::Deserialize;

use super::fault::{CONCURRENCY, Fault, disagree};
use crate::rpc::{Rpc, RpcError};

/// A receipt, as far as its events and its hash matter.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockReceipt {
    transaction_hash: B256,
    block_hash: B256,
    transaction_index: U64,
    /// None of a chain that has only one kind.
    #[serde(rename = "type", default)]
    kind: U64,
    /// None before Byzantium.
    #[serde(default)]
    status: Option<U64>,
    cumulative_gas_used: U64,
    logs: Vec<Log>,
}

/// A block's transactions, by their hashes.
#[derive(Debug, Deserialize)]
struct Body {
    hash: B256,
    transactions: Vec<B256>,
}

/// Reads receipts, and learns what can be checked on this chain.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// Whether the node gives a block's receipts only one by one.
    one_by_one: AtomicBool,
    roots: Learned,
    hashes: Learned,
}

/// A check that counts from the first time on that it succeeded.
#[derive(Debug, Default)]
struct Learned(AtomicBool);

impl Learned {
    /// Whether that is as it should be.
    fn allows(&self, succeeded: bool) -> bool {
        if succeeded {
            self.0.store(true, Ordering::Relaxed);
        }
        succeeded || !self.0.load(Ordering::Relaxed)
    }
}

impl Receipts {
    /// That a header has the hash that it says.
    pub(super) fn check_header(&self, header: &Header) -> Result<(), Fault> {
        if self.hashes.allows(header.inner.hash_slow() == header.hash) {
            Ok(())
        } else {
            disagree(format!("a header that does not hash to {}", header.hash))
        }
    }

    /// All events of a block, whoever logged them, in their order.
    pub(super) async fn logs(&self, rpc: &Rpc, header: &Header) -> Result<Vec<Log>, Fault> {
        let receipts = if self.one_by_one.load(Ordering::Relaxed) {
            self.ask_one_by_one(rpc, header.hash).await?
        } else {
            match rpc.ask("eth_getBlockReceipts", (header.hash,)).await {
                Ok(receipts) => present(receipts, header.hash)?,
                Err(error) if is_unknown_method(&error) => {
                    tracing::warn!(%error, "the node gives no block's receipts at once; asking for one by one");
                    self.one_by_one.store(true, Ordering::Relaxed);
                    self.ask_one_by_one(rpc, header.hash).await?
                }
                Err(error) => return Err(error.into()),
            }
        };
        self.check(header, &receipts)?;
        Ok(receipts.into_iter().flat_map(|receipt| receipt.logs).collect())
    }

    async fn ask_one_by_one(&self, rpc: &Rpc, block: B256) -> Result<Vec<BlockReceipt>, Fault> {
        let body: Option<Body> = rpc.ask("eth_getBlockByHash", (block, false)).await?;
        let body = present(body, block)?;
        if body.hash != block {
            return disagree(format!("asked for block {block}, got {}", body.hash));
        }
        let asked: Vec<_> = body
            .transactions
            .into_iter()
            .map(|hash| {
                async move {
                    let receipt = rpc.ask("eth_getTransactionReceipt", (hash,)).await?;
                    let receipt: BlockReceipt = present(receipt, block)?;
                    if receipt.transaction_hash != hash {
                        return disagree(format!("another receipt than that of {hash}"));
                    }
                    Ok(receipt)
                }
                .boxed()
            })
            .collect();
        stream::iter(asked).buffered(CONCURRENCY).try_collect().await
    }

    /// That these are the block's receipts, as far as its header tells.
    fn check(&self, header: &Header, receipts: &[BlockReceipt]) -> Result<(), Fault> {
        let mut next_log = 0;
        for (index, receipt) in receipts.iter().enumerate() {
            let fits = receipt.block_hash == header.hash
                && receipt.transaction_index == U64::from(index)
                && receipt.logs.iter().all(|log| {
                    next_log += 1;
                    log.log_index == Some(next_log - 1)
                        && log.block_hash == Some(header.hash)
                        && log.block_number == Some(header.number)
                        && log.transaction_hash == Some(receipt.transaction_hash)
                        && !log.removed
                });
            if !fits {
                return disagree(format!("receipt {index} is not of block {}", header.hash));
            }
        }
        // An empty bloom proves nothing: some chains leave it empty always.
        if !header.logs_bloom.is_zero() {
            let mut bloom = Bloom::ZERO;
            receipts
                .iter()
                .flat_map(|receipt| &receipt.logs)
                .for_each(|log| accrue(&mut bloom, log));
            if !bloom.contains(&header.logs_bloom) {
                return disagree(format!("events of block {} are missing", header.hash));
            }
        }
        let root = root_of(receipts);
        if !self.roots.allows(root == Some(header.receipts_root)) && root.is_some() {
            return disagree(format!("other receipts than those of block {}", header.hash));
        }
        Ok(())
    }
}

fn accrue(bloom: &mut Bloom, log: &Log) {
    bloom.accrue(BloomInput::Raw(log.address().as_slice()));
    log.topics().iter().for_each(|topic| bloom.accrue(BloomInput::Raw(topic.as_slice())));
}

/// What receipts hash to; none when one is of a kind that this software does not know.
fn root_of(receipts: &[BlockReceipt]) -> Option<B256> {
    let envelopes: Option<Vec<ReceiptEnvelope>> = receipts.iter().map(envelope).collect();
    Some(calculate_receipt_root(&envelopes?))
}

fn envelope(receipt: &BlockReceipt) -> Option<ReceiptEnvelope> {
    let inner = Receipt {
        status: (receipt.status? == U64::ONE).into(),
        cumulative_gas_used: receipt.cumulative_gas_used.to(),
        logs: receipt.logs.iter().map(|log| log.inner.clone()).collect(),
    };
    let inner: ReceiptWithBloom<_> = inner.into();
    Some(match receipt.kind.to::<u64>() {
        0 => ReceiptEnvelope::Legacy(inner),
        1 => ReceiptEnvelope::Eip2930(inner),
        2 => ReceiptEnvelope::Eip1559(inner),
        3 => ReceiptEnvelope::Eip4844(inner),
        4 => ReceiptEnvelope::Eip7702(inner),
        _ => return None,
    })
}

/// Whether the node does not know what was asked for, rather than the block.
fn is_unknown_method(error: &RpcError) -> bool {
    error.answer().is_some_and(|payload| {
        // Of the first, "method not found"; providers that sell methods have others.
        payload.code == -32601 || payload.message.to_lowercase().contains("method")
    })
}

fn present<T>(answer: Option<T>, block: B256) -> Result<T, Fault> {
    match answer {
        Some(answer) => Ok(answer),
        None => disagree(format!("the node that was asked for its events has no block {block}")),
    }
}
