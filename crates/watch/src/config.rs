//! What its operator sets.

use std::{path::PathBuf, sync::Arc, time::Duration};

use alloy::primitives::{Address, U256};

use crate::{error::WatchError, processor::ProcessorWord};

/// A processor whose receipts are watched.
#[derive(Clone, Debug)]
pub struct ProcessorAt {
    /// What it is called in messages and in the state: its address on the web, or on chain.
    pub name: String,
    /// Who it is; asked once and then remembered, where it is not said.
    pub address: Option<Address>,
    /// Who is asked what became of mandates; nobody, where the chain alone is looked at. Then a nonce that
    /// is spent counts as unproven.
    pub word: Option<Arc<dyn ProcessorWord>>,
}

/// What a watcher does, and how far it goes.
#[derive(Clone, Debug)]
pub struct WatchConfig {
    /// Whose receipts.
    pub payee: Address,
    /// The folders that they are kept in.
    pub folders: Vec<PathBuf>,
    /// Whose receipts they may be. Those of others are refused.
    pub processors: Vec<ProcessorAt>,
    /// How long after `settleBy` nothing is demanded yet, in seconds: what is settled late may still come,
    /// and a demand for what was settled costs its deposit. At most half of the demand period counts.
    pub grace_s: u64,
    /// How many confirmations a block needs, blocks after it, before what is in it counts.
    pub confirmations: u64,
    /// The most wei that deposits and gas together may take in any 24 hours.
    pub ether_max_wei: U256,
    /// What one ether costs, in whole tokens: what a demand and a claim cost in gas is held against what
    /// they bring.
    pub tokens_per_ether: u64,
    /// How many seconds the clocks of processors may be ahead.
    pub skew_s: u64,
    /// How old the newest block may be, in seconds: a node that shows an older one has stopped.
    pub age_max_s: u64,
    /// After how long files of receipts are removed that were read, that nobody writes into any more and
    /// none of whose receipts is open; never, where nothing is set.
    pub remove_after: Option<Duration>,
}

impl WatchConfig {
    /// Half an hour of grace, 12 confirmations, at most 0.05 ether a day, an ether at 4,000 tokens,
    /// a newest block of the last ten minutes.
    pub fn new(payee: Address, folders: Vec<PathBuf>, processors: Vec<ProcessorAt>) -> Self {
        Self {
            payee,
            folders,
            processors,
            grace_s: 1_800,
            confirmations: 12,
            ether_max_wei: U256::from(50_000_000_000_000_000_u64),
            tokens_per_ether: 4_000,
            skew_s: 90,
            age_max_s: 600,
            remove_after: None,
        }
    }

    /// Each processor is named once: of two that are one, one would speak for the other's receipts.
    pub(crate) fn check(&self) -> Result<(), WatchError> {
        for (index, one) in self.processors.iter().enumerate() {
            let is_same = |other: &&ProcessorAt| {
                other.name == one.name || (one.address.is_some() && other.address == one.address)
            };
            if let Some(other) = self.processors[index + 1..].iter().find(is_same) {
                let (one, other) = (one.name.clone(), other.name.clone());
                return Err(WatchError::SameProcessor { one, other });
            }
        }
        Ok(())
    }
}
