//! Feared: variables that are not what they should be computed to. All that builds on them
//! follows, and `C` and `R` are made to fit.

use std::collections::BTreeSet;

use aep2_circuits::{
    checker::Checker,
    count::Counter,
    statement::Statement,
    system::{Circuit, Linear, System},
};
use ark_bn254::Fr;
use ark_ff::Field;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::support::{Case, INPUTS, is_input, shape};

/// Labels whose variables are bits.
const BITS: [&str; 6] = ["flag", "bit", "captured", "released", "slack", "challenge bits"];
/// Labels of variables that are computed, and on which no signature depends. A lie in one breaks
/// the one constraint that computes it.
const COMPUTED: [&str; 13] = [
    "beta powers",
    "beta inverse",
    "header inverse",
    "key hash",
    "debit inverse",
    "payout inverse",
    "spent",
    "weight",
    "leaf",
    "tree",
    "commitment",
    "sum",
    "id",
];
/// Labels of computed variables on which signatures depend, or that stand for them.
const SIGNED: [&str; 4] = ["challenge", "key multiple", "base multiple", "pass"];

#[test]
fn every_label_is_attacked() {
    let labels: BTreeSet<&str> =
        [&INPUTS[..], &BITS, &COMPUTED, &SIGNED].concat().into_iter().collect();
    let probe = Case::honest(true).probe();
    let allocated: BTreeSet<&str> =
        probe.variables[probe.public..].iter().map(|(label, _)| *label).collect();
    assert_eq!(allocated, labels);
    let counted = Counter::of(&Statement::blank(shape(4, 3, true))).by_label;
    assert!(counted.keys().all(|label| labels.contains(label)), "{counted:?}");
}

#[test]
fn a_product_or_an_inverse_that_is_off() {
    for capture in [false, true] {
        let honest = Case::honest(capture);
        let probe = honest.probe();
        for label in COMPUTED {
            let values = probe.values(label);
            // First, last and between; ids of the last lane, where no slot is used, for the last
            // id is signed.
            let places = match label {
                "id" => vec![values.len() - 1, values.len() * 11 / 12],
                _ => vec![0, values.len() / 3, values.len() / 2, values.len() - 1],
            };
            for place in places {
                let mut cheat = honest.clone();
                cheat.set(label, place, values[place] + Fr::ONE);
                cheat.bind_to_own_numbers();
                assert_eq!(cheat.broken_constraints(), [label], "{label} {place}");
            }
        }
    }
}

/// Any computed variable, anywhere, the curve's included.
#[test]
fn any_computed_variable_that_is_off() {
    let mut rng = StdRng::seed_from_u64(6);
    let honest = Case::pair(true);
    let probe = honest.probe();
    let mut places: Vec<(&str, usize)> = COMPUTED
        .iter()
        .chain(&SIGNED)
        .flat_map(|label| (0..probe.values(label).len()).map(move |place| (*label, place)))
        .collect();
    places.shuffle(&mut rng);
    // The curve's equation has two products of its own.
    for (label, place) in places[..150].iter().chain(&[("lane key", 2), ("lane key", 3)]) {
        assert!(!is_input(label, *place));
        let value = probe.values(label)[*place];
        let mut cheat = honest.clone();
        cheat.set(label, *place, if rng.r#gen() { value + Fr::ONE } else { -value - Fr::ONE });
        cheat.bind_to_own_numbers();
        assert!(cheat.broken().contains(label), "{label} {place}: {:?}", cheat.broken());
    }
}

/// The checker itself: it must not call a cheat caught that it never tried.
#[test]
#[should_panic(expected = "no such variable")]
fn an_override_that_meets_no_variable() {
    let mut cheat = Case::pair(false);
    cheat.set("sum", 4, Fr::ONE);
    cheat.broken();
}

#[test]
#[should_panic(expected = "a circuit without constraints")]
fn a_circuit_without_constraints() {
    struct Empty;
    impl Circuit for Empty {
        fn synthesize<S: System>(&self, system: &mut S) {
            system.witness("free", || S::L::constant(Fr::ONE).value());
        }
    }
    Checker::broken(&Empty);
}
