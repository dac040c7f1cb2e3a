//! The judges' interface, and their page: with tokens of which the settings keep the hashes.

mod authentication;
mod cases;
mod context;
mod error;
mod evidence;
mod routes;

pub(crate) use self::{authentication::is_judge, error::ApiError, evidence::download};
pub use self::{context::Context, routes::router};
