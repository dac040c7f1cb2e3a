//! Proving.

use std::time::{Duration, Instant};

use aep2_circuits::witness::Assignment;
use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ff::{FftField, PrimeField, UniformRand, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;

use super::{
    key::ProvingKey,
    msm::{Scalar, msm},
    verify::{Proof, verify},
};
use crate::progress::{Progress, Stage};

/// Why there is no proof.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProveError {
    /// The assignment is one of another circuit.
    #[error(
        "the key is for a circuit of {expected:?} (variables, public inputs, constraints), the \
         assignment has {found:?}; load the key of the batch's shape"
    )]
    OtherCircuit {
        /// The key's variables, public inputs and constraints.
        expected: (usize, usize, usize),
        /// The assignment's.
        found: (usize, usize, usize),
    },
    /// The finished proof does not verify: the assignment breaks a constraint, or the key's points
    /// are damaged.
    #[error("the assignment does not satisfy the circuit, or the proving key is damaged")]
    DoesNotVerify,
}

/// How long each step of a proof took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// The values of the quotient.
    pub fft: Duration,
    /// The sum of A, in G1.
    pub msm_a: Duration,
    /// The sum of B, in G1.
    pub msm_b_g1: Duration,
    /// The sum of B, in G2.
    pub msm_b_g2: Duration,
    /// The sum of L.
    pub msm_l: Duration,
    /// The sum of H.
    pub msm_h: Duration,
    /// Everything from the assignment to the proof, without checking it.
    pub total: Duration,
}

/// Proves that the assignment satisfies the circuit of `key`, and verifies the proof before
/// handing it out. The proof is blinded: it shows nothing of the witness, and no two are alike.
///
/// # Errors
/// [`ProveError::OtherCircuit`] when assignment and key do not belong together, and
/// [`ProveError::DoesNotVerify`] when the assignment breaks a constraint.
pub fn prove(
    key: &ProvingKey,
    assignment: Assignment,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &dyn Progress,
) -> Result<(Proof, Timings), ProveError> {
    let public_inputs = assignment.public_inputs().to_vec();
    let (proof, timings) = prove_unchecked(key, assignment, rng, progress)?;
    progress.stage(Stage::ProveCheck, 0, 1);
    if !verify(&key.verifying_key, &public_inputs, &proof) {
        return Err(ProveError::DoesNotVerify);
    }
    progress.stage(Stage::ProveCheck, 1, 1);
    Ok((proof, timings))
}

/// Like [`prove`], without verifying: from an assignment that breaks a constraint comes a proof
/// that does not verify.
///
/// # Errors
/// [`ProveError::OtherCircuit`] when assignment and key do not belong together.
pub fn prove_unchecked(
    key: &ProvingKey,
    assignment: Assignment,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &dyn Progress,
) -> Result<(Proof, Timings), ProveError> {
    let expected = (key.variables as usize, key.public(), key.constraints as usize);
    let found = (assignment.z.len(), assignment.public, assignment.a.len());
    if expected != found || assignment.b.len() != found.2 {
        return Err(ProveError::OtherCircuit { expected, found });
    }
    let (r, s) = (Fr::rand(rng), Fr::rand(rng));

    let started = Instant::now();
    let mut timings = Timings::default();
    let step = Steps { progress };

    let Assignment { z, a, b, public } = assignment;
    let w = step.run(Stage::ProveFft, &mut timings.fft, || {
        products_on_coset(a, b, &z[..=public], key.domain_size())
    });
    let z: Vec<Scalar> = z.into_par_iter().map(PrimeField::into_bigint).collect();

    let vk = &key.verifying_key;
    let a = step
        .run(Stage::ProveA, &mut timings.msm_a, || key.a.sum(&z) + vk.alpha_g1 + key.delta_g1 * r);
    let b_g1 = step.run(Stage::ProveBG1, &mut timings.msm_b_g1, || {
        key.b_g1.sum(&z) + key.beta_g1 + key.delta_g1 * s
    });
    let b_g2 = step.run(Stage::ProveBG2, &mut timings.msm_b_g2, || {
        key.b_g2.sum(&z) + vk.beta_g2 + vk.delta_g2 * s
    });
    let l = step.run(Stage::ProveL, &mut timings.msm_l, || key.l.sum(&z));
    let h = step.run(Stage::ProveH, &mut timings.msm_h, || msm(&key.h, &w));
    let c = l + h + a * s + b_g1 * r - key.delta_g1 * (r * s);

    timings.total = started.elapsed();
    let proof = Proof { a: a.into_affine(), b: b_g2.into_affine(), c: c.into_affine() };
    Ok((proof, timings))
}

/// Runs steps, reports and times them.
struct Steps<'a> {
    progress: &'a dyn Progress,
}

impl Steps<'_> {
    fn run<T>(&self, stage: Stage, took: &mut Duration, work: impl FnOnce() -> T) -> T {
        self.progress.stage(stage, 0, 1);
        let started = Instant::now();
        let result = work();
        *took = started.elapsed();
        self.progress.stage(stage, 1, 1);
        result
    }
}

/// The values of `a·b` on the coset `gH`, from those of `a` and `b` on `H`: the constraints' first,
/// then `bound` on the side of `a`, the rows that bind the constant one and the public inputs.
fn products_on_coset(mut a: Vec<Fr>, mut b: Vec<Fr>, bound: &[Fr], rows: usize) -> Vec<Scalar> {
    let domain = Radix2EvaluationDomain::<Fr>::new(rows).expect("a key's domain is one");
    let shift = Fr::get_root_of_unity(2 * rows as u64).expect("a key's domain has twice the roots");
    let coset = domain.get_coset(shift).expect("a root of unity is not zero");
    a.extend_from_slice(bound);
    for values in [&mut a, &mut b] {
        values.resize(rows, Fr::zero());
        domain.ifft_in_place(values);
        coset.fft_in_place(values);
    }
    a.par_iter().zip(&b).map(|(a, b)| (*a * b).into_bigint()).collect()
}
