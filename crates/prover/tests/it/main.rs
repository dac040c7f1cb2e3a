//! Tests of the prover, end to end.
#![allow(clippy::unwrap_used, missing_docs)]

mod algebra;
mod circuits;
mod proofs;
