//! What a gateway measures, by Prometheus' conventions. All names begin with `aep2_gateway_`.

use std::time::Duration;

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
pub(super) struct Answer {
    /// The route's path as it is set; empty for what no route has.
    pub(super) route: String,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// Buckets from a millisecond to a minute.
#[derive(Clone, Debug)]
struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.001, 2.0, 17))
    }
}

/// The instruments.
#[derive(Debug)]
pub(super) struct Instruments {
    registry: Registry,
    answers: Family<Answer, Counter>,
    payments: Family<Route, Counter>,
    durations: Family<Route, Histogram, Latency>,
    /// Requests that did not reach the service.
    pub(super) upstream_failures: Counter,
    /// Connections that are open.
    pub(super) connections: Gauge,
}

impl Instruments {
    pub(super) fn new() -> Self {
        let mut this = Self {
            registry: Registry::with_prefix("aep2_gateway"),
            answers: Family::default(),
            payments: Family::default(),
            durations: Family::new_with_constructor(Latency),
            upstream_failures: Counter::default(),
            connections: Gauge::default(),
        };
        let registry = &mut this.registry;
        registry.register(
            "answers",
            "Requests answered, by route and status",
            this.answers.clone(),
        );
        registry.register("payments", "Requests served for a receipt", this.payments.clone());
        registry.register_with_unit(
            "answer_duration",
            "Time from a request's head to its answer's, by route",
            Unit::Seconds,
            this.durations.clone(),
        );
        registry.register(
            "upstream_failures",
            "Requests that the service behind did not answer",
            this.upstream_failures.clone(),
        );
        registry.register("connections_open", "Open connections", this.connections.clone());
        this
    }

    /// Counts an answer.
    pub(super) fn answered(&self, answer: Answer, took: Duration, was_paid: bool) {
        let route = Route { route: answer.route.clone() };
        if was_paid {
            self.payments.get_or_create(&route).inc();
        }
        self.durations.get_or_create(&route).observe(took.as_secs_f64());
        self.answers.get_or_create(&answer).inc();
    }

    /// All of them in Prometheus' text format.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = text::encode(&mut text, &self.registry) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }
}
