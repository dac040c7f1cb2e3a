//! Metrics: what was answered, how fast, how many connections are open.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::issue::Issue;

/// The interface's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    answers: Family<Answer, Counter>,
    seconds: Histogram,
    /// Connections that are open.
    pub connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    /// `issued`, `again`, `asked`, or a refusal's code.
    answer: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("aep2_issuer");
        let answers = Family::default();
        let buckets = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0];
        let (seconds, connections) = (Histogram::new(buckets), Gauge::default());
        registry.register("answers", "Requests for payments, by answer", answers.clone());
        registry.register("issue_seconds", "How long a payment took to issue", seconds.clone());
        registry.register("connections", "Connections that are open", connections.clone());
        Self { registry, answers, seconds, connections }
    }
}

impl Metrics {
    /// A request for a payment was answered.
    pub(super) fn issued(&self, answer: &Issue, took: Duration) {
        let name = match answer {
            Issue::Issued { again: false, .. } => "issued",
            Issue::Issued { again: true, .. } => "again",
            Issue::Asked(_) => "asked",
            Issue::Refused(refusal) => refusal.code.name(),
        };
        self.answers.get_or_create(&Answer { answer: name }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// All of them, as Prometheus reads them.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
