//! Feared: an honest batch that cannot be proved. Whatever the native verifier accepts, the
//! circuit accepts, at the ends of every range.

use aep2_circuits::statement::{Slot, Violation};
use aep2_mandate::{
    babyjubjub::{BASE8, EdwardsProjective, Scalar},
    eddsa::{PublicKey, Signature},
};
use alloy_primitives::Address;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{
    ALICE, API, BOB, Case, Payer, account_word, address, coordinates, power_of_two, shape,
    sign_by_hand, small_order, spend, unused,
};

/// An unused lane whose signed message is this: the last id is what the lane follows.
fn message(message: Fr) -> Case {
    let mut case = Case::empty(shape(1, 1, false));
    case.push(ALICE, message, &[unused()]);
    case.settle();
    case
}

fn put(case: &mut Case, (key, r8, s): ((Fr, Fr), (Fr, Fr), Scalar)) {
    (case.lane(0).key, case.lane(0).r8, case.lane(0).s) = (key, r8, s);
    case.bind();
}

/// What native verification says; it takes keys of the prime-order subgroup only.
fn verifies(key: (Fr, Fr), r8: (Fr, Fr), s: Scalar, message: Fr) -> bool {
    let key = PublicKey::new(key.0, key.1).expect("a key");
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&s.into_bigint().to_bytes_be());
    let signature = Signature::new(r8.0, r8.1, bytes).expect("well-formed");
    key.verify(message, &signature)
}

/// Secret scalars 1 (the key is Base8), -1, 2, and others; `R8` the identity, Base8, its negative,
/// and the key itself; the first and last message.
#[test]
fn signatures_that_no_signer_makes() {
    let mut rng = StdRng::seed_from_u64(7);
    let one = Scalar::ONE;
    let random = Scalar::rand(&mut rng);
    let half = one / Scalar::from(2u64);
    for secret in [one, -one, Scalar::from(2u64), Scalar::from(8u64), half, random] {
        for nonce in [Scalar::ZERO, one, -one, secret, -secret, half] {
            for signed in [Fr::ZERO, -Fr::ONE, Fr::rand(&mut rng)] {
                let mut case = message(signed);
                let (key, r8, s) = sign_by_hand(secret, EdwardsProjective::ZERO, nonce, signed);
                assert!(verifies(key, r8, s, signed));
                put(&mut case, (key, r8, s));
                case.assert_accepted();
                assert!(!verifies(key, r8, s + one, signed));
                case.lane(0).s += one;
                case.assert_refused(&["base multiple"], Violation::Signature);
            }
        }
    }
}

/// `S` at its ends. A key of prime order would have to be found by trial for such an `S`; under a
/// key of small order, which registration refuses, `R8 = S · Base8` is all there is to it.
#[test]
fn s_at_the_ends_of_its_range() {
    let one = Scalar::ONE;
    let powers = [3u64, 249, 250].map(|exponent| Scalar::from(2u64).pow([exponent]));
    for s in [Scalar::ZERO, one, -one, -one - one, powers[0], powers[1], powers[2], -powers[1]] {
        for torsion in small_order() {
            let mut case = message(Fr::from(5u64));
            put(&mut case, (coordinates(torsion), coordinates(BASE8.multiply(s)), s));
            case.assert_accepted();
            case.lane(0).s += one;
            case.assert_refused(&["base multiple"], Violation::Signature);
        }
    }
}

/// The challenge's factor of eight clears a key's part of small order. Both readings take such a
/// key; registration refuses it.
#[test]
fn keys_outside_the_subgroup_are_left_to_registration() {
    for torsion in &small_order()[1..] {
        let mut case = message(Fr::from(6u64));
        let (secret, nonce) = (Scalar::from(1_234u64), Scalar::from(99u64));
        let signature = sign_by_hand(secret, *torsion, nonce, Fr::from(6u64));
        assert!(PublicKey::new(signature.0.0, signature.0.1).is_err());
        put(&mut case, signature);
        case.assert_accepted();
    }
}

/// Every field of a slot at its least and its greatest, by itself and with the others.
#[test]
fn fields_at_the_ends_of_their_ranges() {
    type Set = fn(&mut Slot, bool);
    let last_account = |greatest| if greatest { u32::MAX } else { 1 };
    let fields: [Set; 6] = [
        |slot, greatest| slot.bit = Fr::from(if greatest { 127u64 } else { 0 }),
        |slot, greatest| {
            let amount = if greatest { power_of_two(96) - Fr::ONE } else { Fr::ZERO };
            slot.captured = amount;
        },
        |slot, greatest| {
            slot.slack = if greatest { power_of_two(40) - Fr::ONE } else { Fr::ZERO };
        },
        |slot, greatest| {
            slot.payee = address(if greatest { Address::repeat_byte(0xff) } else { Address::ZERO });
        },
        |slot, greatest| {
            slot.reference = if greatest { -Fr::ONE } else { Fr::ZERO };
        },
        |slot, greatest| {
            let word = if greatest { (1 << 57) - 1 } else { 0 };
            slot.account_word = account_word(if greatest { u32::MAX } else { 1 }, word);
        },
    ];
    for capture in [false, true] {
        for greatest in [false, true] {
            for alone in (0..fields.len()).map(Some).chain([None]) {
                let mut case = Case::empty(shape(1, 2, capture));
                let payer = Payer::new(last_account(greatest), 9);
                let mut slots = [spend(payer, 600, 7, API), spend(payer, 601, 8, API)];
                for (place, set) in fields.iter().enumerate() {
                    if alone.is_none_or(|alone| alone == place) {
                        slots.iter_mut().for_each(|slot| set(slot, greatest));
                    }
                }
                if alone.is_none_or(|alone| alone == 0) {
                    slots[1].bit = Fr::from(60u64); // No nonce twice.
                }
                case.push(payer, Fr::ZERO, &slots);
                case.settle();
                case.assert_accepted();
            }
        }
    }
}

/// Capture at its ends: all of the greatest ceiling, none of it, one unit, and all but one.
#[test]
fn captures_at_the_ends_of_their_range() {
    let ceiling = power_of_two(96) - Fr::ONE;
    for captured in [Fr::ZERO, Fr::ONE, ceiling - Fr::ONE, ceiling] {
        let mut case = Case::empty(shape(1, 1, true));
        let slot = spend(BOB, 7, 0, API);
        case.push(BOB, Fr::ZERO, &[Slot { captured, released: ceiling - captured, ..slot }]);
        case.settle();
        assert_eq!(case.settlement.payouts.is_empty(), captured == Fr::ZERO);
        case.assert_accepted();
    }
}

/// A word used up in one batch: its mask is all ones.
#[test]
fn every_nonce_of_a_word() {
    let mut case = Case::empty(shape(2, 64, false));
    for lane in 0..2u64 {
        let slots: Vec<Slot> =
            (0..64).map(|bit| spend(ALICE, 64 * lane + bit, (1 << 96) - 1, API)).collect();
        case.push(ALICE, Fr::ZERO, &slots);
    }
    case.settle();
    assert_eq!(case.settlement.debits.len(), 1);
    assert_eq!(case.settlement.debits[0].mask, u128::MAX);
    assert_eq!(case.settlement.count, 128);
    case.assert_accepted();
}

/// Trees of any number of leaves, an odd last one moving up alone, and lanes of any length.
#[test]
fn shapes_of_all_sorts() {
    for (lanes, slots) in [(1, 1), (2, 1), (3, 2), (5, 1), (6, 1), (7, 3), (1, 17), (1, 30)] {
        for capture in [false, true] {
            let mut case = Case::empty(shape(lanes, slots, capture));
            for lane in 0..u64::from(lanes) {
                let slots: Vec<Slot> = (0..u64::from(slots))
                    .map(|slot| spend(ALICE, lane << 8 | slot, 100 + u128::from(slot), API))
                    .collect();
                case.push(ALICE, Fr::from(lane), &slots);
            }
            case.settle();
            case.assert_accepted();
        }
    }
}

/// The twin refuses what is no statement of its shape. To the circuit, another number of lanes or
/// slots is another circuit.
#[test]
fn lanes_that_do_not_fit_the_shape() {
    let mut case = Case::honest(true);
    case.statement.private.lanes.pop();
    assert_eq!(case.statement.check(), Err(Violation::Shape));
    let mut case = Case::honest(true);
    case.lane(2).slots.push(unused());
    assert_eq!(case.statement.check(), Err(Violation::Shape));
}
