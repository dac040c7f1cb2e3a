//! What a gateway measures, by Prometheus' conventions. All names begin with `aep2_gateway_`.

use std::{borrow::Cow, fmt, time::Duration};

use aep2_http::{HttpMetrics, encode_after};
use http::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Where the buckets of durations begin: what is behind takes as long as it takes.
const FIRST_BUCKET_S: f64 = 0.001;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// A gateway's metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// Requests and connections.
    pub(super) http: HttpMetrics,
    payments: Family<Route, Counter>,
    /// Requests that did not reach the service.
    pub(super) upstream_failures: Counter,
}

impl Metrics {
    /// `not_kept` counts receipts that could not be written.
    pub(super) fn new(not_kept: Counter) -> Self {
        let mut registry = Registry::with_prefix("aep2_gateway");
        let http = HttpMetrics::register(&mut registry, FIRST_BUCKET_S);
        let (payments, upstream_failures) = (Family::default(), Counter::default());
        registry.register("payments", "Requests served for a receipt", payments.clone());
        registry.register(
            "upstream_failures",
            "Requests that the service behind did not answer",
            upstream_failures.clone(),
        );
        registry.register(
            "receipts_not_kept",
            "Receipts, and words on captures, that could not be written to their folder",
            not_kept,
        );
        Self { registry, http, payments, upstream_failures }
    }

    /// Counts an answer. `route` is the route's path as it is set; empty for what no route has.
    pub(super) fn answered(
        &self,
        route: String,
        status: StatusCode,
        took: Duration,
        was_paid: bool,
    ) {
        if was_paid {
            self.payments.get_or_create(&Route { route: route.clone() }).inc();
        }
        self.http.answered(Cow::Owned(route), status, took);
    }

    /// All of them in Prometheus' text format.
    pub(super) fn encode(&self) -> Result<String, fmt::Error> {
        encode_after(String::new(), &self.registry)
    }
}
