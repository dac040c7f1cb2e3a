//! The house rules on this repository, and each rule on made-up ones.
#![allow(clippy::unwrap_used, missing_docs)]

mod circles;
mod crates;
mod house_rules;
mod lengths;
mod names;
mod support;
