//! The whole system, by what is feared.
#![allow(clippy::unwrap_used, missing_docs)]

mod deployment;
mod issuing;
mod mcp;
mod payments;
mod processor;
mod service;
