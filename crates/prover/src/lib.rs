//! Proving windows of mandates: Groth16 over BN254 for the settlement circuit.
//!
//! - [`window`]: what is handed in, and what makes it unprovable; [`arrange`]: how chains become
//!   lanes, and lanes segments; [`blinding`]: what hides the segments;
//! - [`prover`]: one shape's key and its proofs; [`proven`]: a proven batch, and verifying it;
//! - [`groth16`]: set-up, proofs and verification for any circuit written against
//!   [`aep2_circuits::system`]; [`key_file`]: keys on disk; [`export`]: the formats of others;
//! - [`progress`]: watching long work; [`sample`]: windows for benchmarks and demonstrations.

pub mod arrange;
pub mod blinding;
pub mod export;
pub mod groth16;
pub mod key_file;
pub mod progress;
pub mod proven;
pub mod prover;
pub mod sample;
pub mod window;

/// The example in the documentation compiles and holds.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/library.md")]
struct Library;
