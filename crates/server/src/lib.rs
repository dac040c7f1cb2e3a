//! The settlement processor over HTTP.
//!
//! - [`settings`]: what an operator sets, in a TOML file;
//! - [`api`]: what may be asked and what is answered, a file for each kind of thing; its errors; its
//!   OpenAPI document;
//! - [`compliance`]: compliance as a policy of the processor's, and how its decisions are carried out;
//! - [`control`]: what whoever may use the data directory asks of it while it runs, and [`backups`];
//! - [`Server`]: all of it, and an end that lets requests in flight finish.
//!
//! Input is bounded before it is read, in size and in time. How a batch is proved and settled is the
//! processor's.

pub mod api;
pub mod backups;
pub mod compliance;
pub mod control;
mod metrics;
mod server;
pub mod settings;

pub use self::{
    api::Beside,
    server::{ServeError, Server},
    settings::Settings,
};
