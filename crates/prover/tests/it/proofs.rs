//! Proofs verify with other people's verifier, and only where they should.

use aep2_circuits::{system::Circuit, witness::Assignment};
use aep2_prover::groth16::{
    Proof, ProveError, ProvingKey, VerifyingKey, prove, prove_unchecked, setup, verify,
};
use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::circuits::{Nothing, RandomCircuit, Square};

fn key_of(circuit: &impl Circuit) -> ProvingKey {
    setup(circuit, &mut StdRng::seed_from_u64(7), &()).unwrap()
}

fn proof_of(key: &ProvingKey, circuit: &impl Circuit, seed: u64) -> Proof {
    let mut rng = StdRng::seed_from_u64(seed);
    prove_unchecked(key, Assignment::of(circuit), &mut rng, &()).unwrap().0
}

fn inputs_of(circuit: &impl Circuit) -> Vec<Fr> {
    Assignment::of(circuit).public_inputs().to_vec()
}

/// The stock verifier's word.
fn stock_accepts(key: &VerifyingKey, inputs: &[Fr], proof: &Proof) -> bool {
    let prepared = ark_groth16::prepare_verifying_key(key);
    Groth16::<Bn254>::verify_proof(&prepared, proof, inputs).unwrap()
}

/// The circuit proves and verifies; another proof is another; every public input matters; so does
/// every product of the witness.
fn behaves(circuit: &RandomCircuit) {
    let key = key_of(circuit);
    let inputs = inputs_of(circuit);
    let proof = proof_of(&key, circuit, 1);
    assert!(stock_accepts(&key.verifying_key, &inputs, &proof), "an honest proof verifies");
    assert!(verify(&key.verifying_key, &inputs, &proof));

    let again = proof_of(&key, circuit, 2);
    assert!(stock_accepts(&key.verifying_key, &inputs, &again));
    assert!(again.a != proof.a && again.b != proof.b && again.c != proof.c, "blinded");

    for wrong in 0..inputs.len() {
        let mut inputs = inputs.clone();
        inputs[wrong] += Fr::from(1u64);
        assert!(!stock_accepts(&key.verifying_key, &inputs, &proof), "wrong public input {wrong}");
    }
    for broken in [0, circuit.constraints / 2, circuit.constraints - 1] {
        let cheat = RandomCircuit { broken: Some(broken), ..circuit.clone() };
        let proof = proof_of(&key, &cheat, 3);
        assert!(!stock_accepts(&key.verifying_key, &inputs, &proof), "broken constraint {broken}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_circuits_prove(
        seed: u64,
        public in 0usize..5,
        idle in 0usize..4,
        constraints in 1usize..70,
    ) {
        behaves(&RandomCircuit { seed, public, idle, constraints, broken: None });
    }
}

#[test]
fn domains_that_are_just_full_or_just_overflow_prove() {
    // Rows are constraints, public inputs and the constant one.
    for constraints in [1, 2, 3, 4, 5, 12, 13, 14, 28, 29, 30, 61, 62] {
        for public in [0, 1, 2] {
            behaves(&RandomCircuit { seed: 11, public, idle: 1, constraints, broken: None });
        }
    }
}

#[test]
fn a_circuit_that_demands_nothing_proves() {
    let key = key_of(&Nothing);
    assert!(stock_accepts(&key.verifying_key, &[], &proof_of(&key, &Nothing, 1)));
}

#[test]
fn a_public_input_outside_every_a_side_is_bound() {
    let key = key_of(&Square(5));
    let proof = proof_of(&key, &Square(5), 1);
    let inputs = |y: u64, z: u64| [Fr::from(y), Fr::from(z)];
    assert!(stock_accepts(&key.verifying_key, &inputs(25, 25), &proof));
    assert!(!stock_accepts(&key.verifying_key, &inputs(25, 26), &proof));
    assert!(!stock_accepts(&key.verifying_key, &inputs(26, 25), &proof));
}

#[test]
fn the_number_of_public_inputs_must_be_right() {
    // The equation takes missing inputs for zeros: a proof for x = y = z = 0 is the trap.
    let key = key_of(&Square(0));
    let proof = proof_of(&key, &Square(0), 1);
    let zero = Fr::from(0u64);
    assert!(verify(&key.verifying_key, &[zero, zero], &proof));
    assert!(!verify(&key.verifying_key, &[zero], &proof));
    assert!(!verify(&key.verifying_key, &[], &proof));
    assert!(!verify(&key.verifying_key, &[zero, zero, zero], &proof));
}

#[test]
fn no_proof_is_handed_out_that_does_not_verify() {
    let honest = RandomCircuit { seed: 1, public: 2, idle: 0, constraints: 9, broken: None };
    let key = key_of(&honest);
    let mut rng = StdRng::seed_from_u64(1);
    let cheat = RandomCircuit { broken: Some(4), ..honest.clone() };
    let (proof, timings) = prove(&key, Assignment::of(&honest), &mut rng, &()).unwrap();
    assert!(verify(&key.verifying_key, &inputs_of(&honest), &proof));
    assert!(timings.total >= timings.fft + timings.msm_h);
    let refused = prove(&key, Assignment::of(&cheat), &mut rng, &());
    assert_eq!(refused.unwrap_err(), ProveError::DoesNotVerify);
}

#[test]
fn an_assignment_of_another_circuit_is_refused() {
    let circuit = RandomCircuit { seed: 1, public: 2, idle: 0, constraints: 9, broken: None };
    let key = key_of(&circuit);
    let mut rng = StdRng::seed_from_u64(1);
    for other in [
        RandomCircuit { public: 1, ..circuit.clone() },
        RandomCircuit { idle: 1, ..circuit.clone() },
        RandomCircuit { constraints: 10, ..circuit.clone() },
        RandomCircuit { public: 3, idle: 0, constraints: 8, ..circuit.clone() },
    ] {
        let refused = prove_unchecked(&key, Assignment::of(&other), &mut rng, &());
        assert!(matches!(refused, Err(ProveError::OtherCircuit { .. })), "{other:?}");
    }
}

#[test]
fn a_seed_fixes_the_key() {
    let circuit = RandomCircuit { seed: 1, public: 2, idle: 3, constraints: 40, broken: None };
    assert_eq!(key_of(&circuit), key_of(&circuit));
    let other = setup(&circuit, &mut StdRng::seed_from_u64(8), &()).unwrap();
    assert_ne!(key_of(&circuit), other);
}
