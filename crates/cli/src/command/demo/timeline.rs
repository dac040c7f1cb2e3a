//! When what happened: the processor's events, with the seconds since the start.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aep2_ledger::{BatchNumber, MandateHash};
use aep2_mandate::units::Amount;
use aep2_processor::Event;
use alloy::primitives::B256;
use anyhow::bail;
use tokio::{sync::broadcast, task::JoinHandle};

/// What is known of a mandate.
#[derive(Clone, Debug, Default)]
pub(super) struct MandateTimes {
    pub(super) accepted_at_s: f64,
    pub(super) settled: Option<Settled>,
    /// Why it will not settle.
    pub(super) failed: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) at_s: f64,
    pub(super) amount: Amount,
    pub(super) batch: Option<BatchNumber>,
}

/// What is known of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BatchTimes {
    pub(super) sealed_at_s: f64,
    pub(super) proved_at_s: f64,
    pub(super) proof_s: f64,
    pub(super) submitted_at_s: f64,
    pub(super) settled: Option<(f64, B256)>,
    pub(super) aborted: bool,
}

#[derive(Debug, Default)]
struct Seen {
    mandates: HashMap<MandateHash, MandateTimes>,
    batches: BTreeMap<BatchNumber, BatchTimes>,
    missed: u64,
    /// The part of the processor that failed.
    panicked: Option<&'static str>,
}

/// Listens to a processor.
pub(super) struct Timeline {
    started: Instant,
    seen: Arc<Mutex<Seen>>,
    listening: JoinHandle<()>,
}

impl Timeline {
    pub(super) fn listen(mut events: broadcast::Receiver<Event>) -> Self {
        let (started, seen) = (Instant::now(), Arc::<Mutex<Seen>>::default());
        let to = Arc::clone(&seen);
        let listening = tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => lock(&to).note(event, started.elapsed().as_secs_f64()),
                    Err(broadcast::error::RecvError::Lagged(count)) => lock(&to).missed += count,
                    Err(broadcast::error::RecvError::Closed) => break,
                }
            }
        });
        Self { started, seen, listening }
    }

    pub(super) fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// How many of these have settled. An error as soon as one cannot any more.
    pub(super) fn settled(&self, mandates: &[MandateHash]) -> anyhow::Result<usize> {
        let seen = lock(&self.seen);
        if seen.missed > 0 {
            bail!("{} events of the processor were missed", seen.missed);
        }
        if let Some(task) = seen.panicked {
            bail!("a part of the processor ({task}) failed");
        }
        let mut settled = 0;
        for mandate in mandates {
            let Some(times) = seen.mandates.get(mandate) else { continue };
            if let Some(reason) = &times.failed {
                bail!("mandate {mandate} will not be settled: {reason}");
            }
            settled += usize::from(times.settled.is_some());
        }
        Ok(settled)
    }

    /// How many batches have settled, and how many are on their way.
    pub(super) fn batches(&self) -> (usize, usize) {
        let seen = lock(&self.seen);
        let settled = seen.batches.values().filter(|batch| batch.settled.is_some()).count();
        let apart = seen.batches.values().filter(|batch| batch.aborted).count();
        (settled, seen.batches.len() - settled - apart)
    }

    /// Ends listening, and gives what was heard.
    pub(super) fn end(
        self,
    ) -> (HashMap<MandateHash, MandateTimes>, BTreeMap<BatchNumber, BatchTimes>) {
        self.listening.abort();
        let Seen { mandates, batches, .. } = std::mem::take(&mut *lock(&self.seen));
        (mandates, batches)
    }
}

impl Seen {
    fn note(&mut self, event: Event, at_s: f64) {
        let took = |took_ms| Duration::from_millis(took_ms).as_secs_f64();
        match event {
            Event::Accepted { mandate, .. } => {
                self.mandates.entry(mandate).or_default().accepted_at_s = at_s;
            }
            Event::Settled { mandate, amount, batch, .. } => {
                self.mandates.entry(mandate).or_default().settled =
                    Some(Settled { at_s, amount, batch });
            }
            Event::Failed { mandate, reason } => {
                self.mandates.entry(mandate).or_default().failed = Some(reason);
            }
            Event::Sealed { batch, .. } => {
                self.batches.entry(batch).or_default().sealed_at_s = at_s;
            }
            Event::Proved { batch, took_ms } => {
                let batch = self.batches.entry(batch).or_default();
                (batch.proved_at_s, batch.proof_s) = (at_s, took(took_ms));
            }
            Event::Submitted { batch } => {
                self.batches.entry(batch).or_default().submitted_at_s = at_s;
            }
            Event::Confirmed { batch, transaction, .. } => {
                self.batches.entry(batch).or_default().settled = Some((at_s, transaction));
            }
            Event::Aborted { batch, .. } => {
                self.batches.entry(batch).or_default().aborted = true;
            }
            Event::TaskPanicked { task } => self.panicked = Some(task),
            Event::Captured { .. }
            | Event::Disputed { .. }
            | Event::DisputeAnswered { .. }
            | Event::DisputeRuled { .. }
            | Event::RefundAnnounced { .. }
            | Event::RefundPaid { .. }
            | Event::SegmentProved { .. }
            | Event::Final { .. }
            | Event::ReorgedOut { .. } => {}
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // Nothing panics while it is held.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
