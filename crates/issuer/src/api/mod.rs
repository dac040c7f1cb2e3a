//! The HTTP interface: what agents ask with their cards, what owners ask with their tokens.

mod agent;
mod authentication;
mod body;
mod context;
mod error;
mod metrics;
mod owner;
mod routes;

pub(crate) use self::context::OwnersSession;
pub use self::{context::Context, routes::router};
