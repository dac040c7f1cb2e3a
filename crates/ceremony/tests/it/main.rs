//! Ceremonies, with snarkjs on either side, and attacks on them.
#![allow(clippy::unwrap_used, missing_docs)]

mod attacks;
mod beside_key;
mod chain;
mod files;
mod keys;
mod powers;
mod records;
mod snarkjs;
mod support;
