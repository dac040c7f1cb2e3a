//! What the writer has done so far, for an operator's instruments.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Counted by the writer and by those who hand requests in. Numbers are read one by one: they may be
/// of slightly different moments.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Requests handed in and not answered yet.
    pub(crate) waiting: AtomicU64,
    /// Groups that were written, each with one sync.
    pub(crate) groups: AtomicU64,
    /// Requests in them.
    pub(crate) requests: AtomicU64,
    /// Requests in the largest of them.
    pub(crate) group_largest: AtomicU64,
    /// Nanoseconds spent writing and syncing.
    write_ns: AtomicU64,
    /// Nanoseconds that the slowest write took.
    write_ns_longest: AtomicU64,
}

impl Meter {
    /// Notes a group that was written.
    pub(crate) fn written(&self, requests: usize, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.groups.fetch_add(1, Relaxed);
        self.requests.fetch_add(requests as u64, Relaxed);
        self.group_largest.fetch_max(requests as u64, Relaxed);
        self.write_ns.fetch_add(took, Relaxed);
        self.write_ns_longest.fetch_max(took, Relaxed);
    }

    pub(crate) fn write_time(&self) -> Duration {
        Duration::from_nanos(self.write_ns.load(Relaxed))
    }

    pub(crate) fn write_time_longest(&self) -> Duration {
        Duration::from_nanos(self.write_ns_longest.load(Relaxed))
    }
}
