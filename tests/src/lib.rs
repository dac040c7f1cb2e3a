//! What the suites of the whole system stand on. It is not shipped.
//!
//! | | |
//! | --- | --- |
//! | [`chain`] | a chain under test, embedded or anvil; [`on_both_chains!`] runs a test on each |
//! | [`stage`] | the wallet on such a chain and people who use it; their batches are really [proved](proofs) |
//! | [`world`] | the wallet on an embedded chain, and processors that live on it |
//! | [`payers`], [`provers`], [`settling`] | who pays there, with which proving keys, and what came of it |
//! | [`stand_in`] | a processor that keeps its ledger in memory, for payers and payees |
//!
//! Everything panics where it does not succeed: a test has failed then.
#![allow(clippy::unwrap_used, reason = "only tests use it")]

pub mod chain;
pub mod claiming;
pub mod disputes;
pub mod hostile;
pub mod payers;
pub mod picky;
pub mod proofs;
pub mod provers;
pub mod settling;
pub mod stage;
pub mod stand_in;
pub mod strangers;
pub mod world;
