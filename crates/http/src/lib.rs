//! What the HTTP servers of this project share.
//!
//! - [`HttpServer`]: a port being served, within [`ConnectionLimits`], and an end that lets requests in
//!   flight finish;
//! - [`HttpMetrics`]: requests by route and status, how long they took, open connections; how they are
//!   shown to Prometheus.
//!
//! It knows nothing of payments. What is served is an axum router, its caller's.

mod limits;
mod metrics;
mod server;

pub use self::{
    limits::ConnectionLimits,
    metrics::{HttpMetrics, InFlight, encode_after, metrics_response},
    server::HttpServer,
};
