//! Keys and signatures against circomlibjs and zk-kit, both ways.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aep2_mandate::{
    eddsa::{Forged, KeyError, PublicKey, SecretKey, Signature, SignatureError, verify_many},
    field::{self, Fr},
};
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;

use crate::support::{bytes32, element, vectors};

#[derive(Deserialize)]
struct File<P, N> {
    positive: Vec<P>,
    negative: Vec<N>,
}

#[derive(Deserialize)]
struct Point {
    x: String,
    y: String,
}

impl Point {
    /// Both coordinates; nothing when one is not canonical.
    fn elements(&self) -> Option<(Fr, Fr)> {
        Some((field::from_be_bytes(&bytes32(&self.x))?, field::from_be_bytes(&bytes32(&self.y))?))
    }

    fn key(&self) -> PublicKey {
        PublicKey::new(element(&self.x), element(&self.y)).expect("a valid key")
    }
}

#[derive(Deserialize)]
struct WireSignature {
    r8: Point,
    s: String,
}

impl WireSignature {
    fn signature(&self) -> Signature {
        Signature::new(element(&self.r8.x), element(&self.r8.y), bytes32(&self.s))
            .expect("a well-formed signature")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    library: String,
    private_key: String,
    message: String,
    key: Point,
    signature: WireSignature,
}

#[derive(Deserialize)]
struct Altered {
    reason: String,
    message: String,
    key: Point,
    signature: WireSignature,
}

/// Why an altered signature is refused; nothing when it is not.
fn refusal(altered: &Altered) -> Option<&'static str> {
    let Some((x, y)) = altered.key.elements() else { return Some("not canonical") };
    let Some((r8_x, r8_y)) = altered.signature.r8.elements() else { return Some("not canonical") };
    let Some(message) = field::from_be_bytes(&bytes32(&altered.message)) else {
        return Some("not canonical");
    };
    let key = match PublicKey::new(x, y) {
        Ok(key) => key,
        Err(KeyError::OffCurve) => return Some("key off curve"),
        Err(KeyError::SmallOrder) => return Some("key of small order"),
        Err(KeyError::WrongSubgroup) => return Some("key in the wrong subgroup"),
    };
    let signature = match Signature::new(r8_x, r8_y, bytes32(&altered.signature.s)) {
        Ok(signature) => signature,
        Err(SignatureError::R8OffCurve) => return Some("R8 off curve"),
        Err(SignatureError::SNotReduced) => return Some("S not reduced"),
    };
    let single = key.verify(message, &signature);
    let batch = [(key, message, signature); 5];
    let many = verify_many(&batch, &mut StdRng::seed_from_u64(3)).is_ok();
    assert_eq!(single, many, "one at a time and in bulk must agree: {}", altered.reason);
    (!single).then_some("does not hold")
}

#[test]
fn agrees_with_circomlibjs_and_zk_kit() {
    let file: File<Signed, Altered> = vectors("eddsa.json");
    assert!(file.positive.len() >= 200);
    let mut signed = Vec::new();
    let mut of_library = BTreeMap::new();
    for vector in &file.positive {
        let (message, key) = (element(&vector.message), vector.key.key());
        let signature = vector.signature.signature();
        assert!(key.verify(message, &signature));
        if vector.library != "zk-kit/blake-2b" {
            let secret = SecretKey::from_seed(bytes32(&vector.private_key));
            assert_eq!(secret.public(), key);
            assert_eq!(secret.sign(message), signature, "the same bytes as {}", vector.library);
        }
        *of_library.entry(vector.library.as_str()).or_insert(0) += 1;
        signed.push((key, message, signature));
    }
    assert_eq!(of_library.len(), 3, "{of_library:?}");
    assert_eq!(verify_many(&signed, &mut StdRng::seed_from_u64(1)), Ok(()));
}

#[test]
fn refuses_what_was_altered() {
    let file: File<Signed, Altered> = vectors("eddsa.json");
    assert!(file.negative.len() >= 200);
    for altered in &file.negative {
        let refused = refusal(altered).unwrap_or_else(|| panic!("accepted: {}", altered.reason));
        let expected: &[_] = match altered.reason.as_str() {
            "key_off_curve" => &["key off curve"],
            "key_small_order" => &["key of small order"],
            "key_wrong_subgroup" => &["key in the wrong subgroup"],
            "non_canonical" => &["not canonical"],
            "r8_off_curve" => &["R8 off curve"],
            "s_not_reduced" => &["S not reduced"],
            "swapped_coordinates" => &["key off curve", "R8 off curve", "does not hold"],
            "other_key" | "other_message" | "r8_negated" | "r8_torsion" | "s_plus_one" => {
                &["does not hold"]
            }
            reason => panic!("a reason that this test does not know: {reason}"),
        };
        assert!(expected.contains(&refused), "{}: {refused}", altered.reason);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    private_key: String,
    key: Point,
    key_hash: String,
}

#[derive(Deserialize)]
struct NoKey {
    reason: String,
    key: Point,
}

#[test]
fn keys_agree_and_bad_ones_are_refused() {
    let file: File<Key, NoKey> = vectors("keys.json");
    assert!(file.positive.len() >= 200 && file.negative.len() >= 200);
    for Key { private_key, key, key_hash } in &file.positive {
        let secret = SecretKey::from_seed(bytes32(private_key));
        assert_eq!(secret.public(), key.key());
        assert_eq!(secret.public().hash(), element(key_hash));
    }
    for NoKey { reason, key } in &file.negative {
        let refused = key.elements().map(|(x, y)| PublicKey::new(x, y));
        let expected = match reason.as_str() {
            "off_curve" => Some(Err(KeyError::OffCurve)),
            "small_order" => Some(Err(KeyError::SmallOrder)),
            "wrong_subgroup" => Some(Err(KeyError::WrongSubgroup)),
            "non_canonical" => None,
            reason => panic!("a reason that this test does not know: {reason}"),
        };
        assert_eq!(refused, expected, "{reason}");
    }
}

fn many(count: u64) -> Vec<(PublicKey, Fr, Signature)> {
    (0..count)
        .map(|index| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&index.to_le_bytes());
            let (secret, message) = (SecretKey::from_seed(seed), Fr::from(index + 7));
            (secret.public(), message, secret.sign(message))
        })
        .collect()
}

#[test]
fn forged_signatures_are_found_in_the_crowd() {
    let mut rng = StdRng::seed_from_u64(2);
    let good = many(100);
    for places in [vec![0], vec![99], vec![3, 4, 50], (0..100).collect()] {
        let mut signed = good.clone();
        for place in &places {
            signed[*place].1 += Fr::from(1u64);
        }
        assert_eq!(verify_many(&signed, &mut rng), Err(Forged { indices: places }));
    }
    for few in 0..8 {
        assert_eq!(verify_many(&good[..few], &mut rng), Ok(()));
    }
}

/// Two `R8` with the point of order two added cancel each other in half of all sums.
#[test]
fn parts_of_small_order_cannot_cancel() {
    let order_two = ark_ed_on_bn254::EdwardsAffine::new_unchecked(0u64.into(), -Fr::from(1u64));
    for seed in 0..20 {
        let mut signed = many(8);
        for (_, _, signature) in &mut signed[..2] {
            let shifted =
                aep2_mandate::babyjubjub::Point::from(*signature.r8().affine() + order_two);
            *signature = Signature::new(shifted.x(), shifted.y(), signature.s_bytes()).unwrap();
        }
        let verdict = verify_many(&signed, &mut StdRng::seed_from_u64(seed));
        assert_eq!(verdict, Err(Forged { indices: vec![0, 1] }));
    }
}

/// In bulk, from 64 on, a signature costs at most a third of one checked alone.
#[test]
fn in_bulk_is_three_times_faster() {
    for count in [64, 256] {
        let signed = many(count);
        let mut rng = StdRng::seed_from_u64(1);
        let mut alone = Duration::MAX;
        let mut bulk = Duration::MAX;
        // In turn, so that a busy spell of the machine falls on both.
        for _ in 0..20 {
            let start = Instant::now();
            assert!(signed.iter().all(|(key, m, signature)| key.verify(*m, signature)));
            alone = alone.min(start.elapsed());
            let start = Instant::now();
            assert_eq!(verify_many(&signed, &mut rng), Ok(()));
            bulk = bulk.min(start.elapsed());
        }
        let ratio = alone.as_secs_f64() / bulk.as_secs_f64();
        let each_us = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        println!(
            "{count} signatures on {} threads: {:.1} us alone, {:.1} us in bulk, {ratio:.2} times",
            rayon::current_num_threads(),
            each_us(alone),
            each_us(bulk)
        );
        assert!(ratio >= 3.0, "{count} signatures in bulk: only {ratio:.2} times faster");
    }
}
