//! What this process saw of its batches: when they took their steps, and what they cost. Kept in
//! memory for the last ones; the ledger has what counts.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_ledger::BatchNumber;
use aep2_mandate::units::UnixTime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::event::Event;

/// How many batches are remembered.
const KEPT: usize = 1_024;

/// When a batch took its steps, by the processor's clock, and what it cost: as far as this process has
/// seen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchFigures {
    /// When it was sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_at: Option<UnixTime>,
    /// How many of its segments are proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments_proved: Option<u32>,
    /// How many segments it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<u32>,
    /// When it had its proofs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<UnixTime>,
    /// How long proving took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_ms: Option<u64>,
    /// When its transaction was handed to the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<UnixTime>,
    /// When the chain was seen to have settled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<UnixTime>,
    /// The gas that its transaction used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas_used: Option<u64>,
}

/// The figures of the last batches.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<BTreeMap<BatchNumber, BatchFigures>>);

impl Figures {
    /// What was seen of a batch.
    pub(crate) fn of(&self, batch: BatchNumber) -> BatchFigures {
        self.lock().get(&batch).copied().unwrap_or_default()
    }

    /// Remembers what an event says of its batch.
    pub(crate) fn note(&self, event: &Event, now: UnixTime) {
        match event {
            Event::Sealed { batch, .. } => self.of_batch(*batch, |own| own.sealed_at = Some(now)),
            Event::SegmentProved { batch, proved, segments } => self.of_batch(*batch, |own| {
                own.segments_proved = Some(*proved);
                own.segments = Some(*segments);
            }),
            Event::Proved { batch, took_ms } => self.of_batch(*batch, |own| {
                own.proved_at = Some(now);
                own.proof_ms = Some(*took_ms);
            }),
            Event::Submitted { batch } => self.of_batch(*batch, |own| own.submitted_at = Some(now)),
            Event::Confirmed { batch, .. } => {
                self.of_batch(*batch, |own| own.confirmed_at = Some(now));
            }
            _ => {}
        }
    }

    /// Remembers the gas that a batch's transaction used.
    pub(crate) fn used_gas(&self, batch: BatchNumber, gas: u64) {
        self.of_batch(batch, |own| own.gas_used = Some(gas));
    }

    fn of_batch(&self, batch: BatchNumber, note: impl FnOnce(&mut BatchFigures)) {
        let mut all = self.lock();
        note(all.entry(batch).or_default());
        if all.len() > KEPT {
            all.pop_first();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BatchNumber, BatchFigures>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_batches_are_remembered() {
        let (figures, now) = (Figures::default(), UnixTime::MAX);
        let numbers = 1..=KEPT as u64 + 10;
        for batch in numbers.clone().map(BatchNumber::new) {
            figures.note(&Event::Sealed { batch, count: 1 }, now);
        }
        let last = BatchNumber::new(*numbers.end());
        figures.note(&Event::Proved { batch: last, took_ms: 7 }, now);
        figures.used_gas(last, 9);
        assert_eq!(figures.lock().len(), KEPT);
        assert_eq!(figures.of(BatchNumber::new(1)), BatchFigures::default());
        let seen = figures.of(last);
        assert_eq!((seen.sealed_at, seen.proved_at), (Some(now), Some(now)));
        assert_eq!((seen.proof_ms, seen.gas_used), (Some(7), Some(9)));
    }
}
