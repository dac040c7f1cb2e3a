//! Metrics by Prometheus' conventions: what is counted here as it happens, and what the
//! ledger says when it is asked.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use aep2_ledger::{Ledger, SettlementPath};
use aep2_mandate::clock::Clock;
use alloy::primitives::Address;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, text},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::event::Event;

/// What a refusal is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

/// What a step is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Step {
    step: &'static str,
}

/// What an alarm is shown under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
}

/// What a processor measures. All names begin with `aep2_`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    accepted: Counter,
    repeated: Counter,
    refused: Family<Code, Counter>,
    captured: Counter,
    segments_proved: Counter,
    captures_refused: Family<Code, Counter>,
    disputes: Family<Step, Counter>,
    disputes_refused: Family<Code, Counter>,
    refunds: Family<Step, Counter>,
    refunds_refused: Family<Code, Counter>,
    settled: Counter,
    failed: Counter,
    accept_seconds: Histogram,
    together: Histogram,
    waiting: Gauge,
    waiting_seconds: Histogram,
    batches: Family<Step, Counter>,
    reorgs: Counter,
    proof_seconds: Histogram,
    gas: Histogram,
    head: Gauge,
    sender_pending: Gauge,
    backlog_seconds: Gauge,
    alarms: Family<Cause, Gauge>,
}

impl Metrics {
    pub(crate) fn new(ledger: &Arc<Ledger>, clock: &Clock) -> Self {
        let latency = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        let mut this = Self {
            registry: Registry::with_prefix("aep2"),
            accepted: Counter::default(),
            repeated: Counter::default(),
            refused: Family::default(),
            captured: Counter::default(),
            segments_proved: Counter::default(),
            captures_refused: Family::default(),
            disputes: Family::default(),
            disputes_refused: Family::default(),
            refunds: Family::default(),
            refunds_refused: Family::default(),
            settled: Counter::default(),
            failed: Counter::default(),
            accept_seconds: latency(),
            together: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            waiting: Gauge::default(),
            waiting_seconds: latency(),
            batches: Family::default(),
            reorgs: Counter::default(),
            proof_seconds: Histogram::new(exponential_buckets(0.05, 2.0, 13)),
            gas: Histogram::new(exponential_buckets(50_000.0, 2.0, 10)),
            head: Gauge::default(),
            sender_pending: Gauge::default(),
            backlog_seconds: Gauge::default(),
            alarms: Family::default(),
        };
        this.register();
        let collector = LedgerCollector { ledger: Arc::downgrade(ledger), clock: clock.clone() };
        this.registry.register_collector(Box::new(collector));
        this
    }

    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("mandates_accepted", "Mandates accepted", self.accepted.clone());
        to.register(
            "mandates_repeated",
            "Mandates sent again after they were accepted, and given the same receipt",
            self.repeated.clone(),
        );
        to.register("mandates_refused", "Mandates refused, by code", self.refused.clone());
        to.register("mandates_captured", "Captures noted", self.captured.clone());
        let proved = self.segments_proved.clone();
        to.register("segments_proved", "Segments of batches proved", proved);
        to.register("captures_refused", "Captures refused, by code", self.captures_refused.clone());
        to.register("disputes", "Disputes that reached a step, by step", self.disputes.clone());
        let refused = self.disputes_refused.clone();
        to.register("disputes_refused", "What was refused about disputes, by code", refused);
        to.register("refunds", "Refunds that reached a step, by step", self.refunds.clone());
        to.register("refunds_refused", "Refunds refused, by code", self.refunds_refused.clone());
        to.register("mandates_settled", "Mandates settled on chain", self.settled.clone());
        to.register(
            "mandates_failed",
            "Mandates that ended without being settled",
            self.failed.clone(),
        );
        to.register_with_unit(
            "accept_duration",
            "Time from a mandate's arrival to its receipt on disk",
            Unit::Seconds,
            self.accept_seconds.clone(),
        );
        to.register(
            "signatures_together",
            "Signatures checked together at a time",
            self.together.clone(),
        );
        to.register("requests_waiting", "Requests not answered yet", self.waiting.clone());
        to.register_with_unit(
            "requests_waited",
            "Time that requests waited before their signature's check began",
            Unit::Seconds,
            self.waiting_seconds.clone(),
        );
        to.register("batches", "Batches that reached a step, by step", self.batches.clone());
        to.register("reorgs", "Reorganizations of the chain", self.reorgs.clone());
        to.register_with_unit(
            "proof_duration",
            "Time that proofs took",
            Unit::Seconds,
            self.proof_seconds.clone(),
        );
        to.register("batch_gas", "Gas that batches used", self.gas.clone());
        to.register("chain_head", "The number of the chain's newest block", self.head.clone());
        to.register(
            "sender_pending",
            "Transactions sent and not final yet",
            self.sender_pending.clone(),
        );
        to.register_with_unit(
            "backlog",
            "How long it is expected to take to settle what waits, with the safety",
            Unit::Seconds,
            self.backlog_seconds.clone(),
        );
        to.register(
            "alarm",
            "Whether an operator should look, by cause: 1 if so",
            self.alarms.clone(),
        );
    }

    /// All of it in Prometheus' text form (OpenMetrics).
    ///
    /// # Errors
    /// None that is known: a string can always be written to.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    // Acceptance.

    pub(crate) fn arrived(&self) {
        self.waiting.inc();
    }

    /// A request got its answer, or nobody waits for it any more.
    pub(crate) fn answered(&self) {
        self.waiting.dec();
    }

    pub(crate) fn began(&self, together: usize, waited: impl Iterator<Item = Duration>) {
        self.together.observe(together as f64);
        waited.for_each(|waited| self.waiting_seconds.observe(waited.as_secs_f64()));
    }

    pub(crate) fn accepted(&self, again: bool, took: Duration) {
        let counter = if again { &self.repeated } else { &self.accepted };
        counter.inc();
        self.accept_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&Code { code }).inc();
    }

    pub(crate) fn capture_refused(&self, code: &'static str) {
        self.captures_refused.get_or_create(&Code { code }).inc();
    }

    pub(crate) fn dispute_refused(&self, code: &'static str) {
        self.disputes_refused.get_or_create(&Code { code }).inc();
    }

    pub(crate) fn refund_refused(&self, code: &'static str) {
        self.refunds_refused.get_or_create(&Code { code }).inc();
    }

    // Settling.

    /// The chain's newest block.
    pub(crate) fn saw_head(&self, number: u64) {
        self.head.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// How many transactions are sent and not final.
    pub(crate) fn sender_pending(&self, count: usize) {
        self.sender_pending.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How long it is expected to take to settle what waits, in seconds.
    pub(crate) fn backlog(&self, seconds: f64) {
        self.backlog_seconds.set(seconds.ceil() as i64);
    }

    /// How much gas a batch's transaction used.
    pub(crate) fn batch_used_gas(&self, gas: u64) {
        self.gas.observe(gas as f64);
    }

    /// Has an operator look, or not any more. `cause` in one word or a few, joined by `_`.
    pub(crate) fn alarm(&self, cause: &'static str, raised: bool) {
        self.alarms.get_or_create(&Cause { cause }).set(raised.into());
    }

    /// Counts what happened.
    pub(crate) fn note(&self, event: &Event) {
        let step = |step| {
            self.batches.get_or_create(&Step { step }).inc();
        };
        let said = |step| {
            self.disputes.get_or_create(&Step { step }).inc();
        };
        let refund = |step| {
            self.refunds.get_or_create(&Step { step }).inc();
        };
        match event {
            // Counted where it is answered, with the time that it took.
            Event::Accepted { .. } => {}
            Event::Captured { .. } => {
                self.captured.inc();
            }
            Event::Disputed { .. } => said("opened"),
            Event::DisputeAnswered { .. } => said("answered"),
            Event::DisputeRuled { .. } => said("ruled"),
            Event::RefundAnnounced { .. } => refund("announced"),
            Event::RefundPaid { .. } => refund("paid"),
            Event::Sealed { .. } => step("sealed"),
            Event::SegmentProved { .. } => {
                self.segments_proved.inc();
            }
            Event::Proved { took_ms, .. } => {
                step("proved");
                self.proof_seconds.observe(*took_ms as f64 / 1_000.0);
            }
            Event::Submitted { .. } => step("submitted"),
            Event::Confirmed { .. } => step("confirmed"),
            Event::Final { .. } => step("final"),
            Event::Aborted { .. } => step("aborted"),
            Event::Settled { .. } => {
                self.settled.inc();
            }
            Event::Failed { .. } => {
                self.failed.inc();
            }
            Event::ReorgedOut { .. } => {
                self.reorgs.inc();
            }
            Event::TaskPanicked { .. } => self.alarm("task_panicked", true),
        }
    }
}

/// What the ledger says when it is asked.
#[derive(Debug)]
struct LedgerCollector {
    /// Weak: metrics do not keep a ledger open.
    ledger: Weak<Ledger>,
    clock: Clock,
}

impl Collector for LedgerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(ledger) = self.ledger.upgrade() else { return Ok(()) };
        let figures = ledger.metrics();
        let mut gauge = |name: &str, help: &str, labelled: &[(Vec<(&str, String)>, f64)]| {
            let mut descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (labels, value) in labelled {
                if labels.is_empty() {
                    descriptor.encode_gauge(value)?;
                } else {
                    descriptor.encode_family(labels)?.encode_gauge(value)?;
                }
            }
            Ok::<_, fmt::Error>(())
        };
        let queued = queued(&figures);
        gauge("mandates_queued", "Mandates that wait for a batch", &queued)?;
        let plain = |value: f64| [(Vec::new(), value)];
        gauge(
            "mandates_held",
            "Mandates that are held back from batches",
            &plain(figures.held as f64),
        )?;
        let gates = closed_gates(&ledger);
        gauge("gates_closed", "Scopes of which nothing is accepted, by reason", &gates)?;
        let reserved: Vec<_> = figures
            .reserved
            .iter()
            .map(|(token, sum)| (vec![("token", token.to_string())], *sum as f64))
            .collect();
        gauge("reserved_base_units", "What live mandates pay together", &reserved)?;
        if let Some(tip) = ledger.tip() {
            let age = self.clock.now().seconds_since(tip.time).unwrap_or(0);
            gauge("chain_block", "The last block applied", &plain(tip.number as f64))?;
            gauge("chain_age_seconds", "How old that block is", &plain(age as f64))?;
        }
        gauge(
            "ledger_waiting",
            "Requests that wait for the disk",
            &plain(figures.journal.waiting as f64),
        )?;
        gauge(
            "ledger_syncs",
            "Writes to disk since the start",
            &plain(figures.journal.syncs as f64),
        )?;
        gauge(
            "ledger_write_seconds",
            "Time that these writes took together",
            &plain(figures.journal.write_time.as_secs_f64()),
        )?;
        gauge(
            "ledger_failed",
            "Whether the ledger stopped after a write failed",
            &plain(f64::from(u8::from(ledger.failure().is_some()))),
        )?;
        gauge(
            "purses_overdrawn",
            "Purses from which more was promised than there is",
            &plain(ledger.alarms().len() as f64),
        )
    }
}

/// A gauge's labels and its value.
type Labelled = (Vec<(&'static str, String)>, f64);

fn queued(figures: &aep2_ledger::Metrics) -> Vec<Labelled> {
    let labelled = |((path, token), count): (&(SettlementPath, Address), &u64)| {
        let path = match path {
            SettlementPath::Proved => "proved",
            SettlementPath::Direct => "direct",
        };
        (vec![("path", path.to_owned()), ("token", token.to_string())], *count as f64)
    };
    figures.queued.iter().map(labelled).collect()
}

/// How many scopes the gate is closed for, by kind and reason.
fn closed_gates(ledger: &Ledger) -> Vec<Labelled> {
    let mut closed = BTreeMap::new();
    for (scope, reason, _) in ledger.gates() {
        *closed.entry((scope.name(), reason.name())).or_insert(0.0) += 1.0;
    }
    let labelled = |((scope, reason), count): ((&str, &str), f64)| {
        (vec![("scope", scope.to_owned()), ("reason", reason.to_owned())], count)
    };
    closed.into_iter().map(labelled).collect()
}
