//! The settlement processor over HTTP.
//!
//! - [`settings`]: what an operator sets, in a TOML file;
//! - [`api`]: what may be asked and what is answered, a file for each kind of thing; its errors; its
//!   OpenAPI document;
//! - [`Server`]: all of it, and an end that lets requests in flight finish.
//!
//! Input is bounded before it is read, in size and in time. How a batch is proved and settled is the
//! processor's.

pub mod api;
mod metrics;
mod server;
pub mod settings;

pub use self::{
    server::{ServeError, Server},
    settings::Settings,
};
