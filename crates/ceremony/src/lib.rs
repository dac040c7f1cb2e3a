//! Keys that nobody has to trust.
//!
//! Whoever knows a key's secrets forges proofs. A *ceremony* makes the secrets from many people's: they
//! are unknown if one of these people forgot, or never looked at, his own. It has two phases. Phase 1,
//! the powers of a τ, is the same for all circuits and is public already; phase 2 is for one circuit.
//!
//! The files are snarkjs's: a `.ptau` for phase 1, a `.zkey` for every state of phase 2. So people can
//! contribute with either program, and check with both.
//!
//! - [`begin`](begin::begin), [`announce`](contribute::announce), [`contribute`](contribute::contribute),
//!   [`close`](contribute::close) with a beacon; [`verify`](verify::verify): the steps of phase 2;
//! - [`finish`](finish::finish), [`key`]: the proving key in this project's form, which has other points,
//!   and whether it belongs to a ceremony;
//! - [`plan`], [`announcement`], [`attestation`], [`transcript`]: what was announced, and how the ceremony is
//!   bound to it; what contributors sign; the record of it all, whose hash a finished key names;
//! - [`ptau`], [`known_powers`], [`zkey`], [`contribution`]: what is in the files, and what is checked;
//! - [`entropy`]: what a contributor types;
//! - [`points`], [`snarkjs_random`]: how snarkjs writes points, and how it draws them;
//! - [`r1cs`], [`wtns`]: the constraint system and a witness, for other provers.
//!
//! # One power of τ more
//!
//! The proving key of [`aep2_prover::groth16`] needs `τⁱ·Z(τ)/δ` for `i` up to `n − 1`, where a textbook
//! key ends at `n − 2`. Section 9 of a `.zkey` holds, for a domain of `n` rows, the Lagrange polynomials
//! of the `n` odd roots of the doubled domain, which have the degree `2n − 1`. When the powers of τ are of
//! the domain's own size, their last coefficient is missing, and snarkjs takes zero for it; when they are
//! larger, nothing is missing. So ceremonies here demand powers of the next size.

mod binary_file;
mod columns;
mod hash;
mod sealed_file;
mod text_file;

pub mod announcement;
pub mod attestation;
pub mod begin;
pub mod beginning;
pub mod circuit;
pub mod contribute;
pub mod contribution;
pub mod entropy;
pub mod error;
pub mod finish;
pub mod key;
pub mod known_powers;
pub mod plan;
pub mod points;
pub mod progress;
pub mod ptau;
pub mod r1cs;
pub mod snarkjs_random;
pub mod transcript;
pub mod verify;
pub mod wtns;
pub mod zkey;

pub use self::{error::CeremonyError, hash::Hash};
