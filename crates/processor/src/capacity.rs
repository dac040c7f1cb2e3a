//! Whether what is offered can be settled in time: how much waits ahead of it, and how long that takes.
//!
//! A receipt is given only when its mandate is expected to be sealed before it would be too late to settle
//! with others. What is expected is computed from what was measured:
//!
//! ```text
//! proving   = segments that wait × seconds a segment took, at worst of the last ones
//! settling  = windows that wait × seconds from proofs to confirmation, at worst ÷ windows at once
//! overdue   = how much longer than that the oldest batch waits for the chain
//! backlog   = max(proving, settling, overdue) × safety
//! accept    if now + backlog ≤ settleBy − due margin, with some room
//! ```
//!
//! The batch scheduler counts what waits, exactly, as the prover would arrange it: mandates that follow
//! one another share a lane, and one that follows none takes a lane of its own, so that dust is counted
//! as what it costs. What was admitted since then is counted as what the last ones took on average, twice.
//! Before anything is measured, a proof is taken to be several times as slow as it is anywhere.
//!
//! A chain that has settled nothing for a while is expected to settle nothing for as long again.
//!
//! The safety is learnt. A window that had to be sealed late shows that too much was promised: the
//! safety goes up by half at once. Windows that are sealed in time lower it slowly.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aep2_circuits::Shape;
use aep2_ledger::BatchNumber;
use aep2_mandate::units::UnixTime;

use crate::config::WindowConfig;

/// How many measurements count: the worst of so many.
const SAMPLES: usize = 16;
/// Seconds that a proof takes for each element of its domain, before one was made.
const SECONDS_PER_ELEMENT: f64 = 1e-5;
/// How long a block takes, before any was waited for.
const BLOCK: Duration = Duration::from_secs(2);
/// The least and the greatest safety.
const SAFETY: [f64; 2] = [1.25, 3.0];
/// By what the safety goes up where a window was late, and down where it was in time.
const SAFETY_UP: f64 = 1.5;
const SAFETY_DOWN: f64 = 0.98;
/// How much dearer than those before, on average, mandates are taken to be that were not counted yet.
const UNCOUNTED_FACTOR: f64 = 2.0;
/// Which part of the time until a promise is due what is held may take, if all of it is let go at once.
const HELD_SHARE: f64 = 4.0;
/// The longest that somebody is told to wait, in seconds.
const RETRY_AFTER_MAX_S: u64 = 60;

/// What could not be settled in time, if it were accepted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverCapacity {
    /// When it is worth another try, in seconds.
    pub(crate) retry_after_s: u64,
}

/// What waits, as it was counted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Backlog {
    /// How many mandates were counted.
    pub(crate) mandates: u64,
    /// How long proving them takes, in seconds.
    pub(crate) proving_s: f64,
    /// How many windows they are, of both paths, with those that are on their way.
    pub(crate) windows: f64,
    /// How many requests had been answered when it was counted: all of them are counted.
    pub(crate) answered: u64,
}

/// What can be settled in time.
#[derive(Debug)]
pub(crate) struct Capacity {
    settle_within_s: u64,
    due_margin_s: u64,
    in_flight_max: f64,
    /// From proofs to confirmation, before that was seen.
    confirmation: Duration,
    domains: BTreeMap<Shape, u64>,
    /// Requests that were handed to the ledger, and those of them that were answered.
    admitted: AtomicU64,
    answered: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    proofs: BTreeMap<Shape, VecDeque<Duration>>,
    confirmations: VecDeque<Duration>,
    /// When batches had their proofs that are not confirmed.
    proved: BTreeMap<BatchNumber, Instant>,
    safety: f64,
}

impl Capacity {
    /// `domains` are the shapes that there are keys of, with the sizes of their domains; a batch is
    /// confirmed so many blocks after its own.
    pub(crate) fn new(
        windows: &WindowConfig,
        settle_within_s: u64,
        domains: BTreeMap<Shape, u64>,
        confirmations: u64,
    ) -> Self {
        let state = State {
            backlog: Backlog::default(),
            proofs: BTreeMap::new(),
            confirmations: VecDeque::new(),
            proved: BTreeMap::new(),
            safety: SAFETY[0],
        };
        Self {
            settle_within_s,
            due_margin_s: windows.due_margin_s,
            in_flight_max: windows.in_flight_max.max(1) as f64,
            confirmation: BLOCK
                .saturating_mul(u32::try_from(confirmations).unwrap_or(u32::MAX).saturating_add(1)),
            domains,
            admitted: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    // --- Acceptance -----------------------------------------------------------------------------

    /// Whether a mandate can be settled by `settle_by`, as things stand.
    ///
    /// # Errors
    /// When it cannot, and when to try again.
    pub(crate) fn check(&self, settle_by: UnixTime, now: UnixTime) -> Result<(), OverCapacity> {
        // Time to look at the queue and to seal, on top of the margin, where there is so much.
        let left_s = settle_by.seconds_since(now).unwrap_or(0).saturating_sub(self.due_margin_s);
        let left_s = left_s.saturating_sub(self.due_margin_s / 4).max(left_s / 2);
        let backlog_s = self.backlog_s();
        if backlog_s <= left_s as f64 {
            return Ok(());
        }
        let excess_s = (backlog_s - left_s as f64).ceil().max(1.0);
        Err(OverCapacity { retry_after_s: (excess_s as u64).min(RETRY_AFTER_MAX_S) })
    }

    /// Whether one more mandate may be held, beside so many: if all were let go at once, in front of what
    /// waits, they must leave most of the time that others were promised.
    ///
    /// # Errors
    /// When that is not so, and when to try again.
    pub(crate) fn check_held(&self, held: u64) -> Result<(), OverCapacity> {
        let (proving_s, _) = self.held(held.saturating_add(1));
        let safety = self.state().safety;
        let room_s = self.settle_within_s.saturating_sub(self.due_margin_s) as f64 / HELD_SHARE;
        match proving_s * safety <= room_s {
            true => Ok(()),
            false => Err(OverCapacity { retry_after_s: RETRY_AFTER_MAX_S }),
        }
    }

    /// What so many held mandates take at worst: how long to prove, in seconds, and how many segments.
    pub(crate) fn held(&self, held: u64) -> (f64, f64) {
        let lanes = self.domains.keys().map(|shape| shape.lanes()).min().unwrap_or(1).max(1);
        (held as f64 * self.mandate_s_max(), held as f64 / lanes as f64)
    }

    /// A request is handed to the ledger. It is counted until [`answered`](Self::answered), and from then
    /// on as what waits.
    pub(crate) fn admit(&self) {
        self.admitted.fetch_add(1, Ordering::SeqCst);
    }

    /// A request was answered: what it added is on disk, or nothing was added.
    pub(crate) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::SeqCst);
    }

    /// How long what waits takes, in seconds, with the safety.
    pub(crate) fn backlog_s(&self) -> f64 {
        let state = self.state();
        let Backlog { mandates, proving_s, windows, answered } = state.backlog;
        let uncounted = self.admitted.load(Ordering::SeqCst).saturating_sub(answered) as f64;
        let lane_s = self.lane_s(&state);
        let each_s = match mandates {
            0 => lane_s,
            _ => (proving_s / mandates as f64 * UNCOUNTED_FACTOR).min(lane_s),
        };
        let each_window = match mandates {
            0 => 0.0,
            _ => windows / mandates as f64 * UNCOUNTED_FACTOR,
        };
        let proving_s = proving_s + uncounted * each_s;
        let windows = windows + uncounted * each_window;
        let confirmation_s = worst(&state.confirmations, self.confirmation).as_secs_f64();
        let settling_s = windows * confirmation_s / self.in_flight_max;
        let waits = state.proved.values().map(Instant::elapsed).max().unwrap_or_default();
        let overdue_s = waits.as_secs_f64() - confirmation_s;
        proving_s.max(settling_s).max(overdue_s) * state.safety
    }

    // --- Counting -------------------------------------------------------------------------------

    /// How many requests were answered so far. To be asked before what waits is read.
    pub(crate) fn answered_so_far(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// What waits was counted.
    pub(crate) fn counted(&self, backlog: Backlog) {
        self.state().backlog = backlog;
    }

    /// How long a segment of this shape takes, at worst of the last ones.
    pub(crate) fn segment_s(&self, shape: Shape) -> f64 {
        segment_s(&self.state(), &self.domains, shape)
    }

    // --- Measuring ------------------------------------------------------------------------------

    /// How long one mandate takes at most: a lane of the slowest shape, in seconds of proving.
    pub(crate) fn mandate_s_max(&self) -> f64 {
        self.lane_s(&self.state())
    }

    /// A segment was proved.
    pub(crate) fn proved_segment(&self, shape: Shape, took: Duration) {
        keep(self.state().proofs.entry(shape).or_default(), took);
    }

    /// A batch has its proofs, or needs none: the chain is next.
    pub(crate) fn is_proved(&self, batch: BatchNumber) {
        self.state().proved.entry(batch).or_insert_with(Instant::now);
    }

    /// The chain settled a batch.
    pub(crate) fn is_confirmed(&self, batch: BatchNumber) {
        let mut state = self.state();
        if let Some(proved) = state.proved.remove(&batch) {
            keep(&mut state.confirmations, proved.elapsed());
        }
    }

    /// Only these batches are open.
    pub(crate) fn are_open(&self, open: &[BatchNumber]) {
        self.state().proved.retain(|batch, _| open.contains(batch));
    }

    /// A window was sealed, too late for a promise or in time for all.
    pub(crate) fn sealed(&self, late: bool) {
        let mut state = self.state();
        let factor = if late { SAFETY_UP } else { SAFETY_DOWN };
        state.safety = (state.safety * factor).clamp(SAFETY[0], SAFETY[1]);
    }

    /// The most that one mandate takes: a lane, in seconds of proving.
    fn lane_s(&self, state: &State) -> f64 {
        let of = |shape: &Shape| segment_s(state, &self.domains, *shape) / shape.lanes() as f64;
        self.domains.keys().map(of).fold(0.0, f64::max)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn segment_s(state: &State, domains: &BTreeMap<Shape, u64>, shape: Shape) -> f64 {
    let default = domains.get(&shape).copied().unwrap_or(0) as f64 * SECONDS_PER_ELEMENT;
    match state.proofs.get(&shape) {
        Some(samples) => worst(samples, Duration::from_secs_f64(default)).as_secs_f64(),
        None => default,
    }
}

fn keep(samples: &mut VecDeque<Duration>, sample: Duration) {
    if samples.len() == SAMPLES {
        samples.pop_front();
    }
    samples.push_back(sample);
}

/// The longest of what was measured, or what is assumed before anything was.
fn worst(samples: &VecDeque<Duration>, default: Duration) -> Duration {
    samples.iter().max().copied().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::TEST;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(1_000_000 + seconds).expect("a time")
    }

    /// Ten seconds a segment, before anything is measured; 100 seconds of margin.
    fn capacity() -> Capacity {
        let windows = WindowConfig { due_margin_s: 100, in_flight_max: 2, ..Default::default() };
        Capacity::new(&windows, 600, BTreeMap::from([(SHAPE, 1_000_000)]), 4)
    }

    fn waits(capacity: &Capacity, proving_s: f64, windows: f64) {
        let answered = capacity.answered_so_far();
        capacity.counted(Backlog { mandates: 100, proving_s, windows, answered });
    }

    #[test]
    fn what_cannot_be_sealed_before_it_is_late_is_not_promised() {
        let capacity = capacity();
        assert_eq!(capacity.check(at(600), at(0)), Ok(()), "nothing waits");
        // 600 seconds, less the margin and a quarter of it.
        waits(&capacity, 475.0 / SAFETY[0], 0.0);
        assert_eq!(capacity.check(at(600), at(0)), Ok(()));
        waits(&capacity, 480.0 / SAFETY[0], 0.0);
        assert_eq!(capacity.check(at(600), at(0)), Err(OverCapacity { retry_after_s: 5 }));
        waits(&capacity, 4_800.0, 0.0);
        assert_eq!(capacity.check(at(600), at(0)), Err(OverCapacity { retry_after_s: 60 }));
    }

    #[test]
    fn what_is_held_may_take_a_quarter_of_the_time_that_others_were_promised() {
        let capacity = capacity();
        // 500 seconds, a quarter of them, with the safety; ten seconds for the lanes of a segment.
        let lane_s = 10.0 / SHAPE.lanes() as f64;
        let most = (500.0 / HELD_SHARE / SAFETY[0] / lane_s) as u64;
        assert_eq!(capacity.check_held(most - 1), Ok(()));
        assert_eq!(capacity.check_held(most), Err(OverCapacity { retry_after_s: 60 }));
        // A prover that is ten times as fast lets ten times as many be held.
        capacity.proved_segment(SHAPE, Duration::from_secs(1));
        assert_eq!(capacity.check_held(10 * most - 1), Ok(()));
    }

    #[test]
    fn a_chain_that_confirms_slowly_or_not_at_all_counts_as_much_as_proving() {
        let capacity = capacity();
        waits(&capacity, 1.0, 40.0);
        // Ten seconds each, two at once.
        let expected = 40.0 * 10.0 / 2.0 * SAFETY[0];
        assert!((capacity.backlog_s() - expected).abs() < 1e-6);
        let batch = BatchNumber::new(1);
        capacity.is_proved(batch);
        capacity.is_confirmed(batch);
        assert!(capacity.backlog_s() < 5.0, "a chain that confirms at once");
        // Since then it has settled nothing for a minute.
        let minute = Instant::now().checked_sub(Duration::from_secs(60)).expect("a time");
        capacity.state().proved.insert(BatchNumber::new(2), minute);
        assert!(capacity.backlog_s() > 60.0);
        capacity.are_open(&[]);
        assert!(capacity.backlog_s() < 5.0, "that batch is none any more");
    }

    #[test]
    fn what_was_admitted_since_is_counted_until_it_is_seen_to_wait() {
        let capacity = capacity();
        for _ in 0..10 {
            capacity.admit();
        }
        let lane_s = 10.0 / SHAPE.lanes() as f64;
        assert!((capacity.backlog_s() - 10.0 * lane_s * SAFETY[0]).abs() < 1e-6, "a lane each");
        for _ in 0..10 {
            capacity.answered();
        }
        assert!(capacity.backlog_s() > 0.0, "they may be in the queue, and were not counted");
        waits(&capacity, 0.0, 0.0);
        assert!(capacity.backlog_s() < 1e-6);
    }

    #[test]
    fn the_worst_measurement_of_the_last_ones_counts() {
        let capacity = capacity();
        assert!((capacity.segment_s(SHAPE) - 10.0).abs() < 1e-6, "assumed");
        capacity.proved_segment(SHAPE, Duration::from_secs(3));
        capacity.proved_segment(SHAPE, Duration::from_secs(1));
        assert!((capacity.segment_s(SHAPE) - 3.0).abs() < 1e-6);
        for _ in 0..SAMPLES {
            capacity.proved_segment(SHAPE, Duration::from_secs(2));
        }
        assert!((capacity.segment_s(SHAPE) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn a_late_window_makes_promises_scarce_at_once_and_windows_in_time_slowly_lower_that() {
        let capacity = capacity();
        let backlog_s = || {
            waits(&capacity, 100.0, 0.0);
            capacity.backlog_s()
        };
        let before = backlog_s();
        capacity.sealed(true);
        assert!((backlog_s() - before * SAFETY_UP).abs() < 1e-6);
        (0..100).for_each(|_| capacity.sealed(true));
        assert!((backlog_s() - 100.0 * SAFETY[1]).abs() < 1e-6);
        capacity.sealed(false);
        assert!(backlog_s() > 100.0 * SAFETY[1] * 0.9);
        (0..1_000).for_each(|_| capacity.sealed(false));
        assert!((backlog_s() - before).abs() < 1e-6);
    }
}
