//! Tests of the prover, end to end.
#![allow(clippy::unwrap_used, missing_docs)]

mod algebra;
mod circuits;
mod exports;
mod fixture;
mod inclusion;
mod key_files;
mod progress;
mod proofs;
mod segments;
mod window;
