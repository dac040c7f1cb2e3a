//! Compliance, by what is feared of it.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
mod admission;
mod attestations;
mod cases;
mod enforcing;
mod providers;
mod records;
mod support;
mod travel_rule;
