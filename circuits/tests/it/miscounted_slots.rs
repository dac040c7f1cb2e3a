//! Feared: mandates dropped, or counted otherwise than once.

use aep2_circuits::statement::{Slot, Violation};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    support::{ALICE, Case, THIEF, spend, unused},
    wallet::Wallet,
};

/// A flag of 2 settles a mandate twice over, -1 takes one back, a half shares one out. The lane's
/// owner even signs the id that such a flag passes on.
#[test]
fn a_flag_that_is_no_bit() {
    let half = Fr::from(2u64).inverse().expect("the field's characteristic is odd");
    let random = Fr::rand(&mut StdRng::seed_from_u64(2));
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for flag in [Fr::from(2u64), -Fr::ONE, half, random] {
            for (lane, slot) in [(0, 0), (0, 2), (1, 1), (2, 0), (3, 1)] {
                let mut cheat = honest.clone();
                cheat.slot(lane, slot).flag = flag;
                cheat.sign(lane);
                cheat.bind_to_own_numbers();
                cheat.assert_refused(&["flag"], Violation::Flag);
            }
        }
    }
}

/// Two flags of 2 and 0 count as many as two of 1. One mandate of 70,000 is settled twice, for
/// the one of 999, and the wallet is told just that: the nonce's bit carries to the next.
#[test]
fn one_mandate_settled_twice_for_another() {
    let mut cheat = Case::honest(false);
    assert_eq!(cheat.slot(0, 2).captured, Fr::from(70_000u64));
    cheat.slot(0, 1).flag = Fr::ZERO;
    cheat.slot(0, 2).flag = Fr::from(2u64);
    cheat.sign(0);
    cheat.lane(2).first_prev = cheat.last_id(0);
    cheat.sign(2);
    let [alice_0, alice_5, ..] = &mut cheat.settlement.debits[..] else { panic!("two debits") };
    (alice_0.mask, alice_0.amount) = (alice_0.mask & !(1 << 127), alice_0.amount - 999);
    (alice_5.mask, alice_5.amount) = (1 << 4, 140_000);
    let [api, tool, ..] = &mut cheat.settlement.payouts[..] else { panic!("two payouts") };
    (api.amount, tool.amount) = (api.amount + 70_000, tool.amount - 999);
    cheat.bind();
    cheat.assert_refused(&["flag"], Violation::Flag);
}

/// A mandate in mid-chain is left out, its successor linked to the one before.
#[test]
fn a_mandate_dropped_in_mid_chain() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.slot(0, 1).flag = Fr::ZERO;
        cheat.settle();
        assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
        cheat.assert_refused(&["base multiple"], Violation::Signature);

        // Moved up, so that the hole is at the end.
        cheat.lane(0).slots[1..].rotate_left(1);
        cheat.settle();
        cheat.assert_refused(&["base multiple"], Violation::Signature);
    }
}

/// The signature is on the last mandate. Without it, the one before needs its own.
#[test]
fn the_last_mandate_dropped() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.slot(0, 2).flag = Fr::ZERO;
        cheat.settle();
        cheat.assert_refused(&["base multiple"], Violation::Signature);
        // Which it has: not to settle a mandate is no theft.
        cheat.sign(0);
        cheat.settle();
        cheat.assert_accepted();
    }
}

/// Not an attack: a lane may start in mid-chain. What came before is the business of other lanes.
#[test]
fn a_lane_that_starts_in_mid_chain() {
    for capture in [false, true] {
        let mut case = Case::honest(capture);
        case.lane(0).first_prev = case.chain(0)[2];
        case.slot(0, 0).flag = Fr::ZERO;
        case.slot(0, 1).flag = Fr::ZERO;
        case.settle();
        case.assert_accepted();
        assert_eq!(case.settlement.count, 4);
    }
}

/// What stands in an unused slot is counted, without being signed.
#[test]
fn an_unused_slot_counted() {
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for (lane, slot) in [(1, 1), (2, 1), (2, 2), (3, 0), (3, 2)] {
            for content in [unused(), spend(ALICE, 99, 123_456, THIEF)] {
                let mut cheat = honest.clone();
                *cheat.slot(lane, slot) = content;
                cheat.slot(lane, slot).flag = Fr::ONE;
                cheat.settle();
                cheat.assert_refused(&["base multiple"], Violation::Signature);
            }
        }
    }
}

/// Not an attack: an unused slot holds what it likes, as long as that is in range. With capture
/// its captured amount is committed to, and settles nothing.
#[test]
fn what_stands_in_an_unused_slot_does_not_matter() {
    let mut rng = StdRng::seed_from_u64(3);
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for _ in 0..4 {
            let mut case = honest.clone();
            for (lane, slot) in [(1, 1), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)] {
                let wide = |rng: &mut StdRng| Fr::rand(rng);
                *case.slot(lane, slot) = Slot {
                    flag: Fr::ZERO,
                    account_word: wide(&mut rng),
                    bit: Fr::from(rng.r#gen::<u8>() & 127),
                    captured: if capture { Fr::ZERO } else { Fr::from(rng.r#gen::<u64>()) },
                    released: if capture { Fr::from(rng.r#gen::<u64>()) } else { Fr::ZERO },
                    slack: Fr::from(rng.r#gen::<u32>()),
                    payee: wide(&mut rng),
                    reference: wide(&mut rng),
                };
            }
            case.assert_accepted();
            // The entries and all public inputs are the honest batch's.
            let public = case.statement.public;
            case.settle();
            assert_eq!(case.settlement, honest.settlement);
            assert_eq!(case.statement.public, public);
        }
    }
}
