//! How the chain was last seen, and whether the ledger has caught up with it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use aep2_ledger::Ledger;
use aep2_mandate::{clock::Clock, units::UnixTime};

use crate::metrics::Metrics;

/// How the chain was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChainHealth {
    /// When it last answered, by the processor's clock.
    pub(crate) reached_at: Option<UnixTime>,
    /// The newest block that it has, applied or not.
    pub(crate) head: Option<u64>,
    /// Why it does not answer, if it does not.
    pub(crate) failure: Option<String>,
}

/// Which blocks are applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applicable {
    /// The first block that matters: the deployment's.
    pub(crate) first_block: u64,
    /// How many blocks must follow one before it is applied.
    pub(crate) confirmations: u64,
}

/// What following says of the chain, for those who depend on it.
pub(crate) struct ChainStatus {
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    clock: Clock,
    applicable: Applicable,
    health: Mutex<ChainHealth>,
    /// Whether the ledger has had every confirmed block once since the start.
    caught_up: AtomicBool,
}

impl ChainStatus {
    pub(crate) fn new(
        ledger: Arc<Ledger>,
        metrics: Arc<Metrics>,
        clock: Clock,
        applicable: Applicable,
    ) -> Self {
        let (health, caught_up) = (Mutex::default(), AtomicBool::new(false));
        Self { ledger, metrics, clock, applicable, health, caught_up }
    }

    /// Notes that the chain answered, and its newest block.
    pub(crate) fn reached(&self, head: u64) {
        self.metrics.saw_head(head);
        let now = self.clock.now();
        *self.lock() = ChainHealth { reached_at: Some(now), head: Some(head), failure: None };
    }

    /// Notes that the chain does not answer, and why.
    pub(crate) fn failed(&self, reason: impl ToString) {
        self.lock().failure = Some(reason.to_string());
    }

    pub(crate) fn health(&self) -> ChainHealth {
        self.lock().clone()
    }

    /// Whether the ledger knows the chain: every confirmed block was applied once since the start.
    /// Until then it may be a long way behind, and what it says of accounts is not to be proved with.
    pub(crate) fn has_caught_up(&self) -> bool {
        if self.caught_up.load(Ordering::Relaxed) {
            return true;
        }
        let Some(head) = self.health().head else { return false };
        let confirmed = head.checked_sub(self.applicable.confirmations);
        let to_apply = confirmed.filter(|block| *block >= self.applicable.first_block);
        let applied = self.ledger.tip().map(|tip| tip.number);
        let caught_up = to_apply.is_none_or(|block| applied >= Some(block));
        self.caught_up.store(caught_up, Ordering::Relaxed);
        caught_up
    }

    fn lock(&self) -> MutexGuard<'_, ChainHealth> {
        // Nothing panics while it is held.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
