//! snarkjs on the other side: what either program makes, the other accepts.

use std::{fs, path::Path};

use aep2_ceremony::{
    beginning::check_beginning, key::proving_key, ptau::Ptau, r1cs::write_r1cs, wtns::write_wtns,
    zkey::Zkey,
};
use aep2_circuits::{Shape, statement::Statement, system::Circuit, witness::Assignment};
use aep2_prover::{
    export::snarkjs::{ProofJson, inputs_from_json},
    groth16::{Proof, prove, verify},
};
use rand::rngs::OsRng;

use crate::support::{
    circuits::{CIRCUIT, Squares},
    powers::{self, Secrets},
    snarkjs::snarkjs,
    stage::{EXPONENT, Stage, VALUE},
};

#[test]
fn snarkjs_accepts_our_powers_of_tau_and_prepares_them_as_we_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    powers::write(&path("ours.ptau"), 4, &Secrets::new(7), true);
    assert!(snarkjs("verify-ptau", &[&path("ours.ptau")]));

    powers::write(&path("raw.ptau"), 4, &Secrets::new(7), false);
    assert!(snarkjs("prepare-ptau", &[&path("raw.ptau"), &path("prepared.ptau")]));
    assert_eq!(fs::read(path("prepared.ptau")).unwrap(), fs::read(path("ours.ptau")).unwrap());
}

/// The whole way with powers that snarkjs made, and contributions of both in turn.
#[test]
fn people_with_snarkjs_and_people_with_this_program_run_one_ceremony() {
    let mut stage = Stage::new(CIRCUIT, 6);
    assert!(snarkjs("new-ptau", &[&stage.path("powers.ptau"), &"6"]));
    assert!(snarkjs("verify-ptau", &[&stage.path("powers.ptau")]));
    stage.begin();
    let path = |name: &str| stage.path(name);

    let accepted_by_snarkjs = |name: &str| {
        let (constraints, powers) = (path("circuit.r1cs"), path("powers.ptau"));
        snarkjs("verify-zkey", &[&constraints, &powers, &path(name)])
    };
    // The plan's contribution is a beacon to snarkjs, and one that need not be the last.
    assert!(accepted_by_snarkjs("0.zkey"));
    stage.contribute("0.zkey", "1.zkey", "ours, the first");
    assert!(accepted_by_snarkjs("1.zkey"));
    assert!(snarkjs("contribute", &[&path("1.zkey"), &path("2.zkey"), &"theirs", &"theirs too"]));
    stage.verify("2.zkey").unwrap();
    stage.contribute("2.zkey", "3.zkey", "ours again");
    assert!(accepted_by_snarkjs("3.zkey"));

    // Either closes it, with the same secret for the same value.
    stage.close("3.zkey", "ours.zkey");
    assert!(accepted_by_snarkjs("ours.zkey"));
    let value: String = VALUE.iter().map(|byte| format!("{byte:02x}")).collect();
    let exponent = EXPONENT.to_string();
    assert!(snarkjs("beacon", &[&path("3.zkey"), &path("theirs.zkey"), &value, &exponent]));
    let theirs = stage.verify("theirs.zkey").unwrap();
    let ours = stage.verify("ours.zkey").unwrap();
    assert_eq!(theirs.zkey().header, ours.zkey().header);
    let names: Vec<Option<&str>> = theirs
        .zkey()
        .chain
        .contributions
        .iter()
        .map(|contribution| contribution.name.as_deref())
        .collect();
    let expected = ["the plan", "ours, the first", "theirs", "ours again", "the beacon"];
    assert_eq!(names, expected.map(Some));

    prove_with_both(&stage, "ours.zkey");
}

/// snarkjs proves with the ceremony's file, this project with the key that it makes of it, and both
/// proofs verify under one verifying key.
fn prove_with_both<C: Circuit>(stage: &Stage<C>, last: &str) {
    let state = stage.verify(last).unwrap();
    let key = proving_key(&stage.circuit, &state, &()).unwrap();
    let assignment = Assignment::of(&stage.circuit);
    let inputs = assignment.public_inputs().to_vec();

    let path = |name: &str| stage.path(name);
    write_wtns(&assignment, &path("witness.wtns")).unwrap();
    assert!(snarkjs("check-witness", &[&path("circuit.r1cs"), &path("witness.wtns")]));
    let [proof, public] = [path("proof.json"), path("public.json")];
    assert!(snarkjs("prove", &[&path(last), &path("witness.wtns"), &proof, &public]));
    let json: ProofJson = read_json(&proof);
    let theirs = Proof::try_from(&json).unwrap();
    assert_eq!(inputs_from_json(&read_json::<Vec<String>>(&public)).unwrap(), inputs);
    assert!(verify(&key.verifying_key, &inputs, &theirs));

    let (ours, _) = prove(&key, assignment, &mut OsRng, &()).unwrap();
    assert!(verify(&key.verifying_key, &inputs, &ours));
    let mut others = inputs;
    others[0] += ark_bn254::Fr::from(1u64);
    assert!(!verify(&key.verifying_key, &others, &theirs));
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn from_the_same_circuit_and_powers_snarkjs_begins_with_the_same_bytes() {
    let stage = Stage::new(CIRCUIT, 6);
    let theirs = stage.path("theirs.zkey");
    assert!(snarkjs("setup", &[&stage.path("circuit.r1cs"), &stage.path("powers.ptau"), &theirs]));
    assert_eq!(fs::read(&theirs).unwrap(), fs::read(stage.path("initial.zkey")).unwrap());
}

/// From 2^15 rows on, snarkjs hashes a power more.
#[test]
fn a_large_domain_has_snarkjs_s_circuit_hash_too() {
    let stage = Stage::new(Squares((1 << 14) + 1), 16);
    let theirs = stage.path("theirs.zkey");
    assert!(snarkjs("setup", &[&stage.path("circuit.r1cs"), &stage.path("powers.ptau"), &theirs]));
    let hash =
        check_beginning(&stage.circuit, &stage.ptau(), &Zkey::open(&theirs).unwrap(), &()).unwrap();
    assert_eq!(hash, stage.zkey("initial.zkey").chain.circuit_hash);
}

/// The smallest shape there is, from powers to proofs.
#[test]
fn the_settlement_circuit_goes_the_whole_way() {
    let statement = Statement::blank(Shape::new(1, 1, false).unwrap());
    let stage = Stage::new(statement, 14);
    stage.contribute("0.zkey", "1.zkey", "the only one");
    stage.close("1.zkey", "last.zkey");
    let (constraints, powers) = (stage.path("circuit.r1cs"), stage.path("powers.ptau"));
    assert!(snarkjs("verify-zkey", &[&constraints, &powers, &stage.path("last.zkey")]));
    stage.verify("last.zkey").unwrap();
}

#[test]
fn snarkjs_refuses_what_we_refuse() {
    let stage = Stage::finished();
    let (constraints, powers) = (stage.path("circuit.r1cs"), stage.path("powers.ptau"));
    let accepted = |name: &str| snarkjs("verify-zkey", &[&constraints, &powers, &stage.path(name)]);
    assert!(accepted("last.zkey"));
    // Another circuit's constraints.
    let other = stage.path("other.r1cs");
    write_r1cs(&crate::support::circuits::RandomCircuit { seed: 5, ..CIRCUIT }, &other).unwrap();
    assert!(!snarkjs("verify-zkey", &[&other, &powers, &stage.path("last.zkey")]));
    // Points that were divided by another δ.
    let mut parts = crate::support::bytes::Parts::read(&stage.path("last.zkey"));
    let mut before = crate::support::bytes::Parts::read(&stage.path("2.zkey"));
    *parts.section(8) = before.section(8).clone();
    parts.write(&stage.path("mixed.zkey"));
    assert!(!accepted("mixed.zkey"));
    assert!(stage.verify("mixed.zkey").is_err());
}

#[test]
fn snarkjs_reads_the_constraint_system_as_it_is() {
    let stage = Stage::new(CIRCUIT, 6);
    let out = stage.path("info.json");
    assert!(snarkjs("info", &[&stage.path("circuit.r1cs"), &out]));
    let info: serde_json::Value = read_json(&out);
    // The constant one, three public inputs, an idle variable, twenty products.
    assert_eq!(
        info,
        serde_json::json!({
            "nVars": 25, "nOutputs": 0, "nPubInputs": 3, "nPrvInputs": 21, "nConstraints": 20,
        })
    );
}

#[test]
fn powers_of_another_curve_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.ptau");
    assert!(snarkjs("new-ptau-of-another-curve", &[&path, &"4"]));
    let error = Ptau::open(&path).unwrap_err();
    assert!(matches!(error, aep2_ceremony::CeremonyError::OtherCurve { .. }), "{error}");
}
