//! An honest ceremony.

use std::fs;

use aep2_ceremony::{
    CeremonyError,
    announcement::announcement,
    begin::begin,
    contribute::{announce, close, contribute},
    contribution::Source,
    error::BeaconError,
    verify::continues,
};

use crate::support::{
    circuits::{CIRCUIT, RandomCircuit},
    stage::{EXPONENT, Stage, VALUE},
};

#[test]
fn every_state_of_an_honest_ceremony_verifies() {
    let stage = Stage::new(CIRCUIT, 6);
    let first = stage.contribute("0.zkey", "1.zkey", "first");
    let second = stage.contribute("1.zkey", "2.zkey", "second");
    let beacon = stage.close("2.zkey", "last.zkey");
    for name in ["initial.zkey", "0.zkey", "1.zkey", "2.zkey"] {
        assert!(!stage.verify(name).unwrap().zkey().chain.is_closed());
    }
    let last = stage.verify("last.zkey").unwrap();
    let chain = &last.zkey().chain;
    assert!(chain.is_closed());
    let hashes: Vec<[u8; 64]> = chain.contributions.iter().map(|own| own.hash()).collect();
    assert_eq!(hashes, [announcement(&stage.plan).hash(), first, second, beacon]);
    assert_eq!(chain.contributions[1].name.as_deref(), Some("first"));
    let source = Source::Beacon { value: VALUE.to_vec(), exponent: EXPONENT };
    assert_eq!(chain.contributions[3].source, source);
    for name in ["initial.zkey", "0.zkey", "1.zkey", "2.zkey", "last.zkey"] {
        continues(&stage.zkey(name), last.zkey()).unwrap();
    }
}

#[test]
fn anybody_begins_with_the_same_bytes() {
    let stage = Stage::new(CIRCUIT, 6);
    begin(&CIRCUIT, &stage.ptau(), &stage.path("again.zkey"), &()).unwrap();
    let [first, again] =
        ["initial.zkey", "again.zkey"].map(|name| fs::read(stage.path(name)).unwrap());
    assert_eq!(first, again);
    // With the plan in it as well.
    announce(&stage.verify("initial.zkey").unwrap(), &stage.path("again.zkey"), &()).unwrap();
    let [first, again] = ["0.zkey", "again.zkey"].map(|name| fs::read(stage.path(name)).unwrap());
    assert_eq!(first, again);
}

#[test]
fn the_same_words_and_name_never_give_the_same_secret_twice() {
    let stage = Stage::new(CIRCUIT, 6);
    stage.contribute("0.zkey", "1.zkey", "the same");
    stage.contribute("0.zkey", "2.zkey", "the same");
    let [one, two] = ["1.zkey", "2.zkey"].map(|name| stage.zkey(name).header.delta_g1);
    assert_ne!(one, two);
}

#[test]
fn circuits_of_many_forms_verify() {
    for circuit in [
        RandomCircuit { seed: 1, public: 0, constraints: 1 },
        RandomCircuit { seed: 2, public: 5, constraints: 0 },
        RandomCircuit { seed: 3, public: 1, constraints: 30 },
        RandomCircuit { seed: 9, public: 2, constraints: 125 },
    ] {
        let stage = Stage::new(circuit, 8);
        stage.run();
        stage.verify("last.zkey").unwrap();
    }
}

#[test]
fn who_types_nothing_or_has_no_fit_name_does_not_contribute() {
    let stage = Stage::new(CIRCUIT, 6);
    let before = stage.verify("0.zkey").unwrap();
    let out = stage.path("out.zkey");
    let tried = |typed: &str, name: &str| {
        contribute(&before, &typed.to_owned().into(), Some(name), &out, &()).unwrap_err()
    };
    assert!(matches!(tried("too short", "name"), CeremonyError::Entropy(16)));
    let long = "what nobody can guess";
    for name in ["", "two\nlines", &"long".repeat(17)] {
        assert!(matches!(tried(long, name), CeremonyError::Name(_)), "{name:?}");
    }
    assert!(!out.exists());
}

#[test]
fn a_beacon_has_a_fit_value_and_comes_after_somebody() {
    let stage = Stage::new(CIRCUIT, 6);
    let out = stage.path("out.zkey");
    for name in ["initial.zkey", "0.zkey"] {
        let error = close(&stage.verify(name).unwrap(), &VALUE, 10, &out, &()).unwrap_err();
        assert!(matches!(error, CeremonyError::Unfinished { .. }), "{error}");
    }
    stage.contribute("0.zkey", "1.zkey", "first");
    let before = stage.verify("1.zkey").unwrap();
    let tried = |value: &[u8], exponent| close(&before, value, exponent, &out, &()).unwrap_err();
    let error = tried(&VALUE[1..], 10);
    assert!(matches!(error, CeremonyError::Beacon(BeaconError::Length(31))), "{error}");
    for exponent in [0, 9, 33, 255] {
        let error = tried(&VALUE, exponent);
        assert!(matches!(error, CeremonyError::Beacon(BeaconError::Exponent(_))), "{error}");
    }
    stage.close("1.zkey", "last.zkey");
    let last = stage.verify("last.zkey").unwrap();
    let typed = "what nobody can guess".to_owned().into();
    let error = contribute(&last, &typed, None, &out, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::Closed { .. }), "{error}");
    let error = close(&last, &VALUE, 10, &out, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::Closed { .. }), "{error}");
}
