//! What all that settle share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_circuits::Shape;
use alloy::primitives::B256;
use tokio::{sync::Semaphore, task::JoinError};

use super::{apart::Apart, provers::Provers, sending::Sending};
use crate::shared::Shared;

/// What all that settle share.
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) provers: Provers,
    /// The shapes of each set of verifiers, with what their proofs cost.
    pub(super) costs: BTreeMap<B256, Vec<(Shape, u64)>>,
    pub(super) sending: Sending,
    /// One at a time proves.
    pub(super) proving: Arc<Semaphore>,
    pub(super) apart: Mutex<Apart>,
    /// The alarms that are raised.
    pub(super) alarms: Mutex<BTreeSet<&'static str>>,
}

impl Context {
    pub(super) fn apart(&self) -> MutexGuard<'_, Apart> {
        // Nothing panics while it is held.
        self.apart.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has an operator look, or not any more.
    pub(super) fn alarm(&self, cause: &'static str, raised: bool) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        if raised {
            alarms.insert(cause);
        } else {
            alarms.remove(cause);
        }
        self.shared.metrics.alarm(cause, raised);
    }

    /// A batch goes on: whatever held up batches is over.
    pub(super) fn clear_alarms(&self) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        for cause in std::mem::take(&mut *alarms) {
            self.shared.metrics.alarm(cause, false);
        }
    }
}

/// Runs what would hold up the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}
