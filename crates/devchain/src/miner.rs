//! Mining by interval: a thread that sleeps until the next block is due.
//!
//! A thread, not a task: the chain belongs to no runtime, and goes on when the one that happened to
//! start it ends.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::node::Node;

#[derive(Debug, Default)]
struct Schedule {
    interval: Option<Duration>,
    /// When the next block is due.
    due: Option<Instant>,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Shared {
    schedule: Mutex<Schedule>,
    changed: Condvar,
}

impl Shared {
    /// A schedule is whole at every moment, whoever panicked.
    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Mines by interval until it is dropped.
#[derive(Debug)]
pub(crate) struct Miner {
    node: Weak<Mutex<Node>>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Miner {
    pub(crate) fn new(node: &Arc<Mutex<Node>>) -> Self {
        let shared = Arc::new(Shared::default());
        Self { node: Arc::downgrade(node), shared, thread: Mutex::new(None) }
    }

    /// From now on, a block each time this long has passed; never for none.
    pub(crate) fn mine_every(&self, interval: Option<Duration>) {
        {
            let mut schedule = self.shared.lock();
            schedule.interval = interval;
            schedule.due = interval.and_then(|interval| Instant::now().checked_add(interval));
        }
        self.shared.changed.notify_all();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if interval.is_some() && thread.is_none() {
            let (node, shared) = (self.node.clone(), self.shared.clone());
            *thread = Some(thread::spawn(move || run(&node, &shared)));
        }
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A block that is being mined is finished first. A panic in the thread ends with it.
        let _ = thread.map(JoinHandle::join);
    }
}

fn run(node: &Weak<Mutex<Node>>, shared: &Shared) {
    let mut schedule = shared.lock();
    while !schedule.stopped {
        let now = Instant::now();
        match schedule.due {
            None => {
                schedule = shared.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner);
            }
            Some(due) if due > now => {
                let waited = shared.changed.wait_timeout(schedule, due - now);
                (schedule, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
            Some(due) => {
                // Blocks that were missed, the machine having slept, are not made up for.
                let next = schedule.interval.and_then(|interval| due.checked_add(interval));
                schedule.due = next.map(|next| next.max(now));
                drop(schedule);
                let Some(node) = node.upgrade() else { return };
                // After a fault the chain stands still.
                let Ok(mut node) = node.lock() else { return };
                if let Err(error) = node.mine() {
                    tracing::error!(%error, "no block was mined");
                }
                drop(node);
                schedule = shared.lock();
            }
        }
    }
}
