//! What acceptance found missing of accounts that came over, until it is read.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_ledger::Unread;
use tokio::sync::Notify;

/// How much may be asked for at once. What comes on top is asked for again by who needs it.
const WAITING_MAX: usize = 4_096;

/// What is to be read from the chain.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    waiting: Mutex<BTreeSet<Unread>>,
    came: Notify,
}

impl Wanted {
    /// Asks for something. It is read soon, in the background.
    pub(crate) fn want(&self, what: Unread) {
        let mut waiting = self.lock();
        if waiting.len() < WAITING_MAX && waiting.insert(what) {
            self.came.notify_one();
        }
    }

    /// Some of what is waited for.
    pub(super) fn some(&self, limit: usize) -> Vec<Unread> {
        self.lock().iter().take(limit).copied().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// It was read.
    pub(super) fn done(&self, what: &Unread) {
        self.lock().remove(what);
    }

    /// Waits until something is asked for.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Unread>> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
