//! What other software reads, and what is read from it.

use std::{path::PathBuf, process::Command};

use aep2_circuits::witness::Assignment;
use aep2_prover::{
    export::{ReadError, calldata, canonical, snarkjs},
    groth16::{Proof, VerifyingKey, prove, setup},
};
use alloy_primitives::U256;
use ark_bn254::{Fq, Fq2, Fr, G2Affine};
use ark_ec::short_weierstrass::Affine;
use ark_ff::{PrimeField, UniformRand};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::circuits::RandomCircuit;

fn proved() -> (VerifyingKey, Vec<Fr>, Proof) {
    let circuit = RandomCircuit { seed: 4, public: 3, idle: 1, constraints: 20, broken: None };
    let mut rng = StdRng::seed_from_u64(1);
    let key = setup(&circuit, &mut rng, &()).unwrap();
    let assignment = Assignment::of(&circuit);
    let inputs = assignment.public_inputs().to_vec();
    let (proof, _) = prove(&key, assignment, &mut rng, &()).unwrap();
    (key.verifying_key, inputs, proof)
}

#[test]
fn proofs_and_inputs_come_back_as_they_were() {
    let (_, inputs, proof) = proved();
    assert_eq!(canonical::proof_from_bytes(&canonical::proof_to_bytes(&proof)).unwrap(), proof);
    assert_eq!(calldata::proof_from_words(&calldata::proof_to_words(&proof)).unwrap(), proof);
    assert_eq!(calldata::proof_from_bytes(&calldata::proof_to_bytes(&proof)).unwrap(), proof);
    let json = serde_json::to_string(&snarkjs::ProofJson::from(&proof)).unwrap();
    let json: snarkjs::ProofJson = serde_json::from_str(&json).unwrap();
    assert_eq!(Proof::try_from(&json).unwrap(), proof);

    let bytes = canonical::inputs_to_bytes(&inputs);
    assert_eq!(canonical::inputs_from_bytes(&bytes).unwrap(), inputs);
    let words = calldata::inputs_to_words(&inputs);
    assert_eq!(calldata::inputs_from_words(&words).unwrap(), inputs);
    assert_eq!(snarkjs::inputs_from_json(&snarkjs::inputs_to_json(&inputs)).unwrap(), inputs);
}

#[test]
fn words_are_in_the_precompiles_order() {
    let (key, _, proof) = proved();
    let word = |element: Fq| U256::from_limbs(element.into_bigint().0);
    let words = calldata::proof_to_words(&proof);
    let expected = [
        proof.a.x,
        proof.a.y,
        proof.b.x.c1,
        proof.b.x.c0,
        proof.b.y.c1,
        proof.b.y.c0,
        proof.c.x,
        proof.c.y,
    ];
    assert_eq!(words, expected.map(word));
    let bytes = calldata::proof_to_bytes(&proof);
    assert_eq!(bytes[32..64], words[1].to_be_bytes::<32>());
    let words = calldata::verifying_key_to_words(&key);
    assert_eq!(words.len(), 2 + 3 * 4 + 4 * 2);
    assert_eq!(words[2], word(key.beta_g2.x.c1));
    assert_eq!(words[14], word(key.gamma_abc_g1[0].x));
}

#[test]
fn a_verifying_key_comes_back_from_its_words() {
    let (key, ..) = proved();
    let words = calldata::verifying_key_to_words(&key);
    assert_eq!(calldata::verifying_key_from_words(&words).unwrap(), key);

    for length in [0, 1, 2, 14, 15, words.len() - 1] {
        let read = calldata::verifying_key_from_words(&words[..length]);
        assert!(matches!(read, Err(ReadError::Length { .. })), "{length} words");
    }
    for index in 0..words.len() {
        let altered = |word: U256| {
            let mut words = words.clone();
            words[index] = word;
            calldata::verifying_key_from_words(&words)
        };
        assert_eq!(altered(words[index] + modulus()), Err(ReadError::NotAFieldElement), "{index}");
        assert_eq!(altered(words[index] ^ U256::from(1)), Err(ReadError::NotAPoint), "{index}");
    }
}

fn modulus() -> U256 {
    U256::from_limbs(Fq::MODULUS.0)
}

/// A point of the twist that is not in G2.
fn outside_the_group() -> G2Affine {
    let mut rng = StdRng::seed_from_u64(5);
    loop {
        let x = Fq2::rand(&mut rng);
        let point = Affine::get_point_from_x_unchecked(x, false);
        if let Some(point) = point
            && !G2Affine::is_in_correct_subgroup_assuming_on_curve(&point)
        {
            return point;
        }
    }
}

#[test]
fn no_second_spelling_of_a_proof_in_calldata_is_read() {
    let (_, inputs, proof) = proved();
    let words = calldata::proof_to_words(&proof);
    let read = |words: [U256; 8]| calldata::proof_from_words(&words);
    for place in 0..8 {
        let mut other = words;
        other[place] += modulus();
        assert_eq!(read(other), Err(ReadError::NotAFieldElement), "word {place} plus the modulus");
        let mut other = words;
        other[place] ^= U256::from(1);
        assert!(read(other).is_err(), "word {place} off by one");
        let mut other = words;
        other[place] = U256::MAX;
        assert_eq!(read(other), Err(ReadError::NotAFieldElement));
    }
    for point in [0..2, 2..6, 6..8] {
        let mut other = words;
        other[point].fill(U256::ZERO);
        assert_eq!(read(other), Err(ReadError::NotAPoint), "infinity");
    }
    let outside = Proof { b: outside_the_group(), ..proof.clone() };
    assert!(outside.b.is_on_curve());
    assert_eq!(read(calldata::proof_to_words(&outside)), Err(ReadError::NotAPoint));

    let bytes = calldata::proof_to_bytes(&proof);
    for length in (0..bytes.len()).chain([257, 288]) {
        let mut other = bytes.to_vec();
        other.resize(length, 0);
        assert_eq!(
            calldata::proof_from_bytes(&other),
            Err(ReadError::Length { expected: 256, found: length })
        );
    }
    let r = U256::from_limbs(Fr::MODULUS.0);
    let mut words = calldata::inputs_to_words(&inputs);
    words[1] += r;
    assert_eq!(calldata::inputs_from_words(&words), Err(ReadError::NotAFieldElement));
    assert!(calldata::inputs_from_words(&[r - U256::from(1)]).is_ok());
    assert_eq!(calldata::inputs_from_words(&[r]), Err(ReadError::NotAFieldElement));
}

#[test]
fn no_second_spelling_of_a_proof_in_bytes_is_read() {
    let (_, inputs, proof) = proved();
    let bytes = canonical::proof_to_bytes(&proof);
    for bit in 0..8 * bytes.len() {
        let mut other = bytes;
        other[bit / 8] ^= 1 << (bit % 8);
        // Another proof may come out of it, but never this one, and none that reads back
        // differently.
        if let Ok(read) = canonical::proof_from_bytes(&other) {
            assert_ne!(read, proof);
            assert_eq!(canonical::proof_to_bytes(&read), other);
        }
    }
    // Infinity, with something left in the coordinate and without.
    for rest in [0, 1] {
        let mut other = bytes;
        other[..32].fill(0);
        other[0] = rest;
        other[31] = 0x40;
        assert!(canonical::proof_from_bytes(&other).is_err());
    }
    assert!(canonical::proof_from_bytes(&bytes[1..]).is_err());
    assert!(canonical::proof_from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    let outside = Proof { b: outside_the_group(), ..proof };
    assert!(canonical::proof_from_bytes(&canonical::proof_to_bytes(&outside)).is_err());
    let mut bytes = canonical::inputs_to_bytes(&inputs);
    assert!(canonical::inputs_from_bytes(&bytes[1..]).is_err());
    bytes[31] = 0xff;
    assert_eq!(canonical::inputs_from_bytes(&bytes), Err(ReadError::NotAFieldElement));
}

#[test]
fn no_second_spelling_of_a_proof_in_json_is_read() {
    let (_, _, proof) = proved();
    let json = serde_json::to_value(snarkjs::ProofJson::from(&proof)).unwrap();
    let read = |json: Value| {
        let json: snarkjs::ProofJson = serde_json::from_value(json)
            .map_err(|error| ReadError::Malformed(error.to_string()))?;
        Proof::try_from(&json)
    };
    assert_eq!(read(json.clone()), Ok(proof.clone()));
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut json = json.clone();
        edit(&mut json);
        read(json)
    };
    let x = json["pi_a"][0].as_str().unwrap().to_owned();
    let plus_modulus = (x.parse::<U256>().unwrap() + modulus()).to_string();
    for text in
        ["", "-1", "0x1", " 1", "1 ", "+1", "1_0", "a", "1.0", &format!("0{x}"), &plus_modulus]
    {
        for edit in [
            &(|json: &mut Value| json["pi_a"][0] = json!(text)) as &dyn Fn(&mut Value),
            &|json: &mut Value| json["pi_b"][1][0] = json!(text),
        ] {
            assert_eq!(edited(edit), Err(ReadError::NotAFieldElement), "{text:?}");
        }
    }
    let refused = |edit: &dyn Fn(&mut Value)| assert!(edited(edit).is_err());
    refused(&|json| json["pi_a"][2] = json!("2"));
    refused(&|json| json["pi_b"][2][1] = json!("1"));
    refused(&|json| json["pi_a"] = json!(["0", "0", "1"]));
    refused(&|json| json["pi_a"] = json!(["0", "1", "0"]));
    refused(&|json| json["pi_a"] = json!([x.clone(), "1"]));
    refused(&|json| json["pi_a"][0] = json!(1));
    refused(&|json| json["protocol"] = json!("plonk"));
    refused(&|json| json["curve"] = json!("bls12381"));
    refused(&|json| json["more"] = json!(1));
    let outside = Proof { b: outside_the_group(), ..proof };
    let outside = snarkjs::ProofJson::from(&outside);
    assert_eq!(Proof::try_from(&outside), Err(ReadError::NotAPoint));
    for text in ["01", "-1", "", &U256::from_limbs(Fr::MODULUS.0).to_string()] {
        let read = snarkjs::inputs_from_json(&[text.to_owned()]);
        assert_eq!(read, Err(ReadError::NotAFieldElement));
    }
}

/// The folder with snarkjs in it.
fn snarkjs_folder() -> PathBuf {
    let folder = aep2_testkit::repository::file("fixtures/generate");
    assert!(
        folder.join("node_modules/snarkjs").is_dir(),
        "snarkjs is not installed in {}: run scripts/setup.sh",
        folder.display()
    );
    folder
}

/// Whether snarkjs accepts.
fn snarkjs_accepts(key: &Value, inputs: &Value, proof: &Value) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let files = [("vk.json", key), ("public.json", inputs), ("proof.json", proof)].map(
        |(name, content)| {
            let path = folder.path().join(name);
            std::fs::write(&path, content.to_string()).unwrap();
            path
        },
    );
    let ended = Command::new("node")
        .arg("snarkjs-verify.mjs")
        .args(files)
        .current_dir(snarkjs_folder())
        .output()
        .expect("node runs: run scripts/setup.sh");
    match ended.status.code() {
        Some(0) => true,
        Some(1) => false,
        code => panic!("snarkjs ended with {code:?}: {}", String::from_utf8_lossy(&ended.stderr)),
    }
}

#[test]
fn snarkjs_accepts_our_proofs_and_no_altered_ones() {
    let (key, inputs, proof) = proved();
    let key_json = serde_json::to_value(snarkjs::VerifyingKeyJson::from(&key)).unwrap();
    let inputs_json = json!(snarkjs::inputs_to_json(&inputs));
    let proof_json = |proof: &Proof| serde_json::to_value(snarkjs::ProofJson::from(proof)).unwrap();
    assert!(snarkjs_accepts(&key_json, &inputs_json, &proof_json(&proof)));

    let altered = Proof { c: -proof.c, ..proof.clone() };
    assert!(!snarkjs_accepts(&key_json, &inputs_json, &proof_json(&altered)));
    let mut altered = inputs;
    altered[2] += Fr::from(1u64);
    let altered = json!(snarkjs::inputs_to_json(&altered));
    assert!(!snarkjs_accepts(&key_json, &altered, &proof_json(&proof)));
}

#[test]
fn the_pairing_in_the_verifying_key_is_snarkjs_s() {
    let (key, ..) = proved();
    let json = serde_json::to_value(snarkjs::VerifyingKeyJson::from(&key)).unwrap();
    let script = "
        import { getCurveFromName, utils } from 'ffjavascript';
        const curve = await getCurveFromName('bn128');
        const key = JSON.parse(process.argv[1]);
        const product = curve.pairing(
            curve.G1.fromObject(utils.unstringifyBigInts(key.vk_alpha_1)),
            curve.G2.fromObject(utils.unstringifyBigInts(key.vk_beta_2)),
        );
        console.log(JSON.stringify(utils.stringifyBigInts(curve.Gt.toObject(product))));
        process.exit(0);
    ";
    let ended = Command::new("node")
        .args(["--input-type=module", "-e", script, &json.to_string()])
        .current_dir(snarkjs_folder())
        .output()
        .expect("node runs: run scripts/setup.sh");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let theirs: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(json["vk_alphabeta_12"], theirs);
}
