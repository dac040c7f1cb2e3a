//! What the writer has done since the journal was opened.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// How a journal's writer is doing, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalMetrics {
    /// Requests that wait to be carried out and written.
    pub waiting: u64,
    /// Writes, each with one sync.
    pub syncs: u64,
    /// Requests that they carried out. Divided by `syncs`: how many shared one.
    pub requests: u64,
    /// The most that shared one.
    pub group_largest: u64,
    /// The time that all writes took.
    pub write_time: Duration,
    /// The time that the slowest took.
    pub write_time_longest: Duration,
}

/// Counted by the writer and by those who hand requests in. Numbers are read one by one: they may be
/// of slightly different moments.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Requests handed in and not answered yet.
    pub(crate) waiting: AtomicU64,
    syncs: AtomicU64,
    requests: AtomicU64,
    group_largest: AtomicU64,
    write_ns: AtomicU64,
    write_ns_longest: AtomicU64,
}

impl Counted {
    /// Notes a group that was written.
    pub(crate) fn written(&self, requests: usize, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Relaxed);
        self.requests.fetch_add(requests as u64, Relaxed);
        self.group_largest.fetch_max(requests as u64, Relaxed);
        self.write_ns.fetch_add(took, Relaxed);
        self.write_ns_longest.fetch_max(took, Relaxed);
    }

    /// The numbers now.
    pub(crate) fn read(&self) -> JournalMetrics {
        JournalMetrics {
            waiting: self.waiting.load(Relaxed),
            syncs: self.syncs.load(Relaxed),
            requests: self.requests.load(Relaxed),
            group_largest: self.group_largest.load(Relaxed),
            write_time: Duration::from_nanos(self.write_ns.load(Relaxed)),
            write_time_longest: Duration::from_nanos(self.write_ns_longest.load(Relaxed)),
        }
    }
}
