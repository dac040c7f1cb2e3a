//! Telling of what happens: to those who listen, to the metrics, and to the figures of batches.

use std::sync::Arc;

use aep2_ledger::BatchNumber;
use aep2_mandate::clock::Clock;
use tokio::sync::broadcast;

use crate::{
    event::Event,
    figures::{BatchFigures, Figures},
    metrics::Metrics,
};

/// How many events a listener may lag behind before it misses some.
const EVENTS_KEPT: usize = 8_192;

/// Where events go. What is emitted is on disk already.
pub(crate) struct Emitter {
    metrics: Arc<Metrics>,
    clock: Clock,
    figures: Figures,
    listeners: broadcast::Sender<Event>,
}

impl Emitter {
    pub(crate) fn new(metrics: Arc<Metrics>, clock: Clock) -> Self {
        let listeners = broadcast::channel(EVENTS_KEPT).0;
        Self { metrics, clock, figures: Figures::default(), listeners }
    }

    /// Tells of an event, once what it says is on disk.
    pub(crate) fn emit(&self, event: Event) {
        self.metrics.note(&event);
        self.figures.note(&event, self.clock.now());
        // Nobody may be listening.
        let _ = self.listeners.send(event);
    }

    /// Everything that is emitted from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.listeners.subscribe()
    }

    /// Notes how much gas a batch's transaction used.
    pub(crate) fn batch_used_gas(&self, batch: BatchNumber, gas: u64) {
        self.metrics.batch_used_gas(gas);
        self.figures.used_gas(batch, gas);
    }

    /// What was seen of a batch.
    pub(crate) fn figures_of(&self, batch: BatchNumber) -> BatchFigures {
        self.figures.of(batch)
    }
}
