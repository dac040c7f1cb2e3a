//! How many mandates wait, by path and token, and where looking for them begins.
//!
//! The queue itself is on disk. What was taken out of it leaves deleted keys behind, which RocksDB
//! passes over one by one until they are compacted away; at thousands of mandates a second that is
//! most of its keys. So memory has a place for each queue before which nothing waits.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::Address;

use crate::{records::SettlementPath, units::Sequence};

/// Which queue.
pub(crate) type QueueKey = (SettlementPath, Address);

/// What a commit does to one queue's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueueChange {
    came: u64,
    went: u64,
    /// The first place at which one came.
    lowest: Option<Sequence>,
}

impl QueueChange {
    pub(crate) fn came(&mut self, sequence: Sequence) {
        self.came += 1;
        self.lowest = self.lowest.into_iter().chain([sequence]).min();
    }

    pub(crate) fn went(&mut self) {
        self.went += 1;
    }

    /// Puts a later change on top.
    pub(crate) fn add(&mut self, later: Self) {
        self.came += later.came;
        self.went += later.went;
        self.lowest = self.lowest.into_iter().chain(later.lowest).min();
    }
}

/// One queue's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Queue {
    count: u64,
    /// No mandate waits at a place before this one.
    from: Sequence,
    /// How often `from` was set back.
    lowered: u64,
}

/// A place from which a queue is read, good for raising it once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) from: Sequence,
    lowered: u64,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues(Mutex<BTreeMap<QueueKey, Queue>>);

impl Queues {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<QueueKey, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what a commit changed. To be called after it is written.
    pub(crate) fn publish(&self, changes: impl IntoIterator<Item = (QueueKey, QueueChange)>) {
        let mut queues = self.lock();
        for (key, change) in changes {
            let new = Queue { count: 0, from: Sequence::new(0), lowered: 0 };
            let queue = queues.entry(key).or_insert(new);
            queue.count = (queue.count + change.came).saturating_sub(change.went);
            if let Some(lowest) = change.lowest.filter(|lowest| *lowest < queue.from) {
                queue.from = lowest;
                queue.lowered += 1;
            }
        }
    }

    /// The queues in which mandates wait, with how many there are.
    pub(crate) fn waiting(&self) -> Vec<(QueueKey, u64)> {
        let queues = self.lock();
        let counts = queues.iter().map(|(key, queue)| (*key, queue.count));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Where reading a queue begins. To be asked for before the snapshot is taken that is read.
    pub(crate) fn start(&self, key: QueueKey) -> Start {
        let queues = self.lock();
        let queue = queues.get(&key);
        Start {
            from: queue.map_or(Sequence::new(0), |queue| queue.from),
            lowered: queue.map_or(0, |queue| queue.lowered),
        }
    }

    /// Notes that nothing was found before `found`, reading from `start`. A mandate that came back
    /// to an earlier place meanwhile is not passed over: its commit either set the place back
    /// before, which shows here, or will.
    pub(crate) fn raise(&self, key: QueueKey, start: Start, found: Sequence) {
        if let Some(queue) = self.lock().get_mut(&key)
            && queue.lowered == start.lowered
        {
            queue.from = queue.from.max(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: QueueKey = (SettlementPath::Proved, Address::ZERO);

    fn came(numbers: &[u64]) -> [(QueueKey, QueueChange); 1] {
        let mut change = QueueChange::default();
        numbers.iter().for_each(|number| change.came(Sequence::new(*number)));
        [(KEY, change)]
    }

    fn went(count: u64) -> [(QueueKey, QueueChange); 1] {
        let mut change = QueueChange::default();
        (0..count).for_each(|_| change.went());
        [(KEY, change)]
    }

    #[test]
    fn a_mandate_that_came_back_while_the_queue_was_read_is_not_passed_over() {
        let queues = Queues::default();
        queues.publish(came(&[3, 4, 5]));
        queues.publish(went(2));
        let start = queues.start(KEY);
        queues.raise(KEY, start, Sequence::new(5));
        assert_eq!(queues.start(KEY).from, Sequence::new(5));

        // It came back before the place was raised,
        let start = queues.start(KEY);
        queues.publish(came(&[3]));
        queues.raise(KEY, start, Sequence::new(5));
        assert_eq!(queues.start(KEY).from, Sequence::new(3));

        // or after it.
        queues.publish(went(1));
        let start = queues.start(KEY);
        queues.raise(KEY, start, Sequence::new(5));
        queues.publish(came(&[4]));
        assert_eq!(queues.start(KEY).from, Sequence::new(4));
        assert_eq!(queues.waiting(), [(KEY, 2)]);
    }

    #[test]
    fn a_queue_from_which_all_went_is_not_listed() {
        let queues = Queues::default();
        queues.publish(came(&[0, 1]));
        assert_eq!(queues.waiting(), [(KEY, 2)]);
        queues.publish(went(2));
        assert_eq!(queues.waiting(), []);
    }
}
