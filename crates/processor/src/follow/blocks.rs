//! Blocks for the ledger: each with what the wallet said in it, its parent, and its time.
//!
//! Blocks in which the wallet said nothing are left out but for the last one, whose time says how old
//! the view is.

use aep2_chain::{
    BlockRef,
    events::WalletEvent,
    settlement::{SettledBatch, SettledDebit as OnChain},
};
use aep2_ledger::{ChainBlock, Ledger, records::SettledDebit};
use aep2_mandate::units::UnixTime;
use alloy::{
    primitives::{Address, B256, Bytes},
    rpc::types::{Header, Log},
};
use futures::future::try_join_all;
use serde::Deserialize;

use super::{
    draft::{Draft, DraftFact, fact_of},
    error::FollowError,
    facts::{self, BatchEvent, Decoded},
    node::Node,
    opaque,
};

/// How many requests are under way at once.
const CONCURRENCY: usize = 8;

/// A transaction, as far as it matters what it called.
#[derive(Debug, Deserialize)]
struct Sent {
    hash: B256,
    to: Option<Address>,
    input: Bytes,
}

/// The blocks up to `tip`, in which the wallet logged `logs`.
pub(super) async fn of(
    node: &Node,
    ledger: &Ledger,
    logs: &[Log],
    tip: BlockRef,
    cursor: Vec<u8>,
) -> Result<Vec<ChainBlock>, FollowError> {
    let mut drafts: Vec<Draft> = Vec::new();
    for log in logs {
        let block = block_of(log)?;
        if drafts.last().is_none_or(|last| last.block != block) {
            drafts.push(Draft { block, facts: Vec::new() });
        }
        let fact = decode(node, log, block).await?;
        if let (Some(fact), Some(draft)) = (fact, drafts.last_mut()) {
            draft.facts.push(fact);
        }
    }
    drafts.retain(|draft| !draft.facts.is_empty() || draft.block == tip);
    if drafts.last().is_none_or(|last| last.block != tip) {
        drafts.push(Draft { block: tip, facts: Vec::new() });
    }

    let mut headers: Vec<Header> = Vec::with_capacity(drafts.len());
    for some in drafts.chunks(CONCURRENCY) {
        headers.extend(try_join_all(some.iter().map(|draft| node.header(draft.block))).await?);
    }
    let facts = opaque::resolve(node, ledger, drafts).await?;
    headers
        .into_iter()
        .zip(facts)
        .map(|(header, facts)| {
            Ok(ChainBlock {
                number: header.number,
                hash: header.hash,
                parent: header.parent_hash,
                time: UnixTime::new(header.timestamp).map_err(|error| {
                    let reason = error.to_string();
                    FollowError::NotUnderstood { block: header.number, reason }
                })?,
                facts,
                cursor: cursor.clone(),
            })
        })
        .collect()
}

fn block_of(log: &Log) -> Result<BlockRef, FollowError> {
    match (log.block_number, log.block_hash) {
        (Some(number), Some(hash)) => Ok(BlockRef { number, hash }),
        _ => Err(FollowError::Disagreement("an event without a block".to_owned())),
    }
}

/// What a log says, if the ledger keeps it.
async fn decode(node: &Node, log: &Log, block: BlockRef) -> Result<Option<DraftFact>, FollowError> {
    let not_understood =
        |reason: String| FollowError::NotUnderstood { block: block.number, reason };
    let transaction = log
        .transaction_hash
        .ok_or_else(|| FollowError::Disagreement("an event without a transaction".to_owned()))?;
    let event = WalletEvent::decode(log).map_err(|error| not_understood(error.to_string()))?;
    let batch = match facts::of(event, transaction).map_err(not_understood)? {
        Decoded::Nothing => return Ok(None),
        Decoded::Fact(fact) => return Ok(Some(DraftFact::Known(fact))),
        Decoded::Settled(batch) => batch,
    };
    let debits = debits_of(node, &batch).await?;
    Ok(Some(match debits {
        Some(debits) => DraftFact::Known(fact_of(&batch, debits)),
        None => DraftFact::Opaque(batch),
    }))
}

/// What a batch took, as its transaction's input says. None when the transaction called something
/// else than the wallet, which called the wallet in turn: what that call said is not in the input.
async fn debits_of(
    node: &Node,
    batch: &BatchEvent,
) -> Result<Option<Vec<SettledDebit>>, FollowError> {
    let hash = batch.transaction;
    let sent: Option<Sent> = node.ask("eth_getTransactionByHash", (hash,)).await?;
    let sent = sent.filter(|sent| sent.hash == hash).ok_or_else(|| {
        FollowError::Disagreement(format!("it has no transaction {hash} any more"))
    })?;
    if sent.to != Some(node.wallet.address) {
        return Ok(None);
    }
    let disagree =
        |reason: String| FollowError::Disagreement(format!("transaction {hash}: {reason}"));
    let settled = SettledBatch::decode(&sent.input).map_err(|error| disagree(error.to_string()))?;
    let agrees = settled.token == batch.token
        && settled.count == batch.count
        && settled.verifier_set == batch.verifier_set
        && settled.total().is_some_and(|total| total.get() == batch.total.get());
    if !agrees {
        return Err(disagree("its input is not what its event says".to_owned()));
    }
    let debit = |own: &OnChain| {
        let OnChain { account, word, mask, amount } = *own;
        Ok(SettledDebit { account, word, mask, amount: facts::balance(amount)? })
    };
    let debits: Result<_, String> = settled.debits.iter().map(debit).collect();
    debits.map(Some).map_err(disagree)
}
