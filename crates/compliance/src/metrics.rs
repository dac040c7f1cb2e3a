//! The metrics. Nothing personal: numbers by decision and by provider.

use std::{collections::BTreeMap, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{refusal::TurnedDown, rules::Answer, verdict::Outcome};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    provider: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    decision: &'static str,
}

/// The metrics of compliance.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    answers: Family<Answered, Counter>,
    payments: Family<Judged, Counter>,
    waiting: Gauge,
    failures: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("aep2_compliance");
        let answers = Family::<Answered, Counter>::default();
        registry.register("answers", "Answers of providers", answers.clone());
        let payments = Family::<Judged, Counter>::default();
        let about = "Payments by what was decided about those in them";
        registry.register("payments", about, payments.clone());
        let waiting = Gauge::<i64>::default();
        registry.register("subjects_waiting", "Subjects to be asked about", waiting.clone());
        let failures = Counter::<u64>::default();
        let about = "Subjects that could not be screened, because the store failed";
        registry.register("failures", about, failures.clone());
        Self { registry: Arc::new(registry), answers, payments, waiting, failures }
    }
}

impl Metrics {
    pub(crate) fn asked(&self, answers: &BTreeMap<String, Answer>) {
        for (provider, answer) in answers {
            let outcome = match answer {
                Ok(verdict) => match verdict.outcome {
                    Outcome::Clear => "clear",
                    Outcome::Review => "review",
                    Outcome::Denied => "denied",
                },
                Err(_) => "unavailable",
            };
            let labels = Answered { provider: provider.clone(), outcome };
            self.answers.get_or_create(&labels).inc();
        }
    }

    pub(crate) fn judged(&self, judged: &Result<(), TurnedDown>) {
        let decision = match judged {
            Ok(()) => "accepted",
            Err(TurnedDown::Denied { .. }) => "refused",
            Err(TurnedDown::Pending { .. }) => "pending",
            Err(TurnedDown::Missing(_)) => "travel_rule",
        };
        self.payments.get_or_create(&Judged { decision }).inc();
    }

    pub(crate) fn waits(&self, count: usize) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn failed(&self) {
        self.failures.inc();
    }

    /// As Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
