//! How the chain was last seen, and whether the ledger has caught up with it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use aep2_ledger::Ledger;
use aep2_mandate::{clock::Clock, units::UnixTime};

use crate::metrics::Metrics;

/// How far the time of the chain's newest block may be ahead of this machine's clock, in seconds. Blocks
/// are not made ahead of time: beyond this one of the two clocks is wrong, and a promise by this one's
/// would be broken by the chain's.
pub(crate) const CLOCK_AHEAD_S_MAX: u64 = 60;

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
    /// The time of the newest block, unix seconds; 0 when none was seen.
    head_time: AtomicU64,
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
        let head_time = AtomicU64::new(0);
        Self { ledger, metrics, clock, applicable, health, head_time, caught_up }
    }

    /// Notes that the chain answered, its newest block and that one's time.
    pub(crate) fn reached(&self, head: u64, time: u64) {
        self.head_time.store(time, Ordering::Relaxed);
        self.metrics.saw_head(head);
        let now = self.clock.now();
        *self.lock() = ChainHealth { reached_at: Some(now), head: Some(head), failure: None };
    }

    /// Notes that the chain does not answer, and why.
    pub(crate) fn failed(&self, reason: impl ToString) {
        self.lock().failure = Some(reason.to_string());
    }

    /// By how many seconds the chain is ahead of this machine's clock, if that is more than can be.
    pub(crate) fn is_ahead(&self, now: UnixTime) -> Option<u64> {
        let ahead = self.head_time.load(Ordering::Relaxed).checked_sub(now.get())?;
        (ahead > CLOCK_AHEAD_S_MAX).then_some(ahead)
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
