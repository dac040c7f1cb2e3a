//! What all that settle share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aep2_chain::wallet::{WalletId, guarantee::Periods};
use aep2_circuits::Shape;
use aep2_ledger::Ledger;
use aep2_mandate::clock::Clock;
use alloy::{primitives::B256, providers::DynProvider};
use tokio::{sync::Semaphore, task::JoinError};

use super::{provers::Provers, quarantine::Quarantine, sending::Sending};
use crate::{
    capacity::Capacity,
    chain_status::ChainStatus,
    config::WindowConfig,
    emitter::Emitter,
    fail_point::{FailPoint, FailPointHook, Moment},
    metrics::Metrics,
    outcomes::Outcomes,
};

/// What all that settle share. It has no key: what signs is the sender's.
pub(super) struct Context {
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Clock,
    pub(super) windows: WindowConfig,
    /// For looking. What is sent goes by `sending`.
    pub(super) provider: DynProvider,
    pub(super) wallet: WalletId,
    /// The times by which the wallet and its guarantee go.
    pub(super) periods: Periods,
    /// The first block in which anything can have happened in them.
    pub(super) since_block: u64,
    /// How often a transaction is looked at.
    pub(super) poll_interval: Duration,
    /// How long a node may take to answer.
    pub(super) request_timeout: Duration,
    pub(super) provers: Provers,
    /// The shapes of each set of verifiers, with what their proofs cost.
    pub(super) costs: BTreeMap<B256, Vec<(Shape, u64)>>,
    pub(super) sending: Sending,
    /// One at a time proves.
    pub(super) proving: Arc<Semaphore>,
    /// What is expected of settling, by what was measured.
    pub(super) capacity: Arc<Capacity>,
    pub(super) quarantine: Mutex<Quarantine>,
    pub(super) alarms: Alarms,
    pub(super) events: Arc<Emitter>,
    pub(super) outcomes: Arc<Outcomes>,
    pub(super) chain: Arc<ChainStatus>,
    pub(super) hook: Arc<dyn FailPointHook>,
}

impl Context {
    pub(super) fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        // Nothing panics while it is held.
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reached(&self, point: FailPoint, moment: Moment) {
        self.hook.reached(point, moment);
    }
}

/// The alarms of settling.
pub(super) struct Alarms {
    metrics: Arc<Metrics>,
    raised: Mutex<BTreeSet<&'static str>>,
}

impl Alarms {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, raised: Mutex::default() }
    }

    /// Has an operator look, or not any more.
    pub(super) fn set(&self, cause: &'static str, raised: bool) {
        let mut all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        if raised {
            all.insert(cause);
        } else {
            all.remove(cause);
        }
        self.metrics.alarm(cause, raised);
    }

    /// How many transactions are sent and not final.
    pub(super) fn sender_pending(&self, count: usize) {
        self.metrics.sender_pending(count);
    }

    /// How long it takes to settle what waits.
    pub(super) fn backlog(&self, seconds: f64) {
        self.metrics.backlog(seconds);
    }

    /// A batch goes on: whatever held up batches is over.
    pub(super) fn clear(&self) {
        let mut all = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        for cause in std::mem::take(&mut *all) {
            self.metrics.alarm(cause, false);
        }
    }
}

/// Runs what would hold up the runtime.
///
/// # Errors
/// When it panicked, or the runtime ended before it was begun.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// A panic of [`blocking`] work becomes one of the task that waits for it.
pub(super) fn resume_panic(error: JoinError) -> JoinError {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => error,
    }
}
