//! What the operator sets.

use std::collections::BTreeSet;

use aep2_mandate::units::{ChainId, UnixTime};
use alloy_primitives::{Address, B256};

use crate::records::Identity;

/// How a ledger is kept.
#[derive(Clone, Debug)]
pub struct LedgerConfig {
    /// Whose ledger it is.
    pub identity: Identity,
    /// The sets of verifiers by which this processor can settle. An account of the proved path that
    /// trusts others is refused: anybody can open one, name this processor and verifiers of their
    /// own, and no batch could ever debit it. None: the caller sees to that itself.
    pub verifier_sets: Option<BTreeSet<B256>>,
    /// A promise must be due this long before a pending change of its account may be applied:
    /// time for a batch to be mined, and for clocks to differ. Seconds.
    pub change_margin_s: u64,
    /// Every hold on a mandate ends this long before the mandate is due: time to be proved and mined with
    /// others. Seconds.
    pub hold_margin_s: u64,
    /// Nothing is accepted when the last block applied is older than this: requests for money or
    /// changes may have come since. Seconds; must be well below the wallet's delay less the
    /// settlement window. None: never too old.
    pub view_age_s_max: Option<u64>,
    /// How many of the last blocks can be undone, counted by number. A batch is final when its
    /// block is no longer among them. 0 for a chain that never undoes a block: there a batch is
    /// final with its own block, without waiting for others on top, which may never come.
    pub undo_blocks: u64,
    /// How many requests may wait for the disk before new ones are turned away.
    pub waiting_max: usize,
    /// How many requests share one sync at most.
    pub group_max: usize,
}

impl LedgerConfig {
    /// What suits most: margins of 2 minutes, 64 blocks that can be undone. The verifier sets are
    /// to be stated.
    pub fn new(chain_id: ChainId, wallet: Address, processor: Address) -> Self {
        Self {
            identity: Identity { chain_id, wallet, processor },
            verifier_sets: None,
            change_margin_s: 120,
            hold_margin_s: 120,
            view_age_s_max: Some(600),
            undo_blocks: 64,
            waiting_max: 8_192,
            group_max: 1_024,
        }
    }

    /// The latest time at which a promise must be due so that a change in force from
    /// `in_force_from` does not touch it; nothing when there is no such time.
    pub(crate) fn safe_before(&self, in_force_from: UnixTime) -> Option<UnixTime> {
        let seconds = in_force_from.get().checked_sub(self.change_margin_s)?;
        UnixTime::new(seconds).ok()
    }
}
