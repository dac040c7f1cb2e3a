//! Blocks for the ledger: each with what the wallet said in it, its parent, and its time.
//!
//! Blocks in which the wallet said nothing are left out but for the last one, whose time says how old
//! the view is. The node is asked for more than logs and headers only where this processor is concerned:
//! for the transactions of its batches, whose inputs say what they took, and for those that opened an
//! account of its own.

use std::collections::{BTreeSet, HashMap};

use aep2_chain::{
    BlockRef,
    events::{EventError, WalletEvent},
    settlement::{SettledBatch, SettledDebit as OnChain},
};
use aep2_ledger::{ChainBlock, ChainFact, records::SettledDebit};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy::{
    primitives::{Address, B256, Bytes},
    rpc::types::{Header, Log},
};
use futures::future::try_join_all;
use serde::Deserialize;

use super::{
    error::FollowError,
    facts::{self, Told},
    node::Node,
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

/// An event with its place.
struct Placed {
    block: BlockRef,
    transaction: B256,
    said: Said,
}

/// What a log says.
enum Said {
    Event(WalletEvent),
    /// Nothing that the wallet says, about an account.
    Nonsense(AccountId, String),
}

/// The blocks up to `tip`, in which the wallet logged `logs`, for the processor `own`.
pub(super) async fn of(
    node: &Node,
    own: Address,
    logs: &[Log],
    tip: BlockRef,
    cursor: Vec<u8>,
) -> Result<Vec<ChainBlock>, FollowError> {
    let mut placed: Vec<Placed> = Vec::with_capacity(logs.len());
    for log in logs {
        placed.extend(place(log)?);
    }
    let sent = transactions(node, own, &placed).await?;

    let mut blocks: Vec<(BlockRef, Vec<ChainFact>)> = Vec::new();
    let mut before: Option<(B256, Address, AccountId)> = None;
    for Placed { block, transaction, said } in placed {
        let opened = opening(&said).map(|(owner, account)| (transaction, owner, account));
        let fact = match said {
            Said::Nonsense(account, reason) => Some(ChainFact::Nonsense { account, reason }),
            Said::Event(event) => {
                let sent = sent.get(&transaction).filter(|sent| calls(sent, node));
                let debits = sent.map(|sent| debits_of(sent, &event, own)).transpose()?.flatten();
                let first = sent.is_some()
                    && before.is_some_and(|(in_transaction, of, opened)| {
                        let set =
                            WalletEvent::DirectAccountSet { owner: of, account: Some(opened) };
                        in_transaction == transaction && event == set
                    });
                facts::of(Told { event, transaction, debits, first }, own)
            }
        };
        before = opened;
        let Some(fact) = fact else { continue };
        match blocks.last_mut() {
            Some((last, facts)) if *last == block => facts.push(fact),
            _ => blocks.push((block, vec![fact])),
        }
    }
    if blocks.last().is_none_or(|(last, _)| *last != tip) {
        blocks.push((tip, Vec::new()));
    }

    let mut headers: Vec<Header> = Vec::with_capacity(blocks.len());
    for some in blocks.chunks(CONCURRENCY) {
        headers.extend(try_join_all(some.iter().map(|(block, _)| node.header(*block))).await?);
    }
    headers
        .into_iter()
        .zip(blocks)
        .map(|(header, (_, facts))| {
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

/// What a log says, and where. None when it says nothing that makes sense, of no account.
fn place(log: &Log) -> Result<Option<Placed>, FollowError> {
    let (Some(number), Some(hash), Some(transaction)) =
        (log.block_number, log.block_hash, log.transaction_hash)
    else {
        let reason = "an event without a block or a transaction";
        return Err(FollowError::Disagreement(reason.to_owned()));
    };
    let said = match WalletEvent::decode(log) {
        Ok(event) => Said::Event(event),
        Err(EventError::Malformed { reason, .. }) => match account_named(log) {
            Some(account) => Said::Nonsense(account, reason),
            None => return Ok(None),
        },
        Err(error) => {
            return Err(FollowError::NotUnderstood { block: number, reason: error.to_string() });
        }
    };
    Ok(Some(Placed { block: BlockRef { number, hash }, transaction, said }))
}

/// The account that a malformed event names: its first topic, as most events have it.
fn account_named(log: &Log) -> Option<AccountId> {
    let word = log.topics().get(1)?;
    let number = u32::from_be_bytes(*word.last_chunk::<4>()?);
    word[..28].iter().all(|byte| *byte == 0).then(|| AccountId::new(number).ok()).flatten()
}

/// The account that an event opened, and its owner.
fn opening(said: &Said) -> Option<(Address, AccountId)> {
    match said {
        Said::Event(WalletEvent::AccountOpened { account, opening }) => {
            Some((opening.owner, *account))
        }
        _ => None,
    }
}

/// The transactions whose inputs matter: those of this processor's batches, and those that opened its
/// accounts.
async fn transactions(
    node: &Node,
    own: Address,
    placed: &[Placed],
) -> Result<HashMap<B256, Sent>, FollowError> {
    let concerns = |said: &Said| match said {
        Said::Event(WalletEvent::BatchSettled { processor, .. }) => *processor == own,
        Said::Event(WalletEvent::AccountOpened { opening, .. }) => opening.terms.processor == own,
        _ => false,
    };
    let wanted: BTreeSet<B256> = placed
        .iter()
        .filter(|placed| concerns(&placed.said))
        .map(|placed| placed.transaction)
        .collect();
    let wanted: Vec<B256> = wanted.into_iter().collect();
    let mut sent = HashMap::with_capacity(wanted.len());
    for some in wanted.chunks(CONCURRENCY) {
        let asked = some.iter().map(|hash| transaction(node, *hash));
        sent.extend(try_join_all(asked).await?.into_iter().map(|sent| (sent.hash, sent)));
    }
    Ok(sent)
}

async fn transaction(node: &Node, hash: B256) -> Result<Sent, FollowError> {
    let sent: Option<Sent> = node.ask("eth_getTransactionByHash", (hash,)).await?;
    sent.filter(|sent| sent.hash == hash)
        .ok_or_else(|| FollowError::Disagreement(format!("it has no transaction {hash} any more")))
}

/// Whether a transaction called the wallet itself. Then it called it once.
fn calls(sent: &Sent, node: &Node) -> bool {
    sent.to == Some(node.wallet.address)
}

/// What a batch of this processor's took, as the input of its transaction says, which called the wallet.
/// None of another event.
fn debits_of(
    sent: &Sent,
    event: &WalletEvent,
    own: Address,
) -> Result<Option<Vec<SettledDebit>>, FollowError> {
    let WalletEvent::BatchSettled { token, processor, verifier_set, count, total, .. } = event
    else {
        return Ok(None);
    };
    if *processor != own {
        return Ok(None);
    }
    let disagree =
        |reason: String| FollowError::Disagreement(format!("transaction {}: {reason}", sent.hash));
    let settled = SettledBatch::decode(&sent.input).map_err(|error| disagree(error.to_string()))?;
    let agrees = settled.token == *token
        && settled.count == *count
        && settled.verifier_set == *verifier_set
        && settled.total() == Some(*total);
    if !agrees {
        return Err(disagree("its input is not what its event says".to_owned()));
    }
    let debit = |taken: &OnChain| {
        let OnChain { account, word, mask, amount } = *taken;
        let amount = facts::balance(amount)?;
        Some(SettledDebit { account, word, mask, amount })
    };
    let debits: Option<Vec<_>> = settled.debits.iter().map(debit).collect();
    let above = || disagree("it takes more than an account can have".to_owned());
    debits.map(Some).ok_or_else(above)
}
