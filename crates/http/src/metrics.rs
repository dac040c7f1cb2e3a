//! What is measured of requests and connections, by Prometheus' conventions.

use std::{borrow::Cow, fmt, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
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

/// The media type of what Prometheus reads.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How many buckets a histogram of durations has. Each ends at twice the time of the one before.
const BUCKETS: u16 = 17;

/// What an answer is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    route: Cow<'static, str>,
    status: u16,
}

/// What an answer's time is measured under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Cow<'static, str>,
}

/// Makes histograms whose first bucket ends at so many seconds.
#[derive(Clone, Debug)]
struct Durations {
    first_bucket_s: f64,
}

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(self.first_bucket_s, 2.0, BUCKETS))
    }
}

/// The metrics of an HTTP server. Clones are the same ones.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<Answer, Counter>,
    durations: Family<Route, Histogram, Durations>,
    /// Connections that are open.
    pub connections: Gauge,
}

impl HttpMetrics {
    /// Metrics in a registry. The buckets of durations begin at `first_bucket_s` seconds and end at
    /// 65,536 times as much.
    pub fn register(registry: &mut Registry, first_bucket_s: f64) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(Durations { first_bucket_s }),
            connections: Gauge::default(),
        };
        registry.register(
            "requests",
            "Requests answered, by route and status",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer's, by route",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("connections_open", "Open connections", metrics.connections.clone());
        metrics
    }

    /// Counts an answer. `route` is one of a few: what it stands for is kept for good.
    pub fn answered(&self, route: Cow<'static, str>, status: StatusCode, took: Duration) {
        let seconds = took.as_secs_f64();
        self.durations.get_or_create(&Route { route: route.clone() }).observe(seconds);
        self.requests.get_or_create(&Answer { route, status: status.as_u16() }).inc();
    }
}

/// Counts something that is there as long as this value is.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl InFlight {
    /// One more, until it is dropped.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A registry in the OpenMetrics text format, behind what other registries said in `text`, as one text.
///
/// # Errors
/// When a metric cannot be written.
pub fn encode_after(mut text: String, registry: &Registry) -> Result<String, fmt::Error> {
    if let Some(rest) = text.strip_suffix("# EOF\n") {
        text.truncate(rest.len());
    }
    text::encode_registry(&mut text, registry)?;
    text::encode_eof(&mut text)?;
    Ok(text)
}

/// The answer that has such a text.
pub fn metrics_response(text: String) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_registries_make_one_text() -> Result<(), fmt::Error> {
        let mut registry = Registry::with_prefix("aep2_http");
        let metrics = HttpMetrics::register(&mut registry, 0.001);
        metrics.answered("/x".into(), StatusCode::OK, Duration::from_millis(3));
        let text = encode_after("aep2_a_total 1\n# EOF\n".to_owned(), &registry)?;
        assert!(text.starts_with("aep2_a_total 1\n# HELP aep2_http_"), "{text}");
        assert!(text.contains("aep2_http_requests_total{route=\"/x\",status=\"200\"} 1"), "{text}");
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.ends_with("# EOF\n"));
        Ok(())
    }
}
