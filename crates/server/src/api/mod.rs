//! The API: one file for each kind of thing that is asked for.

mod access;
mod accounts;
mod attestations;
mod batches;
mod body;
mod captures;
mod disputes;
mod error;
mod event_buffer;
mod events;
mod evidence_places;
mod guard;
mod health;
mod identity;
mod mandates;
mod metrics;
mod mvp;
pub mod openapi;
mod outcomes;
mod path;
mod refunds;
mod routes;
mod schema;
mod state;
mod travel_rule;
mod x402;

pub use self::error::{ApiError, Code};
pub(crate) use self::state::Api;
pub use self::state::Beside;
