//! What the HTTP side measures, by Prometheus' conventions. All names begin with `aep2_http_`.

use std::fmt;

use aep2_http::{HttpMetrics, encode_after};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// Where the buckets of durations begin: an acceptance takes little more.
const FIRST_BUCKET_S: f64 = 0.000_25;

/// The HTTP side's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests and connections.
    pub(crate) http: HttpMetrics,
    /// Requests being answered.
    pub(crate) in_flight: Gauge,
    /// Who is subscribed to events.
    pub(crate) subscribers: Gauge,
    /// Answers that panicked.
    pub(crate) panics: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("aep2_http");
        let http = HttpMetrics::register(&mut registry, FIRST_BUCKET_S);
        let (in_flight, subscribers, panics) =
            (Gauge::default(), Gauge::default(), Counter::default());
        registry.register("requests_in_flight", "Requests being answered", in_flight.clone());
        registry.register("event_subscribers", "Open event streams", subscribers.clone());
        registry.register("panics", "Answers that panicked", panics.clone());
        Self { registry, http, in_flight, subscribers, panics }
    }

    /// All of it behind what the processor measures, as one text.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(crate) fn encode_after(&self, text: String) -> Result<String, fmt::Error> {
        encode_after(text, &self.registry)
    }
}
