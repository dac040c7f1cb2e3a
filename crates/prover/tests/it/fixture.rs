//! The committed window, signed by zk-kit: arranged, proved, verified, and what was computed on
//! the way found equal to what JavaScript computed.

use std::{path::Path, sync::LazyLock};

use aep2_circuits::Shape;
use aep2_mandate::field::{self, Fr};
use aep2_prover::{
    groth16,
    proven::{Proven, Refused},
    prover::{Entropy, Prover},
    window::{ValidWindow, Window},
};
use alloy_primitives::{B256, U128};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;

static FIXTURE: LazyLock<Value> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/window.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// Key, window and proof, made once for all tests.
static PROVED: LazyLock<(Prover, ValidWindow, Proven, aep2_prover::arrange::Batch)> =
    LazyLock::new(|| {
        let mut rng = StdRng::seed_from_u64(1);
        let prover = Prover::set_up(shape(), &Entropy::Seed([7; 32]), &()).unwrap();
        let window = window().validate(&mut rng).unwrap();
        let (proven, batch, _) = prover.prove(&window, &mut rng, &()).unwrap();
        (prover, window, proven, batch)
    });

fn shape() -> Shape {
    serde_json::from_value(FIXTURE["shape"].clone()).unwrap()
}

fn window() -> Window {
    let names = ["chainId", "wallet", "token", "validUntil", "mandates"];
    let own = names.iter().map(|name| ((*name).to_owned(), FIXTURE[name].clone()));
    serde_json::from_value(Value::Object(own.collect())).unwrap()
}

fn expected(name: &str) -> &Value {
    &FIXTURE["expected"][name]
}

fn element(value: &Value) -> Fr {
    let bytes: B256 = value.as_str().unwrap().parse().unwrap();
    field::from_be_bytes(&bytes.0).unwrap()
}

#[test]
fn what_was_computed_is_what_javascript_computed() {
    let (_, window, proven, batch) = &*PROVED;
    let ids: Vec<Value> = window.ids().iter().map(|id| Value::String(id.to_string())).collect();
    assert_eq!(&Value::Array(ids), expected("ids"));
    assert_eq!(window.domain().element(), element(&FIXTURE["domain"]));

    let lanes = expected("lanes").as_array().unwrap();
    assert_eq!(lanes.len(), batch.lanes.len());
    for (lane, indices) in lanes.iter().zip(&batch.lanes) {
        assert_eq!(lane["mandates"], serde_json::json!(indices));
    }

    let settlement = &proven.settlement;
    let debits = expected("debits").as_array().unwrap();
    assert_eq!(debits.len(), settlement.debits.len());
    for (theirs, own) in debits.iter().zip(&settlement.debits) {
        assert_eq!(theirs["account"], own.account);
        assert_eq!(theirs["word"], own.word.to_string());
        let mask: U128 = theirs["mask"].as_str().unwrap().parse().unwrap();
        assert_eq!(mask.to::<u128>(), own.mask);
        assert_eq!(theirs["amount"], own.amount.to_string());
        assert_eq!(element(&theirs["keyHash"]), own.key_hash);
    }
    let payouts = expected("payouts").as_array().unwrap();
    assert_eq!(payouts.len(), settlement.payouts.len());
    for (theirs, own) in payouts.iter().zip(&settlement.payouts) {
        let payee: alloy_primitives::Address = theirs["payee"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            (payee, theirs["amount"].as_str().unwrap()),
            (own.payee, &*own.amount.to_string())
        );
    }

    assert_eq!(expected("count"), settlement.count);
    assert_eq!(proven.commitment, element(expected("commitment")));
    let seed: B256 = expected("seed").as_str().unwrap().parse().unwrap();
    assert_eq!(settlement.seed(proven.commitment), seed.0);
    let inputs = ["commitment", "x", "beta", "r"].map(|name| element(expected(name)));
    assert_eq!(proven.public_inputs().unwrap(), inputs);
}

#[test]
fn the_proof_holds_and_altered_ones_do_not() {
    let (prover, _, proven, _) = &*PROVED;
    let key = prover.verifying_key();
    assert_eq!(proven.verify(key), Ok(()));

    let refused = |change: fn(&mut Proven)| {
        let mut altered = proven.clone();
        change(&mut altered);
        altered.verify(key).unwrap_err()
    };
    assert_eq!(refused(|own| own.commitment += Fr::from(1u64)), Refused::Proof);
    assert_eq!(refused(|own| own.settlement.domain += Fr::from(1u64)), Refused::Proof);
    assert_eq!(refused(|own| own.settlement.valid_until += 1), Refused::Proof);
    assert_eq!(refused(|own| own.settlement.debits[0].account += 9), Refused::Proof);
    assert_eq!(
        refused(|own| own.settlement.debits[0].mask = own.settlement.debits[0].mask.rotate_left(1)),
        Refused::Proof
    );
    assert_eq!(refused(|own| own.settlement.debits[0].key_hash += Fr::from(1u64)), Refused::Proof);
    assert_eq!(
        refused(|own| {
            own.settlement.payouts[0].amount += 1;
            own.settlement.payouts[1].amount -= 1;
        }),
        Refused::Proof
    );
    assert_eq!(refused(|own| own.proof.a = -own.proof.a), Refused::Proof);
    assert!(matches!(refused(|own| own.settlement.count += 1), Refused::Rule(_)));
    assert!(matches!(refused(|own| own.settlement.payouts[0].amount += 1), Refused::Rule(_)));
    assert!(matches!(refused(|own| own.verifying_key_hash[0] ^= 1), Refused::OtherKey { .. }));

    // Another set-up's key, its hash put in its place.
    let other = Prover::set_up(shape(), &Entropy::Seed([8; 32]), &()).unwrap();
    let mut claimed = proven.clone();
    claimed.verifying_key_hash = other.verifying_key_hash();
    assert_eq!(claimed.verify(other.verifying_key()), Err(Refused::Proof));
}

#[test]
fn a_proven_batch_round_trips_through_json() {
    let (prover, _, proven, _) = &*PROVED;
    let text = serde_json::to_string(proven).unwrap();
    let read: Proven = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, proven);
    assert_eq!(read.verify(prover.verifying_key()), Ok(()));
    for (from, to) in [
        ("\"count\":11", "\"count\":\"11\""),
        ("\"shape\":\"4x4-capture\"", "\"shape\":\"4x\""),
        ("\"commitment\":\"0x", "\"commitment\":\"0xff"),
        ("\"word\":\"0\"", "\"word\":\"00\""),
        ("\"verifyingKey\"", "\"key\""),
        ("\"verifyingKey\":\"0x", "\"verifyingKey\":\""),
        ("\"mask\":\"0x0", "\"mask\":\"0x"),
        ("\"payee\":\"0x", "\"payee\":\""),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        assert!(serde_json::from_str::<Proven>(&text.replacen(from, to, 1)).is_err(), "{to}");
    }
}

#[test]
fn a_key_is_kept_and_found_again() {
    let (prover, window, _, _) = &*PROVED;
    let folder = tempfile::tempdir().unwrap();
    let paths = prover.save(folder.path()).unwrap();
    for path in &paths {
        assert!(path.to_str().unwrap().contains("INSECURE"), "{}", path.display());
    }
    let loaded = Prover::load(folder.path(), shape()).unwrap();
    assert_eq!(loaded.provenance(), prover.provenance());
    assert_eq!(loaded.key(), prover.key());
    let (proven, ..) = loaded.prove(window, &mut StdRng::seed_from_u64(2), &()).unwrap();
    let verifying = aep2_prover::prover::load_verifying_key(folder.path(), shape()).unwrap();
    assert_eq!(proven.verify(&verifying.key), Ok(()));
    assert!(groth16::verify(&verifying.key, &proven.public_inputs().unwrap(), &proven.proof));

    let other = "4x4".parse().unwrap();
    let missing = Prover::load(folder.path(), other).unwrap_err().to_string();
    assert!(missing.contains("aep2 setup"), "{missing}");
}

#[test]
fn a_seed_gives_one_key_and_randomness_gives_another() {
    let shape: Shape = "1x1".parse().unwrap();
    let hash =
        |entropy: Entropy| Prover::set_up(shape, &entropy, &()).unwrap().verifying_key_hash();
    let seeded = hash(Entropy::Seed([1; 32]));
    assert_eq!(hash(Entropy::Seed([1; 32])), seeded);
    assert_ne!(hash(Entropy::Seed([2; 32])), seeded);
    assert_ne!(hash(Entropy::Fresh), hash(Entropy::Fresh));
}
