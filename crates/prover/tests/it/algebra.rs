//! The key's algebra against the textbook's: with the same secrets, the key made here and
//! arkworks' hold the same points, and with the same blinding, the proofs are the same points.

use aep2_circuits::{symbolic::Matrices, system::Circuit, witness::Assignment};
use aep2_prover::groth16::{Query, prove_unchecked, setup};
use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::{AffineRepr, PrimeGroup};
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, Result, Variable,
};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::circuits::{RandomCircuit, Square};

/// A circuit in arkworks' terms.
struct Stock {
    matrices: Matrices,
    assignment: Assignment,
}

impl Stock {
    fn of(circuit: &impl Circuit) -> Self {
        Self { matrices: Matrices::of(circuit), assignment: Assignment::of(circuit) }
    }

    /// The three sides, as arkworks keeps them.
    fn sides(&self) -> [Matrix<Fr>; 3] {
        let side = |pick: usize| {
            self.matrices
                .rows
                .iter()
                .map(|(_, a, b, c)| {
                    [a, b, c][pick].terms().iter().map(|(j, factor)| (*factor, *j as usize))
                })
                .map(Iterator::collect)
                .collect()
        };
        [side(0), side(1), side(2)]
    }
}

impl ConstraintSynthesizer<Fr> for Stock {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<()> {
        let mut variables = vec![Variable::One];
        for (index, value) in self.assignment.z.iter().enumerate().skip(1) {
            variables.push(if index <= self.assignment.public {
                system.new_input_variable(|| Ok(*value))?
            } else {
                system.new_witness_variable(|| Ok(*value))?
            });
        }
        for (_, a, b, c) in &self.matrices.rows {
            let [a, b, c] = [a, b, c].map(|side| {
                let terms: Vec<(Fr, Variable)> = side
                    .terms()
                    .iter()
                    .map(|(j, factor)| (*factor, variables[*j as usize]))
                    .collect();
                LinearCombination::from_sum_coeff_vars(&terms)
            });
            system.enforce_r1cs_constraint(|| a, || b, || c)?;
        }
        Ok(())
    }
}

const SECRETS: u64 = 21;
const BLINDING: u64 = 22;

/// Key and proof are the textbook's.
fn agrees(circuit: &impl Circuit) {
    let key = setup(circuit, &mut StdRng::seed_from_u64(SECRETS), &()).unwrap();

    // The set-up draws τ, α, β, γ, δ in this order; arkworks takes the latter and draws τ.
    let mut rng = StdRng::seed_from_u64(SECRETS);
    let mut draw = || Fr::rand(&mut rng);
    let [_, alpha, beta, gamma, delta] = [draw(), draw(), draw(), draw(), draw()];
    let stock = Stock::of(circuit);
    let sides = stock.sides();
    let assignment = stock.assignment.clone();
    let stock_key = Groth16::<Bn254>::generate_parameters_with_qap(
        stock,
        alpha,
        beta,
        gamma,
        delta,
        G1Projective::generator(),
        G2Projective::generator(),
        &mut StdRng::seed_from_u64(SECRETS),
    )
    .unwrap();

    assert_eq!(key.verifying_key, stock_key.vk);
    assert_eq!((key.beta_g1, key.delta_g1), (stock_key.beta_g1, stock_key.delta_g1));
    assert_eq!(key.a, present(&stock_key.a_query));
    assert_eq!(key.b_g1, present(&stock_key.b_g1_query));
    assert_eq!(key.b_g2, present(&stock_key.b_g2_query));

    // What remains, L and H, differs by design. Both are judged by what they come to.
    let mut rng = StdRng::seed_from_u64(BLINDING);
    let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
    let stock_proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
        &stock_key,
        r,
        s,
        &sides,
        1 + assignment.public,
        assignment.a.len(),
        &assignment.z,
    )
    .unwrap();
    let mut rng = StdRng::seed_from_u64(BLINDING);
    let (proof, _) = prove_unchecked(&key, assignment, &mut rng, &()).unwrap();
    assert_eq!(proof, stock_proof);
}

/// The points that are not infinity, with their variables.
fn present<G: AffineRepr>(points: &[G]) -> Query<G> {
    let present = points.iter().enumerate().filter(|(_, point)| !point.is_zero());
    let (variables, points) = present.map(|(index, point)| (index as u32, *point)).unzip();
    Query { variables, points }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_circuits_agree(
        seed: u64,
        public in 0usize..5,
        idle in 0usize..4,
        constraints in 1usize..70,
    ) {
        agrees(&RandomCircuit { seed, public, idle, constraints, broken: None });
    }
}

#[test]
fn full_and_overflowing_domains_agree() {
    for constraints in [1, 2, 3, 4, 5, 12, 13, 14, 28, 29, 30, 61, 62] {
        for public in [0, 1, 2] {
            agrees(&RandomCircuit { seed: 5, public, idle: 1, constraints, broken: None });
        }
    }
}

#[test]
fn public_inputs_on_the_c_side_agree() {
    agrees(&Square(5));
}
