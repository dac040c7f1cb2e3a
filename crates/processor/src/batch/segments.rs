//! Proving the segments of a batch, one after another, each stored as soon as it is proved.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use aep2_ledger::BatchNumber;
use aep2_prover::{
    arrange::Batch,
    proven::{Proven, ProvenSegment},
    prover::Prover,
};

use super::{
    context::{Context, blocking},
    turn::{DriveError, Turn, overtaken},
};
use crate::{
    event::Event,
    fail_point::{FailPoint, Moment},
};

/// The segments of one batch, being proved.
pub(super) struct Segments<'a> {
    pub(super) context: &'a Context,
    pub(super) prover: Arc<Prover>,
    pub(super) number: BatchNumber,
    pub(super) batch: Arc<Batch>,
}

/// What became of proving all segments.
pub(super) enum Outcome {
    /// All are proved; how long that took, without what was proved before.
    Proven(Proven, Duration),
    /// The batch went another way meanwhile.
    Overtaken(Turn),
}

impl Segments<'_> {
    /// Proves those that are not proved yet.
    pub(super) async fn prove(self) -> Result<Outcome, DriveError> {
        let mut kept = self.kept().await?;
        let total = self.batch.segments.len();
        let mut segments = Vec::with_capacity(total);
        let mut took = Duration::ZERO;
        for index in 0..total {
            if let Some(proven) = kept.remove(&index) {
                segments.push(proven);
                self.tell(index + 1, total);
                continue;
            }
            // One proof at a time: each uses all cores. Batches take turns, segment by segment, so
            // that a small one which is due need not wait for all of a large one.
            let Ok(permit) = Arc::clone(&self.context.proving).acquire_owned().await else {
                return Ok(Outcome::Overtaken(Turn::Done));
            };
            // While it waited, the batch may have been lost: no proof is made for nothing.
            if self.is_lost().await? {
                return Ok(Outcome::Overtaken(Turn::On));
            }
            let started = Instant::now();
            let proven = self.prove_one(index).await?;
            drop(permit);
            took += started.elapsed();
            self.context.capacity.proved_segment(self.prover.shape(), started.elapsed());
            if let Some(turn) = self.store(index, &proven).await? {
                return Ok(Outcome::Overtaken(turn));
            }
            segments.push(proven);
            self.tell(index + 1, total);
        }
        let settlement = self.batch.settlement.clone();
        Ok(Outcome::Proven(Proven { settlement, segments }, took))
    }

    /// Whether the batch cannot settle any more as it is: its time is over, it went another way, or some
    /// of its members ended.
    async fn is_lost(&self) -> Result<bool, DriveError> {
        let (ledger, number) = (Arc::clone(&self.context.ledger), self.number);
        let batch = blocking(move || ledger.batch_view(number)).await??;
        let now = self.context.clock.now();
        Ok(batch.is_none_or(|batch| {
            !batch.record.step.is_open() || !batch.is_whole() || batch.record.valid_until < now
        }))
    }

    fn tell(&self, proved: usize, segments: usize) {
        let (batch, proved, segments) = (self.number, count(proved), count(segments));
        self.context.events.emit(Event::SegmentProved { batch, proved, segments });
    }

    /// What is stored of earlier tries and is a proof of the segment as it is arranged now. Anything
    /// else is proved again.
    async fn kept(&self) -> Result<BTreeMap<usize, ProvenSegment>, DriveError> {
        let stored = self.context.ledger.segments_proved(self.number)?;
        let (prover, batch, number) =
            (Arc::clone(&self.prover), Arc::clone(&self.batch), self.number);
        let checked = blocking(move || {
            let proof_of = |(index, bytes): (u32, Vec<u8>)| {
                let index = usize::try_from(index).ok()?;
                let segment = batch.segments.get(index)?;
                let proven: ProvenSegment = serde_json::from_slice(&bytes).ok()?;
                let holds = prover.has_proved(segment, &proven);
                if !holds {
                    tracing::warn!(batch = %number, index, "a stored proof is not the segment's");
                }
                holds.then_some((index, proven))
            };
            stored.into_iter().filter_map(proof_of).collect()
        });
        Ok(checked.await?)
    }

    async fn prove_one(&self, index: usize) -> Result<ProvenSegment, DriveError> {
        let (prover, batch) = (Arc::clone(&self.prover), Arc::clone(&self.batch));
        self.context.reached(FailPoint::Prove, Moment::Before);
        let proved = blocking(move || {
            prover.prove_segment(&batch.segments[index], &mut rand::rngs::OsRng, &())
        });
        let proved = proved.await?;
        self.context.reached(FailPoint::Prove, Moment::After);
        let (proven, _) = proved.map_err(|error| DriveError::Prover(error.into()))?;
        Ok(proven)
    }

    async fn store(
        &self,
        index: usize,
        proven: &ProvenSegment,
    ) -> Result<Option<Turn>, DriveError> {
        let bytes = serde_json::to_vec(proven)?;
        self.context.reached(FailPoint::StoreSegment, Moment::Before);
        let stored = self.context.ledger.segment_proved(self.number, count(index), bytes).await;
        self.context.reached(FailPoint::StoreSegment, Moment::After);
        overtaken(stored)
    }
}

/// A number of segments, of which there are few.
fn count(segments: usize) -> u32 {
    u32::try_from(segments).unwrap_or(u32::MAX)
}
