//! Who is to be asked about, each once, in the order in which they came; and who is being asked about.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::units::UnixTime;
use alloy_primitives::Address;
use tokio::sync::Notify;

use crate::subject::Subject;

/// Who waits.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    come: Notify,
    done: Notify,
    waiting_max: usize,
    per_owner_hour_max: u32,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<Subject>,
    all: HashSet<Subject>,
    /// Who is being asked about, and whether it is to be done once more.
    asking: HashMap<Subject, bool>,
    /// How many new ones each owner's payments brought in this hour.
    brought: HashMap<Address, u32>,
    hour: u64,
}

/// Somebody is being asked about, until this is dropped: by nobody else meanwhile.
pub(crate) struct Turn<'a> {
    queue: &'a Queue,
    subject: Subject,
}

impl Queue {
    pub(crate) fn new(waiting_max: usize, per_owner_hour_max: u32) -> Self {
        let (come, done) = (Notify::new(), Notify::new());
        Self { waiting: Mutex::default(), come, done, waiting_max, per_owner_hour_max }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds somebody of whom something is known already. A queue that is full takes it too: it is
    /// bounded by what is known.
    pub(crate) fn again(&self, subject: Subject) {
        let mut waiting = self.lock();
        // What is being answered now may rest on older data.
        if let Some(once_more) = waiting.asking.get_mut(&subject) {
            *once_more = true;
        } else if waiting.all.insert(subject) {
            waiting.order.push_back(subject);
            self.come.notify_one();
        }
    }

    /// Adds somebody of whom the verdict ends. Whoever is being asked about is not asked about twice for that.
    pub(crate) fn due(&self, subject: Subject) {
        let mut waiting = self.lock();
        if !waiting.asking.contains_key(&subject) && waiting.all.insert(subject) {
            waiting.order.push_back(subject);
            self.come.notify_one();
        }
    }

    /// Adds somebody in front of all others: an officer waits, or who is denied is not to be paid.
    pub(crate) fn urgent(&self, subject: Subject) {
        let mut waiting = self.lock();
        if let Some(once_more) = waiting.asking.get_mut(&subject) {
            *once_more = true;
            return;
        }
        if !waiting.all.insert(subject) {
            waiting.order.retain(|own| *own != subject);
        }
        waiting.order.push_front(subject);
        self.come.notify_one();
    }

    /// Adds somebody whom a payment of this owner's names, and of whom nothing is known. Whether there
    /// was room for it.
    pub(crate) fn first(&self, subject: Subject, owner: Address, now: UnixTime) -> bool {
        let mut waiting = self.lock();
        // Whoever sends the same again while it is being asked about has nothing asked twice.
        if waiting.all.contains(&subject) || waiting.asking.contains_key(&subject) {
            return true;
        }
        let hour = now.get() / 3_600;
        if waiting.hour != hour {
            waiting.hour = hour;
            waiting.brought.clear();
        }
        if waiting.order.len() >= self.waiting_max {
            return false;
        }
        let brought = waiting.brought.entry(owner).or_default();
        if *brought >= self.per_owner_hour_max {
            return false;
        }
        *brought += 1;
        waiting.all.insert(subject);
        waiting.order.push_back(subject);
        self.come.notify_one();
        true
    }

    /// The one that has waited longest.
    pub(crate) async fn next(&self) -> Subject {
        loop {
            let come = self.come.notified();
            {
                let mut waiting = self.lock();
                if let Some(subject) = waiting.order.pop_front() {
                    waiting.all.remove(&subject);
                    if !waiting.order.is_empty() {
                        self.come.notify_one();
                    }
                    return subject;
                }
            }
            come.await;
        }
    }

    /// Waits until nobody asks about a subject, and then has it for oneself.
    pub(crate) async fn turn(&self, subject: Subject) -> Turn<'_> {
        loop {
            let done = self.done.notified();
            tokio::pin!(done);
            // Before the look: whoever is done between the look and the wait is not missed.
            done.as_mut().enable();
            {
                let mut waiting = self.lock();
                if let std::collections::hash_map::Entry::Vacant(free) =
                    waiting.asking.entry(subject)
                {
                    free.insert(false);
                    return Turn { queue: self, subject };
                }
            }
            done.await;
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().order.len()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let once_more = self.queue.lock().asking.remove(&self.subject);
        self.queue.done.notify_waiters();
        if once_more == Some(true) {
            self.queue.again(self.subject);
        }
    }
}
