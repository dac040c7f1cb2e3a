//! A turn with a processor: how long it may take, who answers in it, and why it did not do everything.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use aep2_processor_client::ProcessorError;
use thiserror::Error;

use crate::{clocks::Clocks, error::ArbiterError};

/// How long a turn begins new things, unless told otherwise. What is left comes in the next one.
pub(crate) const TURN_MAX: Duration = Duration::from_secs(60);

/// Why a turn did not do all that there was to do.
#[derive(Debug, Error)]
pub enum TurnError {
    /// The processor.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// The store.
    #[error(transparent)]
    Arbiter(#[from] ArbiterError),
}

/// A turn: whoever did not answer in it is not asked again before the next one, so that one that is slow, or
/// lies, does not delay everything else.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) clocks: Clocks,
    until: Instant,
    processor: AtomicBool,
    node: AtomicBool,
}

impl Turn {
    /// One that begins now, and begins new things for so long.
    pub(crate) fn begin(clocks: Clocks, for_max: Duration) -> Self {
        let answers = || AtomicBool::new(true);
        let until = Instant::now() + for_max;
        Self { clocks, until, processor: answers(), node: answers() }
    }

    /// The same with time from now on: whoever did not answer is not asked again.
    pub(crate) fn anew(self, for_max: Duration) -> Self {
        Self { until: Instant::now() + for_max, ..self }
    }

    /// Whether nothing new is begun in it.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Whether the processor has answered so far.
    pub(crate) fn is_reached(&self) -> bool {
        self.processor.load(Relaxed)
    }

    /// The processor did not answer.
    pub(crate) fn not_reached(&self) {
        self.processor.store(false, Relaxed);
    }

    /// Whether the chain's node has answered so far.
    pub(crate) fn node_answers(&self) -> bool {
        self.node.load(Relaxed)
    }

    /// The chain's node did not answer.
    pub(crate) fn node_failed(&self) {
        self.node.store(false, Relaxed);
    }
}
