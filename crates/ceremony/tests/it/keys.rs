//! The proving key that comes of a ceremony, and keys that do not.

use std::path::Path;

use aep2_ceremony::{
    CeremonyError,
    key::{check_key, proving_key},
};
use aep2_circuits::witness::Assignment;
use aep2_prover::groth16::{ProvingKey, prove, setup, verify};
use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use rand::rngs::OsRng;

use crate::support::{
    circuits::{CIRCUIT, RandomCircuit},
    stage::Stage,
};

#[test]
fn a_ceremony_s_key_proves_what_it_should_and_nothing_else() {
    for circuit in [
        CIRCUIT,
        RandomCircuit { seed: 1, public: 0, constraints: 1 },
        RandomCircuit { seed: 3, public: 1, constraints: 30 },
        RandomCircuit { seed: 9, public: 2, constraints: 125 },
    ] {
        let stage = Stage::new(circuit, 8);
        stage.run();
        let state = stage.verify("last.zkey").unwrap();
        let key = proving_key(&circuit, &state, &()).unwrap();
        check_key(&circuit, &state, &key, Path::new("key"), &()).unwrap();

        let assignment = Assignment::of(&circuit);
        let inputs = assignment.public_inputs().to_vec();
        // It is verified before it is handed out, and here again.
        let (proof, _) = prove(&key, assignment.clone(), &mut OsRng, &()).unwrap();
        assert!(verify(&key.verifying_key, &inputs, &proof));
        let mut broken = assignment;
        let last = broken.z.len() - 1;
        broken.z[last] += ark_bn254::Fr::from(1u64);
        broken.a[0] += ark_bn254::Fr::from(1u64);
        prove(&key, broken, &mut OsRng, &()).unwrap_err();
    }
}

#[test]
fn a_key_to_which_nobody_contributed_is_none() {
    let stage = Stage::new(CIRCUIT, 6);
    let state = stage.verify("initial.zkey").unwrap();
    let error = proving_key(&CIRCUIT, &state, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::Known { secret: "δ", .. }), "{error}");
}

/// What is said of a ceremony's key that was altered.
fn altered(alter: impl FnOnce(&mut ProvingKey)) -> CeremonyError {
    let stage = Stage::finished();
    let state = stage.verify("last.zkey").unwrap();
    let mut key = proving_key(&CIRCUIT, &state, &()).unwrap();
    alter(&mut key);
    check_key(&CIRCUIT, &state, &key, Path::new("key"), &()).unwrap_err()
}

#[test]
fn a_hand_made_verifying_key_is_refused() {
    let generator = G2Affine::generator();
    for delta in [generator, -generator] {
        let error = altered(|key| key.verifying_key.delta_g2 = delta);
        assert!(matches!(error, CeremonyError::Known { secret: "δ", .. }), "{error}");
    }
    let error = altered(|key| key.verifying_key.gamma_g2 = key.verifying_key.delta_g2);
    assert!(matches!(error, CeremonyError::Known { secret: "δ", .. }), "{error}");
    let twice = (generator + generator).into_affine();
    for alter in [
        (|key, point| key.verifying_key.gamma_g2 = point) as fn(&mut ProvingKey, G2Affine),
        |key, point| key.verifying_key.delta_g2 = point,
        |key, point| key.verifying_key.beta_g2 = point,
        |key, _| key.verifying_key.alpha_g1 = G1Affine::generator(),
        |key, _| key.verifying_key.gamma_abc_g1.swap(1, 2),
        |key, _| key.verifying_key.gamma_abc_g1.truncate(3),
    ] {
        let error = altered(|key| alter(key, twice));
        let expected = matches!(error, CeremonyError::OtherPoints { section: "verifying key", .. });
        assert!(expected, "{error}");
    }
}

#[test]
fn a_wrong_point_anywhere_in_a_proving_key_is_found() {
    let other = G1Affine::generator();
    type Alter = fn(&mut ProvingKey, G1Affine);
    let alterations: [(&str, Alter); 11] = [
        ("β, δ", |key, other| key.beta_g1 = other),
        ("β, δ", |key, other| key.delta_g1 = other),
        ("A", |key, other| key.a.points[2] = other),
        ("A", |key, _| key.a.variables[2] += 1),
        ("B", |key, other| key.b_g1.points[1] = other),
        ("B", |key, _| key.b_g2.points[1] = G2Affine::generator()),
        ("H", |key, other| key.h[31] = other),
        ("L", |key, other| key.l.points[0] = other),
        ("L", |key, _| key.l.points.swap(1, 2)),
        ("L", |key, _| key.l.variables.swap(1, 2)),
        // Off the curve.
        ("L", |key, _| key.l.points[1].x += ark_bn254::Fq::from(1u64)),
    ];
    for (index, (name, alter)) in alterations.into_iter().enumerate() {
        let error = altered(|key| alter(key, other));
        let expected =
            matches!(&error, CeremonyError::OtherPoints { section, .. } if *section == name);
        assert!(expected, "{index}, {name}: {error}");
    }
    let error = altered(|key| key.constraints += 1);
    assert!(matches!(error, CeremonyError::OtherCircuit { .. }), "{error}");
    // A machine's own key.
    let error = altered(|key| *key = setup(&CIRCUIT, &mut OsRng, &()).unwrap());
    assert!(matches!(error, CeremonyError::OtherPoints { .. }), "{error}");
}

/// Another ceremony's key, from the same powers and for the same circuit: δ is another.
#[test]
fn another_ceremony_s_key_is_refused() {
    let stage = Stage::finished();
    stage.contribute("0.zkey", "other.zkey", "somebody");
    let other = proving_key(&CIRCUIT, &stage.verify("other.zkey").unwrap(), &()).unwrap();
    let state = stage.verify("last.zkey").unwrap();
    let error = check_key(&CIRCUIT, &state, &other, Path::new("key"), &()).unwrap_err();
    assert!(matches!(error, CeremonyError::OtherPoints { .. }), "{error}");
}
