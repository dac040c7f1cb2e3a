//! What the HTTP side measures, by Prometheus' conventions.

use std::{fmt, time::Duration};

use axum::http::StatusCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// What an answer is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    route: &'static str,
    status: u16,
}

/// What an answer's time is measured under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

/// Buckets from a quarter of a millisecond to 16 seconds.
#[derive(Clone, Debug)]
struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.000_25, 2.0, 17))
    }
}

/// The HTTP side's instruments. All names begin with `aep2_http_`.
#[derive(Debug)]
pub(crate) struct Instruments {
    registry: Registry,
    answers: Family<Answer, Counter>,
    durations: Family<Route, Histogram, Latency>,
    /// Requests being answered.
    pub(crate) in_hand: Gauge,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// Who listens to events.
    pub(crate) listeners: Gauge,
    /// Answers that panicked.
    pub(crate) panics: Counter,
}

impl Instruments {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("aep2_http");
        let this = Self {
            answers: Family::default(),
            durations: Family::new_with_constructor(Latency),
            in_hand: Gauge::default(),
            connections: Gauge::default(),
            listeners: Gauge::default(),
            panics: Counter::default(),
            registry: Registry::default(),
        };
        registry.register(
            "answers",
            "Requests answered, by route and status",
            this.answers.clone(),
        );
        registry.register_with_unit(
            "answer_duration",
            "Time from a request's head to its answer's, by route",
            Unit::Seconds,
            this.durations.clone(),
        );
        registry.register("requests_in_hand", "Requests being answered", this.in_hand.clone());
        registry.register("connections_open", "Open connections", this.connections.clone());
        registry.register("event_listeners", "Who listens to events", this.listeners.clone());
        registry.register("panics", "Answers that panicked", this.panics.clone());
        Self { registry, ..this }
    }

    /// Notes an answer.
    pub(crate) fn answered(&self, route: &'static str, status: StatusCode, took: Duration) {
        self.answers.get_or_create(&Answer { route, status: status.as_u16() }).inc();
        self.durations.get_or_create(&Route { route }).observe(took.as_secs_f64());
    }

    /// All of it after what the processor measures, as one text.
    pub(crate) fn encode_after(&self, mut text: String) -> Result<String, fmt::Error> {
        if let Some(rest) = text.strip_suffix("# EOF\n") {
            text.truncate(rest.len());
        }
        text::encode_registry(&mut text, &self.registry)?;
        text::encode_eof(&mut text)?;
        Ok(text)
    }
}

/// Counts something that is there as long as this value is.
pub(crate) struct Present(Gauge);

impl Present {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_registries_make_one_text() -> Result<(), fmt::Error> {
        let instruments = Instruments::new();
        instruments.answered("/x", StatusCode::OK, Duration::from_millis(3));
        let text = instruments.encode_after("aep2_a_total 1\n# EOF\n".to_owned())?;
        assert!(text.starts_with("aep2_a_total 1\n# HELP aep2_http_"), "{text}");
        assert!(text.contains("aep2_http_answers_total{route=\"/x\",status=\"200\"} 1"), "{text}");
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.ends_with("# EOF\n"));
        Ok(())
    }
}
