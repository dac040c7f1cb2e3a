//! A request that waits, and where its answer goes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::metrics::Metrics;

/// A request as it was received, with where its answer goes.
pub(crate) struct Incoming<T, R> {
    pub(crate) input: T,
    pub(crate) reply: Reply<R>,
}

/// Where an answer goes. It holds the request's place among those that may wait.
pub(crate) struct Reply<R> {
    to: oneshot::Sender<R>,
    since: Instant,
    counted: Counted,
    place: OwnedSemaphorePermit,
}

/// Counts a request as waiting for as long as it lives.
struct Counted(Arc<Metrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.answered();
    }
}

impl<R> Reply<R> {
    pub(crate) fn new(
        to: oneshot::Sender<R>,
        place: OwnedSemaphorePermit,
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.arrived();
        Self { to, since: Instant::now(), counted: Counted(metrics), place }
    }

    /// How long the request waits already.
    pub(crate) fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// Answers, with the place free for the next. Perhaps nobody waits any more.
    pub(crate) fn send(self, answer: R) {
        let Self { to, counted, place, .. } = self;
        drop((counted, place));
        let _ = to.send(answer);
    }
}

/// Why a request is turned away before anything of it is checked.
pub(crate) enum TurnedAway {
    Stopping,
    Busy { waiting_max: usize },
}

/// Whoever was to answer is gone: a defect.
pub(crate) struct Unanswered;

impl Unanswered {
    pub(crate) const MESSAGE: &'static str = "the request was dropped: see the log";
}
