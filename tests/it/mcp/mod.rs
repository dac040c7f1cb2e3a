//! Tools that are sold, and an agent that pays, by clients of the protocol's own SDK.
#![allow(clippy::unwrap_used, missing_docs)]

mod buying;
mod lies;
mod shop;
/// The processor that keeps its ledger in memory: the payee's own tests' one.
#[allow(dead_code, unused_imports)]
#[path = "../../../payee/tests/it/support.rs"]
mod support;
mod upstream;
mod wallet;
