//! Logs: asking for those of a range of blocks, and being told of new ones.
//!
//! A filter collects from the moment it is made and hands over what it has when polled. Logs of
//! blocks that were taken back are handed over again, marked as removed, as geth does. A filter that
//! nobody polls for [`IDLE_SECONDS`] is forgotten.

use std::collections::HashMap;

use alloy::{
    primitives::B256,
    rpc::types::{Filter, FilterBlockOption, Log},
};

use crate::block::MinedBlock;

/// How long a filter lives without being polled (geth's time).
const IDLE_SECONDS: u64 = 5 * 60;
/// How many filters there may be.
const FILTERS_MAX: usize = 1_000;
/// How much a filter holds for its owner; it is forgotten when it would hold more.
const HELD_MAX: usize = 100_000;

/// What a filter collects.
#[derive(Clone, Debug)]
enum Collected {
    Logs { filter: Box<Filter>, logs: Vec<Log> },
    Blocks(Vec<B256>),
    Transactions(Vec<B256>),
}

impl Collected {
    fn len(&self) -> usize {
        match self {
            Self::Logs { logs, .. } => logs.len(),
            Self::Blocks(hashes) | Self::Transactions(hashes) => hashes.len(),
        }
    }
}

/// What a poll returns.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Changes {
    Logs(Vec<Log>),
    Hashes(Vec<B256>),
}

#[derive(Clone, Debug)]
struct Installed {
    collected: Collected,
    polled_at_seconds: u64,
}

/// The installed filters. Times are unix seconds of the wall clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    installed: HashMap<u64, Installed>,
    last_id: u64,
}

impl Filters {
    /// Installs a filter for logs, and returns its id; `None` if there are too many.
    pub(crate) fn install_logs(&mut self, filter: Filter, now: u64) -> Option<u64> {
        self.install(Collected::Logs { filter: Box::new(filter), logs: Vec::new() }, now)
    }

    /// Installs a filter for blocks.
    pub(crate) fn install_blocks(&mut self, now: u64) -> Option<u64> {
        self.install(Collected::Blocks(Vec::new()), now)
    }

    /// Installs a filter for transactions that begin to wait.
    pub(crate) fn install_transactions(&mut self, now: u64) -> Option<u64> {
        self.install(Collected::Transactions(Vec::new()), now)
    }

    fn install(&mut self, collected: Collected, now: u64) -> Option<u64> {
        self.forget_idle(now);
        if self.installed.len() >= FILTERS_MAX {
            return None;
        }
        self.last_id += 1;
        self.installed.insert(self.last_id, Installed { collected, polled_at_seconds: now });
        Some(self.last_id)
    }

    /// Whether there was one.
    pub(crate) fn uninstall(&mut self, id: u64) -> bool {
        self.installed.remove(&id).is_some()
    }

    /// What has been collected since the last poll.
    pub(crate) fn poll(&mut self, id: u64, now: u64) -> Option<Changes> {
        self.forget_idle(now);
        let installed = self.installed.get_mut(&id)?;
        installed.polled_at_seconds = now;
        Some(match &mut installed.collected {
            Collected::Logs { logs, .. } => Changes::Logs(std::mem::take(logs)),
            Collected::Blocks(hashes) | Collected::Transactions(hashes) => {
                Changes::Hashes(std::mem::take(hashes))
            }
        })
    }

    /// The filter for logs with this id.
    pub(crate) fn logs_filter(&self, id: u64) -> Option<&Filter> {
        match &self.installed.get(&id)?.collected {
            Collected::Logs { filter, .. } => Some(filter),
            Collected::Blocks(_) | Collected::Transactions(_) => None,
        }
    }

    /// Notes that a transaction waits.
    pub(crate) fn transaction(&mut self, hash: B256) {
        self.each(|collected| {
            if let Collected::Transactions(hashes) = collected {
                hashes.push(hash);
            }
        });
    }

    /// Notes that a block was mined.
    pub(crate) fn block(&mut self, block: &MinedBlock) {
        self.each(|collected| match collected {
            Collected::Logs { filter, logs } if is_new(filter, block.number()) => {
                matching_logs(filter, block, logs);
            }
            Collected::Blocks(hashes) => hashes.push(block.hash()),
            Collected::Logs { .. } | Collected::Transactions(_) => {}
        });
    }

    /// Notes that a block was taken back.
    pub(crate) fn removed(&mut self, block: &MinedBlock) {
        self.each(|collected| {
            if let Collected::Logs { filter, logs } = collected
                && is_new(filter, block.number())
            {
                let before = logs.len();
                matching_logs(filter, block, logs);
                logs[before..].iter_mut().for_each(|log| log.removed = true);
            }
        });
    }

    fn each(&mut self, mut note: impl FnMut(&mut Collected)) {
        self.installed.retain(|_, installed| {
            note(&mut installed.collected);
            installed.collected.len() <= HELD_MAX
        });
    }

    fn forget_idle(&mut self, now: u64) {
        self.installed
            .retain(|_, installed| now.saturating_sub(installed.polled_at_seconds) <= IDLE_SECONDS);
    }
}

/// Whether a filter asks for blocks with this number. Tags (`latest` and the like) ask for all new
/// ones.
fn is_new(filter: &Filter, number: u64) -> bool {
    match filter.block_option {
        FilterBlockOption::Range { from_block, to_block } => {
            let from = from_block.and_then(|from| from.as_number()).unwrap_or(0);
            let to = to_block.and_then(|to| to.as_number()).unwrap_or(u64::MAX);
            (from..=to).contains(&number)
        }
        FilterBlockOption::AtBlockHash(_) => false,
    }
}

/// Appends the block's logs that `filter` asks for. Does not look at the filter's range.
pub(crate) fn matching_logs(filter: &Filter, block: &MinedBlock, found: &mut Vec<Log>) {
    if !filter.matches_bloom(block.header.logs_bloom) {
        return;
    }
    let mut log_index = 0;
    for (index, receipt) in block.receipts.iter().enumerate() {
        for log in receipt.logs() {
            if filter.matches(log) {
                found.push(rpc_log(block, index, log_index, log.clone()));
            }
            log_index += 1;
        }
    }
}

/// A log with its place. `log_index` counts within the block.
pub(crate) fn rpc_log(
    block: &MinedBlock,
    transaction_index: usize,
    log_index: u64,
    inner: alloy::primitives::Log,
) -> Log {
    Log {
        inner,
        block_hash: Some(block.hash()),
        block_number: Some(block.number()),
        block_timestamp: Some(block.header.timestamp),
        transaction_hash: Some(*block.transactions[transaction_index].inner().tx_hash()),
        transaction_index: Some(transaction_index as u64),
        log_index: Some(log_index),
        removed: false,
    }
}
