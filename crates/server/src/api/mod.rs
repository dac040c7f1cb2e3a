//! The API: one file for each kind of thing that is asked for.

mod accounts;
mod batches;
mod body;
mod captures;
mod error;
mod events;
mod feed;
mod guard;
mod health;
mod identity;
mod mandates;
mod metrics;
mod mvp;
pub mod openapi;
mod path;
mod schema;
mod x402;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aep2_exact::ExactFacilitator;
use aep2_processor::Processor;
use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};
use tokio::sync::{Semaphore, watch};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use self::error::{ApiError, Code};
use self::{
    feed::Feed,
    guard::{Gate, guard},
};
use crate::{metrics::Metrics, settings::LimitSettings};

/// The API over a processor. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    processor: Processor,
    exact: Option<ExactFacilitator>,
    limits: LimitSettings,
    metrics: Arc<Metrics>,
    gate: Arc<Gate>,
    feed: Arc<Feed>,
    /// One for each who may listen to events.
    listeners: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

/// All addresses with what they take.
fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/", get(identity::identity)),
        ("/v1/mandates", post(mandates::accept)),
        ("/v1/mandates/batch", post(mandates::accept_many)),
        ("/v1/mandates/{id}", get(mandates::mandate)),
        ("/v1/mandates/{id}/capture", post(captures::capture)),
        ("/v1/mandates/{id}/proof", get(mandates::proof)),
        ("/v1/accounts/{id}", get(accounts::account)),
        ("/v1/batches", get(batches::batches)),
        ("/v1/batches/{id}", get(batches::batch)),
        ("/v1/events", get(events::events)),
        ("/supported", get(x402::supported)),
        ("/verify", post(x402::verify)),
        ("/settle", post(x402::settle)),
        (mvp::ENQUEUE, post(mvp::enqueue::enqueue)),
        (mvp::HEALTH, get(mvp::health::health)),
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        (METRICS, get(metrics::metrics)),
        ("/openapi.json", get(openapi::document)),
    ]
}

/// The address of the metrics, which may be served elsewhere.
const METRICS: &str = "/metrics";

impl Api {
    /// The API over a processor, and the task that keeps its events.
    pub(crate) fn new(
        processor: Processor,
        exact: Option<ExactFacilitator>,
        limits: &LimitSettings,
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Only to tell this run from others.
        let run = u64::try_from(since.as_millis()).unwrap_or_default();
        let feed = Arc::new(Feed::new(run, limits.events_kept));
        tokio::spawn(Arc::clone(&feed).fill(processor.events()));
        let metrics = Arc::new(Metrics::new());
        let paths = routes().into_iter().map(|(path, _)| path).collect();
        let within = Duration::from_secs(limits.answer_within_s);
        let gate = Gate::new(paths, Arc::clone(&metrics), limits.requests_max, within, run);
        let inner = Inner {
            processor,
            exact,
            limits: limits.clone(),
            gate: Arc::new(gate),
            metrics,
            feed,
            listeners: Arc::new(Semaphore::new(limits.listeners_max.min(Semaphore::MAX_PERMITS))),
            stopping: watch::Sender::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The router of everything; without the metrics where they are served elsewhere or not at all.
    pub(crate) fn router(&self, any_origin: bool, with_metrics: bool) -> Router {
        let router = routes()
            .into_iter()
            .filter(|(path, _)| with_metrics || *path != METRICS)
            .fold(Router::new(), |router, (path, methods)| router.route(path, methods));
        // The MVP's pages come from anywhere, whatever is set for the rest.
        let origin = match any_origin {
            true => AllowOrigin::any(),
            false => AllowOrigin::predicate(|_, request| mvp::has(request.uri.path())),
        };
        self.guarded(router).layer(cross_origin(origin))
    }

    /// The router of the metrics alone.
    pub(crate) fn metrics_router(&self) -> Router {
        self.guarded(Router::new().route(METRICS, get(metrics::metrics)))
    }

    fn guarded(&self, router: Router<Self>) -> Router {
        router
            .fallback(path::not_found)
            .method_not_allowed_fallback(path::method_not_allowed)
            .layer(middleware::from_fn_with_state(Arc::clone(&self.inner.gate), guard))
            .with_state(self.clone())
    }

    /// Ends what would not end by itself.
    pub(crate) fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    fn processor(&self) -> &Processor {
        &self.inner.processor
    }

    /// The facilitator of the scheme `exact`, where there is one.
    fn exact(&self) -> Option<&ExactFacilitator> {
        self.inner.exact.as_ref()
    }

    fn limits(&self) -> &LimitSettings {
        &self.inner.limits
    }

    /// How long a body may take.
    fn body_within(&self) -> Duration {
        Duration::from_secs(self.limits().body_within_s)
    }

    /// Runs what reads the disk or calculates, where it holds nobody up.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Processor) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let processor = self.processor().clone();
        tokio::task::spawn_blocking(move || work(&processor))
            .await
            .map_err(|error| ApiError::internal(&error))
    }
}

/// Pages may call, with what the API takes; there is nothing here that a browser would add.
fn cross_origin(origin: AllowOrigin) -> CorsLayer {
    use axum::http::{HeaderName, Method, header};

    let shown = [header::RETRY_AFTER, HeaderName::from_static("x-request-id")];
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-requested-with"),
        ])
        .expose_headers(shown)
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let document = openapi::json();
        let documented: BTreeSet<_> = document["paths"]
            .as_object()
            .map(|paths| paths.keys().cloned().collect())
            .unwrap_or_default();
        let routed: BTreeSet<_> = routes().into_iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(documented, routed);
    }
}
