//! Feared: a mandate that its payer never signed.

use aep2_circuits::{
    gadgets::edwards::Point as CircuitPoint,
    statement::{Slot, Violation},
    witness::Value,
};
use aep2_mandate::babyjubjub::{BASE8, EdwardsProjective, Point, Scalar};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};

use crate::{
    support::{
        ALICE, BOB, Case, MALLORY, THIEF, account_word, address, challenge, coordinates, scalar,
        shape, sign_by_hand, small_order, spend, unused,
    },
    wallet::{Refusal, Wallet},
};

/// Variables labelled "base multiple" that a window takes: a sign, two bits of the index, their
/// product, the chosen `X`, and an addition's six.
const WINDOW: usize = 11;
/// The windows of a scalar.
const WINDOWS: usize = 84;

#[test]
fn another_s() {
    let honest = Case::honest(true);
    let s = |lane: usize| honest.statement.private.lanes[lane].s;
    for (lane, another) in [(0, 1), (1, 2), (2, 0), (3, 0)] {
        for other in [s(lane) + Scalar::ONE, -s(lane), s(another), Scalar::ZERO] {
            let mut cheat = honest.clone();
            cheat.lane(lane).s = other;
            cheat.assert_refused(&["base multiple"], Violation::Signature);
        }
    }
}

/// `R8` has no equation of its own in the circuit; it must be refused on and off the curve.
#[test]
fn another_r8() {
    let honest = Case::honest(false);
    let honest_r8 = honest.statement.private.lanes[0].r8;
    let negative = (-honest_r8.0, honest_r8.1);
    let torsion = small_order()[4];
    let on_curve = Point::new(honest_r8.0, honest_r8.1).expect("on the curve");
    for other in [
        honest.statement.private.lanes[1].r8,
        negative,
        (honest_r8.1, honest_r8.0),
        (honest_r8.0 + Fr::ONE, honest_r8.1),
        (honest_r8.0, honest_r8.1 + Fr::ONE),
        coordinates(torsion + on_curve.affine()),
        (Fr::ZERO, Fr::ONE),
        (Fr::ZERO, Fr::ZERO),
    ] {
        let mut cheat = honest.clone();
        cheat.lane(0).r8 = other;
        cheat.assert_refused(&["base multiple"], Violation::Signature);
    }
}

/// With a point of small order on top of `R8`, a verifier that multiplies by the cofactor would be
/// satisfied: `S` is made for the challenge of the altered `R8`.
#[test]
fn an_r8_with_a_part_of_small_order() {
    for torsion in &small_order()[1..] {
        let mut cheat = Case::honest(true);
        let secret = Scalar::from(77u64);
        let nonce = Scalar::from(78u64);
        let key = coordinates(BASE8.multiply(secret));
        let r8 = coordinates(BASE8.multiply(nonce) + torsion);
        let eightfold = scalar(challenge(r8, key, cheat.last_id(3))) * Scalar::from(8u64);
        let s = nonce + eightfold * secret;
        (cheat.lane(3).key, cheat.lane(3).r8, cheat.lane(3).s) = (key, r8, s);
        cheat.bind();
        cheat.assert_refused(&["base multiple"], Violation::Signature);
    }
}

/// Whatever a mandate says, it is signed: the wallet is told entries that fit the altered mandate,
/// and the genuine signature does not.
#[test]
fn a_mandate_altered_under_its_signature() {
    type Alteration = (&'static str, fn(&mut Slot));
    let alterations: [Alteration; 8] = [
        ("another payer", |slot| slot.account_word = account_word(BOB.account, 900)),
        ("another nonce word", |slot| slot.account_word += Fr::from(900u64)),
        ("another nonce bit", |slot| slot.bit = Fr::from(77u64)),
        ("a higher amount", |slot| slot.captured += Fr::from(5_000u64)),
        ("a lower amount", |slot| slot.captured -= Fr::ONE),
        ("a later deadline", |slot| slot.slack += Fr::ONE),
        ("another payee", |slot| slot.payee = address(THIEF) + Fr::ONE),
        ("another reference", |slot| slot.reference += Fr::ONE),
    ];
    for capture in [false, true] {
        let honest = Case::honest(capture);
        // First, middle and last of a chain; behind a hole; alone.
        for (lane, slot) in [(0, 0), (0, 1), (0, 2), (1, 2), (2, 0)] {
            for (name, alter) in alterations {
                let mut cheat = honest.clone();
                alter(cheat.slot(lane, slot));
                cheat.settle();
                println!("{name} in slot {slot} of lane {lane}");
                cheat.assert_refused(&["base multiple"], Violation::Signature);
            }
        }
    }
}

/// With capture, the ceiling is part of what is signed: more may not be released into being.
#[test]
fn a_raised_ceiling() {
    let mut cheat = Case::honest(true);
    cheat.slot(0, 1).released += Fr::ONE;
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);
}

#[test]
fn a_mandate_put_behind_another_one() {
    for other in [Fr::ZERO, Fr::from(43u64), Case::honest(false).last_id(0)] {
        let mut cheat = Case::honest(false);
        cheat.lane(1).first_prev = other;
        cheat.settle();
        cheat.assert_refused(&["base multiple"], Violation::Signature);
    }
}

/// Every id covers its domain: a mandate of another chain, wallet or token is not signed here.
#[test]
fn mandates_of_another_domain() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.statement.private.domain += Fr::ONE;
        cheat.settlement.domain += Fr::ONE;
        cheat.bind();
        cheat.assert_refused(&["base multiple"], Violation::Signature);
    }
}

#[test]
fn another_key_than_the_one_that_signed() {
    let mut cheat = Case::honest(true);
    // Mallory signs Alice's mandate, and says that it was Alice.
    cheat.sign_as(2, MALLORY);
    cheat.lane(2).key = ALICE.key();
    cheat.bind();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    // Alice's key, negated, is a key that nobody has registered; it did not sign either.
    let mut cheat = Case::honest(true);
    cheat.lane(2).key.0 = -ALICE.key().0;
    cheat.bind_to_own_numbers();
    cheat.assert_refused(&["base multiple"], Violation::Signature);
}

/// The circuit does not know whose key is whose. Mallory may name Alice's account and sign with
/// her own key; the sum then says whose key it was, and the wallet looks for Alice's.
#[test]
fn an_account_named_under_another_accounts_key() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.sign_as(2, MALLORY);
        cheat.settle();
        cheat.assert_accepted();

        // Told that it was Mallory's key, the wallet looks up another one.
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Key));

        // Told that it was Alice's, it is not what was proved.
        cheat.settlement = Case::honest(capture).settlement;
        assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// Off the curve the group law is no group's. At (0, 0) every sum and every multiple is (0, 0), so
/// under this "key" `R8` = (0, 0) signs everything, whatever `S` is. Only the curve's equation
/// stands against it.
#[test]
fn a_key_off_the_curve_that_signs_everything() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.lane(2).key = (Fr::ZERO, Fr::ZERO);
        cheat.lane(2).r8 = (Fr::ZERO, Fr::ZERO);
        cheat.lane(2).s = Scalar::from(1234u64);
        cheat.settle();
        cheat.assert_refused(&["lane key"], Violation::Key);

        // p·m = 1 + e (X·y)² would hold with 1 for the product of 0 and 0.
        cheat.set("lane key", 4 * 2 + 2, Fr::ONE);
        assert_eq!(cheat.broken_constraints(), ["lane key"]);
    }
}

#[test]
fn keys_off_the_curve() {
    let key = ALICE.key();
    for off_curve in [(key.1, key.0), (key.0, key.1 + Fr::ONE), (Fr::ONE, Fr::ONE)] {
        let mut cheat = Case::honest(false);
        cheat.lane(2).key = off_curve;
        cheat.bind_to_own_numbers();
        cheat.assert_refused(&["base multiple", "lane key"], Violation::Key);
    }
}

/// A forger chooses the challenge, and `R8` to suit it; the digits spell what the hash is not.
#[test]
fn a_challenge_that_is_not_the_hash() {
    let mut cheat = Case::honest(true);
    let key = ALICE.key();
    let (s, chosen) = (Scalar::from(99u64), Fr::from(1u64 << 40 | 12345));
    let point = Point::new(key.0, key.1).expect("a key");
    let r8 = BASE8.multiply(s) - point.multiply(scalar(chosen) * Scalar::from(8u64));
    (cheat.lane(0).r8, cheat.lane(0).s) = (coordinates(r8), s);
    cheat.slot(0, 0).payee = address(THIEF);
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    // The digits of the chosen challenge in place of the hash's: one constraint compares them.
    let mut other_digits = cheat.clone();
    for digit in 0..254 {
        let bit = chosen.into_bigint().get_bit(digit);
        other_digits.set("challenge bits", digit, Fr::from(u64::from(bit)));
    }
    assert_eq!(other_digits.broken_constraints(), ["challenge bits"]);

    // Or a hash that ends in another value: its last fifth power is wrong.
    let last = last_of(&cheat, "challenge", 4, 0);
    let digits = |case: &Case| {
        let [_, _, challenge] = case.probe().sides("challenge bits")[254];
        challenge
    };
    solve(&mut cheat, ("challenge", last), chosen, digits);
    assert_eq!(cheat.broken_constraints(), ["challenge"]);
}

/// A mandate that Alice never saw, hashed "to" the id that she signed.
#[test]
fn a_hash_that_ends_in_a_signed_id() {
    let mut cheat = Case::honest(false);
    let genuine = cheat.last_id(2);
    *cheat.slot(2, 0) = spend(ALICE, 5, 123_456_789, THIEF);
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    let last = last_of(&cheat, "id", 12, 6);
    let own_id = |case: &Case| {
        // pass: (own id - prev) · flag
        let [own_id_less_prev, ..] = case.probe().sides("pass")[6];
        own_id_less_prev + case.statement.private.lanes[2].first_prev
    };
    solve(&mut cheat, ("id", last), genuine, own_id);
    cheat.bind_to_own_numbers();
    assert_eq!(cheat.broken_constraints(), ["id"]);

    // The same by way of the product that passes the id on.
    let mut cheat = Case::honest(false);
    *cheat.slot(2, 0) = spend(ALICE, 5, 123_456_789, THIEF);
    let passed = genuine - cheat.statement.private.lanes[2].first_prev;
    cheat.set("pass", 6, passed);
    cheat.settlement = cheat.entries();
    cheat.bind_to_own_numbers();
    assert_eq!(cheat.broken_constraints(), ["pass"]);
}

/// Mallory's key, hashed "to" the key hash that the wallet holds for Alice.
#[test]
fn a_key_hash_of_another_key() {
    let mut cheat = Case::honest(true);
    cheat.sign_as(2, MALLORY);
    let last = last_of(&cheat, "key hash", 4, 2) - 1; // The last one is keyHash · β.
    let key_hash = |case: &Case| case.probe().sides("key hash")[last + 1][0];
    solve(&mut cheat, ("key hash", last), ALICE.key_hash(), key_hash);
    cheat.bind_to_own_numbers();
    assert_eq!(cheat.broken_constraints(), ["key hash"]);
    // What the wallet would have been told is what it was told for the honest batch.
    let own_sum = cheat.statement.public.sum;
    cheat.bind_to(cheat.statement.public.commitment);
    assert_eq!(cheat.statement.public.sum, own_sum);
}

/// The challenge's digits as 2 and -1 for 0 and 0, or 3 and 0 for 1 and 1: they still spell the
/// hash, and name points that are no multiples of the key.
#[test]
fn digits_of_the_challenge_that_are_no_digits() {
    let respell = |case: &mut Case, lane: usize, digit: usize| {
        let first = 254 * lane + digit;
        let digits = case.probe().values("challenge bits");
        case.set("challenge bits", first, digits[first] + Fr::from(2u64));
        case.set("challenge bits", first + 1, digits[first + 1] - Fr::ONE);
    };
    for digit in [0, 1, 100, 252] {
        let mut cheat = Case::honest(true);
        respell(&mut cheat, 1, digit);
        let spelled =
            cheat.broken_constraints().into_iter().filter(|label| *label != "base multiple");
        assert!(
            (1..=2).contains(&spelled.clone().count()),
            "what makes them digits, not their sum"
        );
        cheat.assert_caught(&["base multiple", "challenge bits"]);

        // Where the key's multiples are all alike, there is nothing else to catch it.
        let mut cheat = Case::honest(true);
        (cheat.lane(3).key, cheat.lane(3).r8) = ((Fr::ZERO, Fr::ONE), (Fr::ZERO, Fr::ONE));
        cheat.lane(3).s = Scalar::ZERO;
        cheat.bind();
        cheat.assert_accepted();
        respell(&mut cheat, 3, digit);
        cheat.assert_caught(&["challenge bits"]);
    }
}

/// Three digits that are none choose any point for the last window: with one more point of choice,
/// every signature can be forged.
#[test]
fn digits_of_s_that_are_no_digits() {
    let mut cheat = Case::honest(true);
    let r8 = BASE8.multiply(Scalar::from(4321u64));
    let s = Scalar::from(55u64);
    *cheat.slot(0, 0) = spend(ALICE, 88, 1_000_000_000, THIEF);
    (cheat.lane(0).r8, cheat.lane(0).s) = (coordinates(r8), s);
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    // What the last window must add: R8 + 8·challenge·A less the other windows' sum.
    let key = Point::new(ALICE.key().0, ALICE.key().1).expect("a key");
    let hash = challenge(coordinates(r8), ALICE.key(), cheat.last_id(0));
    let top = Scalar::from(8u64).pow([WINDOWS as u64 - 1]);
    let half = (s + top * Scalar::from(8u64) - Scalar::ONE) / Scalar::from(2u64);
    let top_digit = half.into_bigint() >> (3 * (WINDOWS as u32 - 1));
    let top_digit = Scalar::from(top_digit.0[0]) * Scalar::from(2u64) - Scalar::from(7u64);
    let needed =
        r8 + key.multiply(scalar(hash) * Scalar::from(8u64)) - BASE8.multiply(s - top_digit * top);

    // The table is linear where the index's second bit is 0: y picks the first, X the sign.
    let scaled = |point: EdwardsProjective| {
        let CircuitPoint::<Value> { x, y } = CircuitPoint::constant(&Point::from(point));
        (x.0, y.0)
    };
    let (once, thrice) =
        (scaled(BASE8.multiply(top)), scaled(BASE8.multiply(top * Scalar::from(3u64))));
    let needed = scaled(needed);
    let index = (needed.1 - once.1) / (thrice.1 - once.1);
    let sign = needed.0 / (once.0 + index * (thrice.0 - once.0));
    let last_window = WINDOW * (WINDOWS - 1);
    cheat.set("base multiple", last_window, (sign + Fr::ONE) / Fr::from(2u64));
    cheat.set("base multiple", last_window + 1, index);
    cheat.set("base multiple", last_window + 2, Fr::ZERO);

    // The two constraints that say that they are bits, of 1,848 / 2 in this lane.
    assert_eq!(cheat.broken_constraints(), ["base multiple"; 2]);
}

/// The key's multiple is doubled into place at the end: a lie there forges as well.
#[test]
fn a_doubling_to_a_point_of_choice() {
    let mut cheat = Case::honest(false);
    *cheat.slot(0, 0) = spend(ALICE, 88, 1_000_000_000, THIEF);
    let (r8, s) = (BASE8.multiply(Scalar::from(7u64)), Scalar::from(5u64));
    (cheat.lane(0).r8, cheat.lane(0).s) = (coordinates(r8), s);
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    let CircuitPoint::<Value> { x: Value(x), y: Value(y) } =
        CircuitPoint::constant(&Point::from(BASE8.multiply(s) - r8));
    // A doubling allocates r, s, q, y, and X is (r - s)/2.
    let last = last_of(&cheat, "key multiple", 4, 0);
    let second = cheat.probe().values("key multiple")[last - 2];
    cheat.set("key multiple", last - 3, x + x + second);
    cheat.set("key multiple", last, y);
    assert_eq!(cheat.broken_constraints(), ["key multiple"; 2]);
}

/// Not an attack: `S + l` is the same multiple of the base point. The circuit takes its digits too.
#[test]
fn s_plus_the_order_proves_the_same() {
    let mut case = Case::honest(true);
    let s = case.statement.private.lanes[0].s;
    // Σ eᵢ 8^i = (S + 8^84 - 1)/2 modulo l, and this much more.
    let offset = Scalar::from(8u64).pow([WINDOWS as u64]) - Scalar::ONE;
    let mut number = ((s + offset) / Scalar::from(2u64)).into_bigint();
    let overflows = number.add_with_carry(&Scalar::MODULUS);
    assert!(!overflows && number < BigInt::<4>::one() << (3 * WINDOWS as u32), "252 bits hold it");
    for window in 0..WINDOWS {
        let digit = (0..3)
            .rev()
            .fold(0u64, |digit, bit| digit << 1 | u64::from(number.get_bit(3 * window + bit)));
        let (positive, index) = if digit < 4 { (0, 3 - digit) } else { (1, digit - 4) };
        for (variable, value) in [positive, index & 1, index >> 1].into_iter().enumerate() {
            case.set("base multiple", WINDOW * window + variable, Fr::from(value));
        }
    }
    assert_ne!(
        case.probe().values("base multiple"),
        Case::honest(true).probe().values("base multiple")
    );
    case.assert_accepted();
}

/// A field element below 2^254 - r has a second spelling in 254 bits. The circuit takes it, so a
/// forger may aim at two challenges; the key's owner can sign for either. The native reading takes
/// one.
#[test]
fn a_challenge_spelled_a_second_way_needs_its_own_signature() {
    let secret = Scalar::from(123_456_789u64);
    let (mut case, second) = (0u64..)
        .find_map(|number| {
            let mut case = Case::empty(shape(1, 1, false));
            case.push(ALICE, Fr::from(number), &[unused()]);
            case.settle();
            let nonce = Scalar::from(1_000 + number);
            let (key, r8, s) =
                sign_by_hand(secret, EdwardsProjective::ZERO, nonce, case.last_id(0));
            (case.lane(0).key, case.lane(0).r8, case.lane(0).s) = (key, r8, s);
            let mut second = challenge(r8, key, case.last_id(0)).into_bigint();
            let overflows = second.add_with_carry(&Fr::MODULUS);
            (!overflows && second.num_bits() <= 254).then_some((case, second))
        })
        .expect("about every third challenge");
    case.bind();
    case.assert_accepted();

    let spelled = |case: &mut Case| {
        for digit in 0..254 {
            case.set("challenge bits", digit, Fr::from(u64::from(second.get_bit(digit))));
        }
    };
    // Under the signature for the first spelling, the second one is refused.
    let mut cheat = case.clone();
    spelled(&mut cheat);
    assert_eq!(cheat.broken(), ["base multiple"].into());

    // Signed for the second spelling, the circuit accepts it, and the twin does not.
    let order = Scalar::from_be_bytes_mod_order(&Fr::MODULUS.to_bytes_be());
    case.lane(0).s += order * Scalar::from(8u64) * secret;
    case.assert_refused(&["base multiple"], Violation::Signature);
    spelled(&mut case);
    assert_eq!(case.broken_constraints(), [""; 0]);
}

/// The place of the last variable of a label in the `part`th of `parts` equal parts.
fn last_of(case: &Case, label: &str, parts: usize, part: usize) -> usize {
    let count = case.probe().values(label).len();
    assert_eq!(count % parts, 0, "{label} is spread evenly");
    count / parts * (part + 1) - 1
}

/// Chooses a variable so that `target`, which depends on it linearly, becomes `wanted`.
fn solve(
    case: &mut Case,
    (label, nth): (&'static str, usize),
    wanted: Fr,
    target: impl Fn(&Case) -> Fr,
) {
    let mut at = |value: Fr| {
        case.set(label, nth, value);
        target(case)
    };
    let (zero, one) = (at(Fr::ZERO), at(Fr::ONE));
    let value = (wanted - zero) / (one - zero);
    assert_eq!(at(value), wanted, "linear in {label} {nth}");
}
