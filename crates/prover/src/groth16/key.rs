//! What a prover and a verifier hold.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::FftField;

use super::{
    affine::CoordinateField,
    msm::{Scalar, msm_by},
};

/// A verifying key.
pub type VerifyingKey = ark_groth16::VerifyingKey<Bn254>;

/// Points to be multiplied by variables' values. Variables whose point would be infinity are
/// left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<G> {
    /// The variables, as indices into the assignment, ascending.
    pub variables: Vec<u32>,
    /// For each of `variables`, its point.
    pub points: Vec<G>,
}

impl<P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>> Query<Affine<P>> {
    /// `Σ values[variable] · point`, for the values of all variables.
    pub(super) fn sum(&self, values: &[Scalar]) -> Projective<P> {
        msm_by(&self.points, |index| values[self.variables[index] as usize])
    }
}

/// A proving key. Its points are explained in [the module](super); `Aⱼ`, `Bⱼ`, `Cⱼ` are the
/// polynomials of variable `j`, and α, β, γ, δ, τ the set-up's secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvingKey {
    /// The key that verifies this key's proofs.
    pub verifying_key: VerifyingKey,
    /// How many variables the circuit has: the constant one, the public inputs, the witness.
    pub variables: u32,
    /// How many constraints the circuit has, without the rows that bind the public inputs.
    pub constraints: u32,
    /// β in G1.
    pub beta_g1: G1Affine,
    /// δ in G1.
    pub delta_g1: G1Affine,
    /// `Aⱼ(τ)`.
    pub a: Query<G1Affine>,
    /// `Bⱼ(τ)` in G1.
    pub b_g1: Query<G1Affine>,
    /// `Bⱼ(τ)` in G2, of the same variables.
    pub b_g2: Query<G2Affine>,
    /// `(β·Aⱼ(τ) + α·Bⱼ(τ) + Cⱼ(τ) + ½·Cⱼ(τ)·Z(τ))/δ` for witness variables. For the constant one
    /// and the public inputs only `½·Cⱼ(τ)·Z(τ)/δ`: the verifier adds the rest itself.
    pub l: Query<G1Affine>,
    /// `−½·ℓᵢ(τ)·Z(τ)/δ` for every row i of the domain.
    pub h: Vec<G1Affine>,
}

impl ProvingKey {
    /// How many public inputs there are, the constant one not among them.
    pub fn public(&self) -> usize {
        self.verifying_key.gamma_abc_g1.len() - 1
    }

    /// Rows of the domain: a power of two.
    pub fn domain_size(&self) -> usize {
        self.h.len()
    }
}

/// The size of the domain that holds `constraints` and the rows that bind the constant one and
/// the public inputs. None when it, doubled, has no roots of unity in the field.
pub(crate) fn domain_size(constraints: usize, public: usize) -> Option<usize> {
    let size = (constraints + public + 1).checked_next_power_of_two()?;
    (size.trailing_zeros() < Fr::TWO_ADICITY).then_some(size)
}
