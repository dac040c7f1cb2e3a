//! The officers' interface, over HTTP. It is served apart from the public one.
//!
//! Every request carries `Authorization: Bearer aep2_officer_…`. Nothing is kept in a browser, so another
//! site's page cannot ask in an officer's name.

mod authentication;
mod cases;
mod context;
mod error;
mod evidence;
mod freezes;
mod lists;
mod records;
mod routes;
mod subjects;

pub use self::{context::Context, routes::router};
