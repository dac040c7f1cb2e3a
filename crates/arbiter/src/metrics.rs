//! The metrics. Nothing personal: numbers by decision and by processor.

use std::sync::Arc;

use alloy_primitives::Address;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Processor {
    processor: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    processor: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct By {
    by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The metrics of an arbiter.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Connections to the judges' interface that are open.
    pub connections: Gauge,
    open: Family<Processor, Gauge>,
    skew_s: Family<Processor, Gauge>,
    failures: Family<Processor, Counter>,
    refused: Family<Refused, Counter>,
    decided: Family<By, Counter>,
    rulings: Family<Outcome, Counter>,
    doubts: Family<Processor, Gauge>,
    evidence_bytes: Family<Processor, Gauge>,
    evidence_left: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("aep2_arbiter");
        let connections = Gauge::default();
        registry.register("connections", "Connections that are open", connections.clone());
        let open = Family::<Processor, Gauge>::default();
        registry.register("cases_open", "Cases that are not at their end", open.clone());
        let skew_s = Family::<Processor, Gauge>::default();
        let about = "By how many seconds the processor's clock is ahead of this one";
        registry.register("clock_ahead_seconds", about, skew_s.clone());
        let doubts = Family::<Processor, Gauge>::default();
        let about = "1 where no other clock agrees with this one, so that nothing is over";
        registry.register("clock_in_doubt", about, doubts.clone());
        let failures = Family::<Processor, Counter>::default();
        registry.register("asking_failed", "Times that a processor was not read", failures.clone());
        let refused = Family::<Refused, Counter>::default();
        let about = "Disputes, and changes of disputes, that were not what they should be";
        registry.register("disputes_refused", about, refused.clone());
        let decided = Family::<By, Counter>::default();
        registry.register("cases_decided", "Cases by who decided", decided.clone());
        let rulings = Family::<Outcome, Counter>::default();
        registry.register("rulings", "Rulings by what became of them", rulings.clone());
        let evidence_bytes = Family::<Processor, Gauge>::default();
        registry.register("evidence_bytes", "Evidence that is kept", evidence_bytes.clone());
        let evidence_left = Counter::<u64>::default();
        let about = "Pieces of evidence that were not kept, since there was no room";
        registry.register("evidence_left", about, evidence_left.clone());
        Self {
            registry: Arc::new(registry),
            connections,
            open,
            skew_s,
            failures,
            refused,
            decided,
            rulings,
            doubts,
            evidence_bytes,
            evidence_left,
        }
    }
}

impl Metrics {
    pub(crate) fn open(&self, processor: Address, count: usize) {
        self.open.get_or_create(&of(processor)).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn clock_ahead(&self, processor: Address, seconds: i64) {
        self.skew_s.get_or_create(&of(processor)).set(seconds);
    }

    pub(crate) fn failed(&self, processor: Address) {
        self.failures.get_or_create(&of(processor)).inc();
    }

    pub(crate) fn refused(&self, processor: Address, code: &'static str) {
        let labels = Refused { processor: processor.to_string(), code };
        self.refused.get_or_create(&labels).inc();
    }

    pub(crate) fn decided(&self, by: String) {
        self.decided.get_or_create(&By { by }).inc();
    }

    pub(crate) fn ruling(&self, outcome: &'static str) {
        self.rulings.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn clock_in_doubt(&self, processor: Address, is_in_doubt: bool) {
        self.doubts.get_or_create(&of(processor)).set(i64::from(is_in_doubt));
    }

    pub(crate) fn evidence(&self, processor: Address, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.evidence_bytes.get_or_create(&of(processor)).set(bytes);
    }

    pub(crate) fn evidence_left(&self) {
        self.evidence_left.inc();
    }

    /// As Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn of(processor: Address) -> Processor {
    Processor { processor: processor.to_string() }
}
