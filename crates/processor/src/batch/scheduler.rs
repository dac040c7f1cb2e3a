//! Scheduling batches: windows that close are sealed, what has expired fails, what is quarantined is
//! tried again. Blocking, a bounded part of the queue at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use aep2_circuits::Shape;
use aep2_ledger::{
    BatchError, BatchNumber, Disposition, LedgerError, MandateHash, Seal, Sequence, SettlementPath,
    Step, WindowEntry,
    records::{Promise, Tip},
};
use aep2_mandate::units::UnixTime;
use aep2_prover::blinding::Blinding;
use alloy::primitives::{Address, B256};
use thiserror::Error;

use super::{
    check::{Debit, SettlementTerms, check},
    context::Context,
    recovery,
};
use crate::{
    capacity::Backlog,
    event::Event,
    fail_point::{FailPoint, Moment},
    window::{Arrangement, Choice, DIRECT_MAX, Pool, Rules, Turn, Waiting, Window, choose},
};

/// How many mandates of a path and token are read, at least and at most. More wait their turn: the
/// oldest are read.
const WAITING_MIN: usize = 1_024;
const WAITING_MAX: usize = 32_768;
/// How many times as many are read where those in front settle alone.
const PAGES_MAX: usize = 8;
/// How many of those that settle alone are kept.
const LATE_MAX: usize = 64;

/// How often what waits is counted where nothing can be sealed.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How often what has expired and what is quarantined is dealt with.
const TIDY_EVERY: Duration = Duration::from_millis(500);

/// How many mandates fail, or are let go, at once.
const EXPIRE_MAX: usize = 1_024;
const RELEASE_MAX: usize = 1_024;

/// Why scheduling failed. It is tried again.
#[derive(Debug, Error)]
pub(super) enum ScheduleError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger does not take what was found.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

/// Seals windows as they close.
pub(super) struct BatchScheduler {
    context: Arc<Context>,
    turn: Turn,
    tidied: Option<Instant>,
    /// When what waits was last counted.
    counted: Option<Instant>,
    /// The batches that are not proved, with how long proving them takes, in seconds.
    unproved: BTreeMap<BatchNumber, f64>,
    /// The last block applied when what has expired was last dealt with.
    expired_at: Option<Tip>,
}

impl BatchScheduler {
    pub(super) fn new(context: Arc<Context>) -> Self {
        let (tidied, counted, expired_at) = (None, None, None);
        let unproved = BTreeMap::new();
        Self { context, turn: Turn::default(), tidied, counted, unproved, expired_at }
    }

    /// Seals what is to be sealed now. The open batches after that.
    pub(super) fn run_once(&mut self) -> Result<Vec<BatchNumber>, ScheduleError> {
        let context = Arc::clone(&self.context);
        if self.tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            self.tidy()?;
            self.tidied = Some(Instant::now());
        }
        self.release()?;
        let open = recovery::open_batches(&context.ledger)?;
        let sealed = |batch: &&recovery::OpenBatch| batch.step == Step::Sealed.name();
        let unproved = open.iter().filter(sealed).map(|batch| batch.number).collect();
        self.unproved_are(unproved);
        let mut open: Vec<BatchNumber> = open.into_iter().map(|batch| batch.number).collect();
        let room = context.windows.in_flight_max.saturating_sub(open.len());
        let waits = room == 0 || !context.chain.has_caught_up() || context.ledger.is_restored();
        if waits && self.counted.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return Ok(open);
        }
        let windows = &context.windows;
        let rules = Rules {
            age_s_max: windows.age_s_max,
            capture_within_s: windows.capture_within_s,
            due_margin_s: windows.due_margin_s,
            segments_max: windows.segments_max,
        };
        let answered = context.capacity.answered_so_far();
        let Pools { pools, entries } = self.pools(&rules)?;
        self.count(&pools, &open, answered);
        if waits {
            return Ok(open);
        }
        self.seal_all(pools, entries, &rules, &mut open, room)?;
        Ok(open)
    }

    /// Seals windows as they close, until there is no room for more batches. Those sealed are added to what
    /// is open.
    fn seal_all(
        &mut self,
        mut pools: Vec<Pool>,
        mut entries: BTreeMap<MandateHash, WindowEntry>,
        rules: &Rules,
        open: &mut Vec<BatchNumber>,
        room: usize,
    ) -> Result<(), ScheduleError> {
        let mut sealed = 0;
        while sealed < room {
            match choose(&pools, rules, self.context.clock.now(), self.turn) {
                None => break,
                Some(Choice::Unsettleable(found)) => {
                    let found: BTreeMap<_, _> = found
                        .into_iter()
                        .map(|(mandate, reason)| (mandate, reason.to_string()))
                        .collect();
                    self.quarantine(&found)?;
                    leave(&mut pools, &found.into_keys().collect());
                }
                Some(Choice::Seal(window)) => {
                    let members: BTreeSet<MandateHash> =
                        window.members.iter().map(|(mandate, _)| *mandate).collect();
                    let at_fault = self.at_fault(&window, &mut entries)?;
                    if !at_fault.is_empty() {
                        self.quarantine(&at_fault)?;
                        leave(&mut pools, &at_fault.into_keys().collect());
                        continue;
                    }
                    self.turn = window.closed.turn().other();
                    let takes_s = self.takes_s(&window);
                    match self.seal(window) {
                        Ok(batch) => {
                            self.unproved.insert(batch, takes_s);
                            open.push(batch);
                        }
                        // A payee captured since, or the chain ended one. The next run sees it.
                        Err(ScheduleError::Batch(
                            error @ (BatchError::OtherAmount { .. }
                            | BatchError::WrongStatus { .. }),
                        )) => {
                            tracing::debug!(%error, "a window changed while it was sealed");
                            break;
                        }
                        Err(error) => return Err(error),
                    }
                    leave(&mut pools, &members);
                    sealed += 1;
                }
            }
        }
        Ok(())
    }

    /// Only these batches are not proved. One that another process sealed is taken to be as large as any.
    fn unproved_are(&mut self, unproved: BTreeSet<BatchNumber>) {
        let context = &self.context;
        let segment_s = |shape: &Shape| context.capacity.segment_s(*shape);
        let longest_s = context.windows.shapes.iter().map(segment_s).fold(0.0, f64::max);
        let unknown_s = longest_s * context.windows.segments_max as f64;
        self.unproved.retain(|batch, _| unproved.contains(batch));
        for batch in unproved {
            self.unproved.entry(batch).or_insert(unknown_s);
        }
    }

    /// How long proving a window takes, in seconds.
    fn takes_s(&self, window: &Window) -> f64 {
        let segment_s = window.shape.map_or(0.0, |shape| self.context.capacity.segment_s(shape));
        segment_s * window.segments as f64
    }

    /// Counts what waits: how long it takes to prove, and how many windows it is.
    fn count(&mut self, pools: &[Pool], open: &[BatchNumber], answered: u64) {
        self.counted = Some(Instant::now());
        let context = &self.context;
        let mut backlog = Backlog { answered, ..Backlog::default() };
        for pool in pools {
            let waiting = &pool.waiting;
            backlog.mandates += waiting.len() as u64;
            if pool.path == SettlementPath::Direct {
                backlog.windows += waiting.len().div_ceil(DIRECT_MAX) as f64;
                continue;
            }
            let captures = waiting.iter().any(Waiting::partly_captured);
            let shapes = pool.shapes.iter().filter(|(shape, _)| shape.capture() || !captures);
            let least = shapes
                .map(|(shape, _)| {
                    let segments = Arrangement::segments_for(*shape, waiting) as f64;
                    (segments * context.capacity.segment_s(*shape), segments)
                })
                .min_by(|one, other| one.0.total_cmp(&other.0));
            let (proving_s, segments) = least.unwrap_or_default();
            backlog.proving_s += proving_s;
            backlog.windows += segments / context.windows.segments_max.max(1) as f64;
        }
        // What was not read is taken to be like what was.
        let held = context.ledger.held_count();
        let all = context.ledger.waiting().saturating_sub(held);
        if backlog.mandates == 0 {
            backlog.proving_s = all as f64 * context.capacity.mandate_s_max();
            backlog.mandates = all;
        } else if all > backlog.mandates {
            let factor = all as f64 / backlog.mandates as f64;
            backlog.proving_s *= factor;
            backlog.windows *= factor;
            backlog.mandates = all;
        }
        // What is held may all be let go at once, in front of others, each in a lane of its own.
        let (lane_s, lanes) = context.capacity.held(held);
        backlog.proving_s += lane_s;
        backlog.windows += lanes / context.windows.segments_max.max(1) as f64;
        backlog.proving_s += self.unproved.values().sum::<f64>();
        backlog.windows += open.len() as f64;
        context.capacity.are_open(open);
        context.capacity.counted(backlog);
        context.alarms.backlog(context.capacity.backlog_s());
    }

    fn seal(&self, window: Window) -> Result<BatchNumber, ScheduleError> {
        let context = &self.context;
        let count = u32::try_from(window.members.len()).unwrap_or(u32::MAX);
        let Window { path, token, verifier_set, shape, valid_until, members, .. } = window;
        let (closed, misses) = (window.closed, window.misses);
        let shape = shape.map_or(0, |shape| shape.id());
        let blinding = match path {
            SettlementPath::Proved => Blinding::random(&mut rand::rngs::OsRng).to_bytes().into(),
            SettlementPath::Direct => B256::ZERO,
        };
        let seal = Seal { path, token, valid_until, shape, verifier_set, blinding, members };
        context.reached(FailPoint::Seal, Moment::Before);
        let batch = context.ledger.seal(seal).wait().map(|batch| batch.into_inner());
        context.reached(FailPoint::Seal, Moment::After);
        let batch = batch?;
        tracing::info!(%batch, count, ?closed, %valid_until, "sealed");
        context.events.emit(Event::Sealed { batch, count });
        context.capacity.sealed(misses);
        Ok(batch)
    }

    /// The members of a window that cannot settle as things stand.
    fn at_fault(
        &self,
        window: &Window,
        entries: &mut BTreeMap<MandateHash, WindowEntry>,
    ) -> Result<BTreeMap<MandateHash, String>, LedgerError> {
        let Window { path, token, verifier_set, .. } = *window;
        let debits = window.members.iter().filter_map(|(hash, pays)| {
            let mandate = &entries.get(hash)?.mandate;
            Some(Debit { hash: *hash, mandate, pays: *pays })
        });
        let terms = SettlementTerms { path, token, verifier_set };
        Ok(check(&self.context.ledger, terms, debits)?.at_fault)
    }

    fn quarantine(&self, mandates: &BTreeMap<MandateHash, String>) -> Result<(), ScheduleError> {
        let context = &self.context;
        let quarantined = |(hash, reason): (&MandateHash, &String)| {
            tracing::warn!(mandate = %hash, reason, "quarantining a mandate");
            (*hash, Disposition::Quarantined { reason: reason.clone() })
        };
        context.reached(FailPoint::Dispose, Moment::Before);
        context.ledger.dispose(mandates.iter().map(quarantined).collect()).wait()?;
        context.reached(FailPoint::Dispose, Moment::After);
        let now = context.clock.now();
        let mut quarantine = self.context.quarantine();
        mandates.keys().for_each(|mandate| quarantine.add(*mandate, now));
        Ok(())
    }

    /// Puts back into the queue what is no longer held.
    fn release(&self) -> Result<(), ScheduleError> {
        let context = &self.context;
        let now = context.clock.now();
        let over = context.ledger.no_longer_held(now, RELEASE_MAX);
        if !over.is_empty() {
            context.reached(FailPoint::Dispose, Moment::Before);
            let released = context.ledger.release_over(over, now).wait()?;
            context.reached(FailPoint::Dispose, Moment::After);
            tracing::debug!(count = released.len(), "no longer held");
        }
        Ok(())
    }

    /// Fails what can never settle, tries again what is quarantined, forgets what has ended.
    fn tidy(&mut self) -> Result<(), ScheduleError> {
        let context = &self.context;
        let tip = context.ledger.tip();
        if tip != self.expired_at {
            context.reached(FailPoint::Expire, Moment::Before);
            let expired = context.ledger.expire(EXPIRE_MAX).wait()?.into_inner();
            context.reached(FailPoint::Expire, Moment::After);
            context.outcomes.emit_ended(&expired)?;
            // As many as fail at once: there may be more.
            if expired.len() < EXPIRE_MAX {
                self.expired_at = tip;
            }
        }
        let quarantined = context.ledger.quarantined()?;
        let again = self.context.quarantine().try_again(&quarantined, context.clock.now());
        if !again.is_empty() {
            tracing::info!(count = again.len(), "trying again what was quarantined");
            let requeue = again.into_iter().map(|hash| (hash, Disposition::Requeue)).collect();
            context.reached(FailPoint::Dispose, Moment::Before);
            context.ledger.dispose(requeue).wait()?;
            context.reached(FailPoint::Dispose, Moment::After);
        }
        let known = self.context.quarantine().known();
        let mut ended = Vec::new();
        for mandate in known {
            let view = context.ledger.mandate(mandate)?;
            if view.is_none_or(|view| !view.state.status.is_live()) {
                ended.push(mandate);
            }
        }
        self.context.quarantine().forget(ended);
        Ok(())
    }

    /// What waits, by what can be settled together: the oldest of each queue. Of those that settle
    /// alone only the first are kept, and those behind them are read, too: after an outage they
    /// may be many, and are not to hide the others until these are late themselves.
    fn pools(&self, rules: &Rules) -> Result<Pools, LedgerError> {
        let ledger = &self.context.ledger;
        let now = self.context.clock.now();
        let largest = self.context.windows.shapes.iter();
        let largest = largest.map(|shape| shape.mandates_max()).max().unwrap_or(DIRECT_MAX);
        let windows = self.context.windows.segments_max.max(4);
        let limit = largest.saturating_mul(windows).clamp(WAITING_MIN, WAITING_MAX);
        let mut found = Pools::default();
        for (path, token) in ledger.queues()? {
            let (mut from, mut in_line, mut late) = (Sequence::new(0), 0, 0);
            for _ in 0..PAGES_MAX {
                let page = ledger.window(path, token, from, limit)?;
                let is_last = page.len() < limit;
                for entry in page {
                    from = Sequence::new(entry.mandate.sequence.get().saturating_add(1));
                    let waiting = self.waiting(&entry);
                    let count = if rules.is_late(&waiting, now) { &mut late } else { &mut in_line };
                    *count += 1;
                    if late <= LATE_MAX || !rules.is_late(&waiting, now) {
                        self.add(&mut found, path, token, waiting, entry);
                    }
                }
                if is_last || in_line >= limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Adds what waits to those that it can be settled with.
    fn add(
        &self,
        found: &mut Pools,
        path: SettlementPath,
        token: Address,
        waiting: Waiting,
        entry: WindowEntry,
    ) {
        let account = self.context.ledger.account(waiting.account);
        let verifier_set = match path {
            SettlementPath::Proved => {
                account.map_or(B256::ZERO, |account| account.record.verifier_set)
            }
            SettlementPath::Direct => B256::ZERO,
        };
        let same = |pool: &&mut Pool| {
            (pool.path, pool.token, pool.verifier_set) == (path, token, verifier_set)
        };
        match found.pools.iter_mut().find(same) {
            Some(pool) => pool.waiting.push(waiting),
            None => found.pools.push(Pool {
                path,
                token,
                verifier_set,
                shapes: self.context.costs.get(&verifier_set).cloned().unwrap_or_default(),
                waiting: vec![waiting],
            }),
        }
        found.entries.insert(entry.hash, entry);
    }

    fn waiting(&self, entry: &WindowEntry) -> Waiting {
        let WindowEntry { hash, mandate, state } = entry;
        let promise = &mandate.promise;
        let (prev, nonce_word) = match promise {
            Promise::Proved { signed } => {
                let own = &signed.mandate;
                (own.prev.id().map(MandateHash::from), own.nonce.word())
            }
            Promise::Direct { .. } => (None, 0),
        };
        Waiting {
            mandate: *hash,
            sequence: mandate.sequence,
            prev,
            account: promise.account(),
            payee: promise.payee(),
            nonce_word,
            ceiling: promise.amount().amount(),
            due: entry.due(),
            fixed: state.captured.is_some() || state.was_sealed,
            accepted_at: mandate.accepted_at,
            waits_since: state.released_at.unwrap_or(mandate.accepted_at).max(mandate.accepted_at),
            settle_by: mandate.settle_by,
            claimed_after: (promise.path() == SettlementPath::Proved).then(|| {
                let response_s = self.context.periods.response_seconds;
                mandate.settle_by.checked_add(response_s).unwrap_or(UnixTime::MAX)
            }),
            deadline: promise.deadline(),
            isolation: self.context.quarantine().isolation(*hash),
        }
    }
}

/// What waits.
#[derive(Default)]
struct Pools {
    pools: Vec<Pool>,
    entries: BTreeMap<MandateHash, WindowEntry>,
}

/// Takes mandates out of what waits.
fn leave(pools: &mut [Pool], mandates: &BTreeSet<MandateHash>) {
    for pool in pools {
        pool.waiting.retain(|own| !mandates.contains(&own.mandate));
    }
}
