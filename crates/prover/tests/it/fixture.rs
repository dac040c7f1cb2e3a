//! The committed window, signed by zk-kit: arranged, proved, verified, and what was computed on
//! the way found equal to what JavaScript computed.

use std::sync::LazyLock;

use aep2_circuits::{Shape, statement::Statement};
use aep2_mandate::field::{self, Fr};
use aep2_prover::{
    arrange::Batch,
    blinding::Blinding,
    groth16,
    proven::{Proven, Refused},
    prover::{Entropy, Prover},
    window::{ValidWindow, Window},
};
use alloy_primitives::{B256, U128, U256};
use ark_ff::PrimeField;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;

static FIXTURE: LazyLock<Value> = LazyLock::new(|| {
    let path = aep2_testkit::repository::file("fixtures/vectors/window.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// Key, window and proofs, made once for all tests.
static PROVED: LazyLock<(Prover, ValidWindow, Proven, Batch)> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let prover = Prover::set_up(shape(), &Entropy::Seed([7; 32]), &()).unwrap();
    let window = window().validate(&mut rng).unwrap();
    let blinding = Blinding::random(&mut rng);
    let (proven, batch, _) = prover.prove(&window, &blinding, &mut rng, &()).unwrap();
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

    let segments = expected("segments").as_array().unwrap();
    assert_eq!(segments.len(), batch.segments.len());
    for (theirs, own) in segments.iter().zip(&batch.segments) {
        let lanes = theirs["lanes"].as_array().unwrap();
        assert_eq!(lanes.len(), shape().lanes());
        let unused = Vec::new();
        for (number, lane) in lanes.iter().enumerate() {
            let indices = own.lanes.get(number).unwrap_or(&unused);
            assert_eq!(lane["mandates"], serde_json::json!(indices));
        }
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
}

/// Blinds and salts are the fixture's: all other numbers follow.
#[test]
fn commitments_and_sums_are_what_javascript_computed() {
    let (_, _, _, batch) = &*PROVED;
    let mut batch = batch.clone();
    let theirs = expected("segments").as_array().unwrap();
    for (segment, theirs) in batch.segments.iter_mut().zip(theirs) {
        let Statement { shape, public, private } = &mut segment.statement;
        (private.blind, private.salt) = (element(&theirs["blind"]), element(&theirs["salt"]));
        public.commitment = Statement::commitment_of(*shape, private);
        assert_eq!(public.commitment, element(&theirs["commitment"]));
    }
    let (settlement, named) = (&batch.settlement, batch.named());
    let seed: B256 = expected("seed").as_str().unwrap().parse().unwrap();
    assert_eq!(settlement.seed(&named), seed.0);
    let (x, beta) = settlement.challenges(&named);
    assert_eq!([x, beta], ["x", "beta"].map(|name| element(expected(name))));
    for (segment, theirs) in batch.segments.iter().zip(theirs) {
        let Statement { public, private, .. } = &segment.statement;
        let sum = Statement::sum_of(private, public.commitment, x, beta);
        assert_eq!(sum, Some(element(&theirs["sum"])));
    }
    assert_eq!(settlement.sum(&named, x, beta), Ok(element(expected("total"))));
    assert_eq!(settlement.hint(&named), Ok(element(expected("hint"))));
}

#[test]
fn the_proofs_hold_and_altered_ones_do_not() {
    let (prover, _, proven, _) = &*PROVED;
    let key = prover.verifying_key();
    assert_eq!(proven.verify(|_| Some(key)), Ok(()));

    let refused = |change: fn(&mut Proven)| {
        let mut altered = proven.clone();
        change(&mut altered);
        altered.verify(|_| Some(key)).unwrap_err()
    };
    assert_eq!(refused(|own| own.segments[1].commitment += Fr::from(1u64)), Refused::Sums);
    assert_eq!(refused(|own| own.settlement.domain += Fr::from(1u64)), Refused::Sums);
    assert_eq!(refused(|own| own.settlement.valid_until += 1), Refused::Sums);
    assert_eq!(refused(|own| own.settlement.debits[0].account += 9), Refused::Sums);
    assert_eq!(
        refused(|own| own.settlement.debits[0].mask = own.settlement.debits[0].mask.rotate_left(1)),
        Refused::Sums
    );
    assert_eq!(refused(|own| own.settlement.debits[0].key_hash += Fr::from(1u64)), Refused::Sums);
    assert_eq!(
        refused(|own| {
            own.settlement.payouts[0].amount += 1;
            own.settlement.payouts[1].amount -= 1;
        }),
        Refused::Sums
    );
    let negated = |own: &mut Proven, segment: usize| {
        let proof = &mut own.segments[segment].proof;
        proof.a = -proof.a;
    };
    for segment in [0, 1] {
        let mut altered = proven.clone();
        negated(&mut altered, segment);
        assert_eq!(altered.verify(|_| Some(key)), Err(Refused::Proof { segment }));
    }
    assert!(matches!(refused(|own| own.settlement.count += 1), Refused::Rule(_)));
    assert!(matches!(refused(|own| own.settlement.payouts[0].amount += 1), Refused::Rule(_)));
    assert!(matches!(
        refused(|own| own.segments[1].verifying_key_hash[0] ^= 1),
        Refused::OtherKey { segment: 1, .. }
    ));

    // Another set-up's key, its hash put in its place.
    let other = Prover::set_up(shape(), &Entropy::Seed([8; 32]), &()).unwrap();
    let mut claimed = proven.clone();
    for segment in &mut claimed.segments {
        segment.verifying_key_hash = other.verifying_key_hash();
    }
    let verdict = claimed.verify(|_| Some(other.verifying_key()));
    assert_eq!(verdict, Err(Refused::Proof { segment: 0 }));
}

#[test]
fn a_proven_batch_round_trips_through_json() {
    let (prover, _, proven, _) = &*PROVED;
    let text = serde_json::to_string(proven).unwrap();
    let read: Proven = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, proven);
    assert_eq!(read.verify(|_| Some(prover.verifying_key())), Ok(()));
    // A commitment or a sum has one spelling: below r.
    for own in [proven.segments[1].commitment, proven.segments[1].sum] {
        let word = U256::from_be_bytes(field::to_be_bytes(&own));
        let order = U256::from_limbs(Fr::MODULUS.0);
        let [spelled, beyond] = [word, word + order].map(|word| B256::from(word).to_string());
        let altered = text.replacen(&spelled, &beyond, 1);
        assert_ne!(altered, text);
        assert!(serde_json::from_str::<Proven>(&altered).is_err(), "{beyond}");
    }
    for (from, to) in [
        ("\"count\":11", "\"count\":\"11\""),
        ("\"shape\":\"3x4-capture\"", "\"shape\":\"3x\""),
        ("\"shape\":\"3x4-capture\",", ""),
        ("\"sum\":\"0x", "\"sum\":\"0xff"),
        ("\"segments\":[{", "\"segments\":[],\"rest\":[{"),
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
    let (blinding, mut rng) = (Blinding::from_bytes([3; 32]), StdRng::seed_from_u64(2));
    let (proven, ..) = loaded.prove(window, &blinding, &mut rng, &()).unwrap();
    let verifying = aep2_prover::prover::load_verifying_key(folder.path(), shape()).unwrap();
    assert_eq!(proven.verify(|_| Some(&verifying.key)), Ok(()));
    for (segment, inputs) in proven.segments.iter().zip(proven.public_inputs()) {
        assert!(groth16::verify(&verifying.key, &inputs.to_vec(), &segment.proof));
    }

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
