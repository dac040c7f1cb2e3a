//! Groth16 over BN254: a proof system with proofs of three points and verification by three
//! pairings (Jens Groth, "On the Size of Pairing-based Non-interactive Arguments", 2016).
//!
//! Verifying keys, proofs and the verification equation are the standard ones; stock verifiers
//! and on-chain ones take them as they are. The proving key is not the usual one.
//!
//! # Why a proof needs only four Fourier transforms
//!
//! A circuit's constraints `aᵢ · bᵢ = cᵢ` live on the *domain* `H` of `n` roots of unity, one row
//! for each root. Let `a`, `b`, `c` be the polynomials of degree below `n` with those values, and
//! `Z = Xⁿ − 1`, which vanishes on `H`. The constraints hold if and only if `a·b = c + Z·h` for
//! some polynomial `h`, then of degree `n − 2` at most, and the prover owes a multiple of
//! `h(τ)·Z(τ)/δ`.
//!
//! The textbook computes `h`'s coefficients, by seven transforms. Here, let `g` be a primitive
//! 2n-th root of unity. On the coset `gH` then `Xⁿ = gⁿ = −1`, so `Z = −2` there. Let `w` be the
//! polynomial of degree below `n` that takes the values `a·b` on `gH`. The polynomials `w` and
//! `c − 2h` agree on `gH`, that is at `n` points, and both have degrees below `n`: they are equal.
//! Hence `h = (c − w)/2`, and
//!
//! ```text
//! h(τ)·Z(τ)/δ  =  ½ Σⱼ zⱼ · Cⱼ(τ)·Z(τ)/δ  −  ½ Σᵢ wᵢ · ℓᵢ(τ)·Z(τ)/δ
//! ```
//!
//! where `z` is the assignment, `Cⱼ` the polynomial of variable `j` on the C side (so that
//! `c = Σⱼ zⱼ·Cⱼ`), `wᵢ = a(xᵢ)·b(xᵢ)` at the i-th point `xᵢ` of `gH`, and `ℓᵢ` the Lagrange basis
//! of `gH`. The first sum is linear in the assignment and becomes part of the key's `L` points.
//! The second is taken with the key's `H` points, and needs the values of `a` and `b` on `gH`: one
//! inverse and one forward transform for each, and nothing at all for `c`.
//!
//! # Why the key gives nothing away
//!
//! Every changed point is a public linear combination of points of the usual key, if that has
//! `τⁱ·Z(τ)/δ` for `i` up to `n − 1`: the `ℓᵢ` and the `Cⱼ` are known polynomials of degrees below
//! `n`. Soundness rests on `a·b − c` being divisible by `Z`, whatever the degree of the quotient.
//! (`−½·ℓᵢ·Z` is the Lagrange polynomial of the i-th odd point of the domain of size 2n: keys in
//! snarkjs's format hold the same `H` points.)

mod affine;
mod digits;
mod fixed_base;
mod key;
pub mod msm;
mod prove;
mod setup;
mod verify;
#[cfg(target_arch = "x86_64")]
mod wide;

pub(crate) use self::key::domain_size;
pub use self::{
    affine::CoordinateField,
    key::{ProvingKey, Query, VerifyingKey},
    prove::{ProveError, Timings, prove, prove_unchecked},
    setup::{SetupError, setup},
    verify::{PreparedVerifyingKey, Proof, is_forgeable, verify},
};
