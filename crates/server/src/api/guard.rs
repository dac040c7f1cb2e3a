//! What stands before every answer: a number for the log, a bound on how many there are at once and
//! how long each takes, and a net under panics.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aep2_http::InFlight;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tokio::{sync::Semaphore, time::timeout};
use tracing::{debug, error, warn};

use super::{
    error::{ApiError, Code},
    mvp,
};
use crate::metrics::Metrics;

/// The header that has a request's number in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What requests to addresses that there are not count as.
const NO_ROUTE: &str = "none";

/// What every request passes.
pub(super) struct Gate {
    metrics: Arc<Metrics>,
    /// One for each request that may be in flight.
    slots: Semaphore,
    answer_within: Duration,
    run: u64,
    requests: AtomicU64,
}

impl Gate {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        requests_max: usize,
        answer_within: Duration,
        run: u64,
    ) -> Self {
        let slots = Semaphore::new(requests_max.min(Semaphore::MAX_PERMITS));
        Self { metrics, slots, answer_within, run, requests: AtomicU64::new(0) }
    }

    /// The name of the next request in the log.
    fn next_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{number:x}", self.run)
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        let Ok(_slot) = self.slots.try_acquire() else {
            return ApiError::new(
                Code::TooManyRequests,
                "too many requests are being answered; wait a second and send it again",
            )
            .into_response();
        };
        let _counted = InFlight::new(&self.metrics.in_flight);
        let work = AssertUnwindSafe(next.run(request)).catch_unwind();
        match timeout(self.answer_within, work).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => {
                self.metrics.panics.inc();
                ApiError::internal(&"the answer panicked").into_response()
            }
            Err(_) => ApiError::new(
                Code::NotReady,
                "this takes too long; send it again: the same mandate gets the same receipt",
            )
            .into_response(),
        }
    }
}

/// The layer.
pub(super) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = gate.next_id();
    // One of the router's own paths, and so one of a few.
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    // Cheap: the well-known ones are no text.
    let method = request.method().clone();

    let mut response = gate.answer(request, next).await;
    if mvp::has(route) {
        response = mvp::as_mvp(response);
    }
    gate.metrics.http.answered(route.to_owned().into(), response.status(), started.elapsed());
    note(&id, &method, route, &response);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A line of the log, louder where it is our fault.
fn note(id: &str, method: &Method, route: &str, response: &Response) {
    let code = response.extensions().get::<ApiError>().map_or("", |error| error.code.name());
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => warn!(id, %method, route, code, "not served"),
        status if status.is_server_error() => error!(id, %method, route, code, "failed"),
        status => debug!(id, %method, route, status = status.as_u16(), code, "answered"),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use http_body_util::BodyExt;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;

    type Failure = Box<dyn std::error::Error>;

    fn gate(requests_max: usize, answer_within: Duration) -> Arc<Gate> {
        let metrics = Arc::new(Metrics::new());
        Arc::new(Gate::new(metrics, requests_max, answer_within, 1))
    }

    fn guarded(gate: &Arc<Gate>, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(Arc::clone(gate), guard))
    }

    async fn ask(router: Router) -> Result<(StatusCode, String), Failure> {
        let response = router.oneshot(Request::get("/x").body(Body::empty())?).await?;
        assert!(response.headers().contains_key(REQUEST_ID));
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8(body.to_vec())?))
    }

    #[tokio::test]
    async fn a_panic_is_an_error_that_tells_nothing() -> Result<(), Failure> {
        async fn panics() -> StatusCode {
            panic!("with a SECRET")
        }
        let gate = gate(1, Duration::from_secs(60));
        let router = guarded(&gate, Router::new().route("/x", get(panics)));
        for _ in 0..2 {
            let (status, body) = ask(router.clone()).await?;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(body.contains("\"internal\"") && !body.contains("SECRET"), "{body}");
        }
        assert_eq!(gate.metrics.panics.get(), 2);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_too_long_is_given_up() -> Result<(), Failure> {
        let gate = gate(1, Duration::from_secs(30));
        let forever = get(std::future::pending::<StatusCode>);
        let (status, body) = ask(guarded(&gate, Router::new().route("/x", forever))).await?;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"not_ready\""), "{body}");
        assert_eq!(gate.metrics.in_flight.get(), 0);
        Ok(())
    }

    #[tokio::test]
    async fn more_at_once_than_may_are_turned_away_and_then_served_again() -> Result<(), Failure> {
        let gate = gate(1, Duration::from_secs(60));
        let go = Arc::new(Notify::new());
        let waits = Arc::clone(&go);
        let route = get(async move || {
            waits.notified().await;
            StatusCode::OK
        });
        let router = guarded(&gate, Router::new().route("/x", route));
        let first = tokio::spawn({
            let router = router.clone();
            async move { ask(router).await.map_err(|error| error.to_string()) }
        });
        while gate.metrics.in_flight.get() == 0 {
            tokio::task::yield_now().await;
        }
        let (status, body) = ask(router.clone()).await?;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(body.contains("\"too_many_requests\""), "{body}");
        go.notify_one();
        assert_eq!(first.await??.0, StatusCode::OK);
        go.notify_one();
        assert_eq!(ask(router).await?.0, StatusCode::OK);
        Ok(())
    }
}
