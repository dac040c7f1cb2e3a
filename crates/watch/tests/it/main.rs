//! A watcher on the embedded chain, with the real contracts: processors that do not keep their word, and
//! watchers that are killed.
#![allow(clippy::unwrap_used, missing_docs)]

mod broken;
mod captured;
mod crashes;
mod crowds;
mod figures;
mod forged;
mod fronted;
mod kept;
mod limits;
mod node;
mod steps;
mod support;
