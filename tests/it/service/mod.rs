//! The server over HTTP, on a real processor and an embedded chain.

mod accepting;
mod arbitration;
mod control;
mod disputes;
mod events;
mod exact;
mod limits;
mod monitoring;
mod mvp;
mod outcomes;
mod reading;
mod refunds;
mod refusals;
mod schema;
pub(crate) mod shop;
mod stopping;
mod street;
mod x402;
