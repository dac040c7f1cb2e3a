//! The chain, driven as its users drive it: through alloy's providers and over HTTP.
#![allow(clippy::unwrap_used, missing_docs)]

mod blocks;
mod calls;
mod filters;
mod going_back;
mod hostile;
mod http;
mod persistence;
mod pool;
mod simulation;
mod support;
mod transactions;
