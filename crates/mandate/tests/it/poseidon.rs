//! Poseidon against circomlibjs and poseidon-lite, at every arity.

use aep2_mandate::{field::Fr, poseidon};
use serde::Deserialize;

use crate::support::{element, vectors};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    arity: usize,
    inputs: Vec<String>,
    hash: String,
}

#[test]
fn agrees_with_circomlib_at_every_arity() {
    let file: File = vectors("poseidon.json");
    let mut seen = [0; poseidon::INPUTS_MAX + 1];
    for Vector { arity, inputs, hash } in file.vectors {
        let inputs: Vec<Fr> = inputs.iter().map(|x| element(x)).collect();
        assert_eq!(inputs.len(), arity);
        assert_eq!(poseidon::hash(&inputs), element(&hash), "{arity} inputs");
        seen[arity] += 1;
    }
    assert!(seen[1..].iter().all(|count| *count >= 200), "200 of each arity, not {seen:?}");
}
