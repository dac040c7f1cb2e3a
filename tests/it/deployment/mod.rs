//! The life of a deployment, driven from Rust: each test runs on the embedded chain and on anvil.

mod accounts;
mod altered;
mod batches;
mod deployments;
mod deposits;
mod direct;
mod guarantees;
mod inclusion;
mod mistakes;
mod same_chain;
mod withdrawals;
