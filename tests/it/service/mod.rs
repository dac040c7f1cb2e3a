//! The server over HTTP, on a real processor and an embedded chain.
#![allow(clippy::unwrap_used, missing_docs)]

// What the processor's own tests stand on: a chain, payers, mandates really signed.
#[allow(dead_code, unused_imports, reason = "these tests need only some of it")]
#[path = "../../../processor/tests/it/support/mod.rs"]
mod support;

mod accepting;
mod events;
mod exact;
mod limits;
mod mvp;
mod reading;
mod refusals;
mod schema;
mod shop;
mod stopping;
mod x402;
