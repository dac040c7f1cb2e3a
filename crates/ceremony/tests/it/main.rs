//! Ceremonies, with snarkjs on either side, and attacks on them.

mod attacks;
mod chain;
mod keys;
mod powers;
mod records;
mod snarkjs;
mod support;
