//! Which address is answered by what.

use std::time::Duration;

use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{
    accounts, attestations, batches, captures, disputes, events, guard::guard, health, identity,
    mandates, metrics, mvp, openapi, outcomes, path, refunds, state::Api, travel_rule, x402,
};

/// All addresses with what they take.
fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/", get(identity::identity)),
        ("/v1/mandates", post(mandates::accept)),
        ("/v1/mandates/batch", post(mandates::accept_many)),
        ("/v1/mandates/{id}", get(mandates::mandate)),
        ("/v1/mandates/{id}/capture", post(captures::capture)),
        ("/v1/mandates/{id}/refunds", post(refunds::announce)),
        ("/v1/mandates/{id}/proof", get(mandates::proof)),
        ("/v1/outcomes", post(outcomes::outcomes)),
        ("/v1/attestations", post(attestations::present)),
        ("/v1/travel-rule", post(travel_rule::hand_in)),
        ("/v1/travel-rule/key", get(travel_rule::key)),
        ("/v1/disputes", get(disputes::disputes).post(disputes::open)),
        ("/v1/disputes/{id}", get(disputes::dispute)),
        ("/v1/disputes/{id}/answer", post(disputes::answer)),
        ("/v1/disputes/{id}/ruling", post(disputes::rule)),
        ("/v1/disputes/{id}/evidence/{hash}", get(disputes::evidence).post(disputes::hand_in)),
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
            .layer(middleware::from_fn_with_state(self.gate(), guard))
            .with_state(self.clone())
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
            header::AUTHORIZATION,
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
