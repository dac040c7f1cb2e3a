//! Feared: numbers outside their ranges. A mandate's bit, amount and deadline are signed as one
//! number, so whatever one of them takes from its neighbour leaves the signature intact.

use aep2_circuits::statement::{Slot, Violation};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    support::{ALICE, API, Case, VALID_UNTIL, power_of_two, shape, spend},
    wallet::Wallet,
};

/// Alters a slot without altering its mandate's id, and demands that a range check, and nothing
/// else, catches it.
#[track_caller]
fn refused_under_the_same_signature(
    mut cheat: Case,
    alter: impl Fn(&mut Slot),
    label: &'static str,
    violation: Violation,
) {
    let signed = cheat.last_id(0);
    alter(cheat.slot(0, 0));
    assert_eq!(cheat.last_id(0), signed, "the signature still holds");
    cheat.bind_to_own_numbers();
    cheat.assert_refused(&[label], violation);
}

/// One base unit is worth 128 bits: the same mandate would burn a nonce 128 further on.
#[test]
fn a_bit_of_128_and_more() {
    let bits = power_of_two(7);
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for units in [Fr::ONE, Fr::from(999u64), -Fr::ONE, -Fr::from(5u64)] {
            let alter = |slot: &mut Slot| {
                slot.bit += bits * units;
                slot.captured -= units;
            };
            refused_under_the_same_signature(honest.clone(), alter, "bit", Violation::Bit);
        }
    }
    let alter = |slot: &mut Slot| {
        slot.bit -= bits;
        slot.released += Fr::ONE;
    };
    refused_under_the_same_signature(Case::honest(true), alter, "bit", Violation::Bit);
}

/// One second of the deadline is worth 2^97 base units.
#[test]
fn an_amount_taken_from_the_deadline() {
    let second = power_of_two(97);
    for capture in [false, true] {
        for seconds in [Fr::ONE, Fr::from(60u64), -Fr::ONE] {
            let alter = |slot: &mut Slot| {
                slot.captured += second * seconds;
                slot.slack -= seconds;
            };
            let honest = Case::honest(capture);
            refused_under_the_same_signature(honest, alter, "captured", Violation::Amount);
        }
    }
    let alter = |slot: &mut Slot| {
        slot.released += second;
        slot.slack -= Fr::ONE;
    };
    refused_under_the_same_signature(Case::honest(true), alter, "released", Violation::Amount);
}

/// A deadline further off than any that can be written down, paid for with the amount.
#[test]
fn a_deadline_taken_from_the_amount() {
    let alter = |slot: &mut Slot| {
        slot.slack += power_of_two(40);
        slot.captured -= power_of_two(137);
    };
    let mut cheat = Case::honest(false);
    let signed = cheat.last_id(0);
    alter(cheat.slot(0, 0));
    assert_eq!(cheat.last_id(0), signed);
    cheat.bind_to_own_numbers();
    cheat.assert_refused(&["captured", "slack"], Violation::Amount);
}

/// Even the payer's own signature stretches no range.
#[test]
fn numbers_too_wide_though_signed() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut random = || Fr::rand(&mut rng);
    for capture in [false, true] {
        let honest = Case::honest(capture);
        let check = |name: &str, alter: &dyn Fn(&mut Slot), label, violation| {
            println!("{name}, capture: {capture}");
            for (lane, slot) in [(0, 1), (2, 0)] {
                let mut cheat = honest.clone();
                alter(cheat.slot(lane, slot));
                cheat.sign(lane);
                cheat.bind_to_own_numbers();
                cheat.assert_refused(&[label], violation);
            }
        };
        for bit in [Fr::from(128u64), Fr::from(255u64), -Fr::ONE, random()] {
            check("bit", &|slot| slot.bit = bit, "bit", Violation::Bit);
        }
        for amount in [power_of_two(96), power_of_two(97), -Fr::ONE, random()] {
            check("captured", &|slot| slot.captured = amount, "captured", Violation::Amount);
            if capture {
                check("released", &|slot| slot.released = amount, "released", Violation::Amount);
            }
        }
        for slack in [power_of_two(40), -Fr::ONE, -Fr::from(VALID_UNTIL), random()] {
            check("slack", &|slot| slot.slack = slack, "slack", Violation::Deadline);
        }
    }
}

/// The widest numbers that are in range are accepted, or the refusals above would mean nothing.
#[test]
fn the_widest_numbers_are_in_range() {
    for capture in [false, true] {
        let mut case = Case::honest(capture);
        *case.slot(2, 0) = Slot {
            bit: Fr::from(127u64),
            captured: power_of_two(96) - Fr::ONE,
            slack: power_of_two(40) - Fr::ONE,
            ..*case.slot(2, 0)
        };
        case.slot(2, 0).account_word += Fr::from(77u64);
        case.sign(2);
        case.settle();
        case.assert_accepted();
        assert_eq!(Wallet::new().settle(&case.settlement), Ok(()));
    }
}

/// An expired mandate: the batch settles later than the payer allowed. The ids stay as they were
/// signed, so the seconds that are missing must come from the slack.
#[test]
fn a_batch_after_the_deadline() {
    for capture in [false, true] {
        for late in [61u64, 3600, (1 << 40) - VALID_UNTIL - 1] {
            let mut cheat = Case::honest(capture);
            let signed: Vec<Fr> = (0..4).map(|lane| cheat.last_id(lane)).collect();
            cheat.settlement.valid_until += late;
            cheat.statement.private.valid_until += Fr::from(late);
            for (lane, slot) in cheat.used() {
                cheat.slot(lane, slot).slack -= Fr::from(late);
            }
            assert_eq!(signed, (0..4).map(|lane| cheat.last_id(lane)).collect::<Vec<_>>());
            cheat.bind();
            cheat.assert_refused(&["slack"], Violation::Deadline);
        }
        // One second less, and every deadline is met.
        let mut case = Case::honest(capture);
        case.settlement.valid_until += 60;
        case.statement.private.valid_until += Fr::from(60u64);
        for (lane, slot) in case.used() {
            case.slot(lane, slot).slack -= Fr::from(60u64);
        }
        case.bind();
        case.assert_accepted();
    }
}

/// The payee takes more than the ceiling; what is "released" is negative. The wallet is told the
/// higher amount, and both sums agree on it.
#[test]
fn capture_above_the_ceiling() {
    let mut cheat = Case::honest(true);
    let excess = Fr::from(5_000u64);
    let ceiling = cheat.slot(0, 1).captured + cheat.slot(0, 1).released;
    cheat.slot(0, 1).captured = ceiling + excess;
    cheat.slot(0, 1).released = -excess;
    cheat.settle();
    assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
    cheat.assert_refused(&["released"], Violation::Amount);

    // To the ceiling it may go.
    let mut case = Case::honest(true);
    (case.slot(0, 1).captured, case.slot(0, 1).released) = (ceiling, Fr::ZERO);
    case.settle();
    case.assert_accepted();
}

/// A payee is robbed: one mandate's capture is negative, and takes back what another one pays.
/// Netted, the wallet's entries are ordinary numbers.
#[test]
fn a_negative_capture() {
    let mut cheat = Case::empty(shape(1, 2, true));
    cheat.push(ALICE, Fr::ZERO, &[spend(ALICE, 3, 100_000, API), spend(ALICE, 4, 70_000, API)]);
    cheat.settle();
    cheat.assert_accepted();

    let ceiling = cheat.slot(0, 1).captured;
    (cheat.slot(0, 1).captured, cheat.slot(0, 1).released) = (-ceiling, ceiling + ceiling);
    assert_eq!((cheat.settlement.debits.len(), cheat.settlement.payouts.len()), (1, 1));
    cheat.settlement.debits[0].amount = 30_000;
    cheat.settlement.payouts[0].amount = 30_000;
    cheat.bind();
    assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
    cheat.assert_refused(&["captured"], Violation::Amount);
}

/// Captured and released, both in range, may carry into the one bit between amount and deadline.
/// It is never set in a mandate, so no mandate's signature fits; and it is one bit, so they cannot
/// reach the deadline.
#[test]
fn captured_and_released_carry() {
    let largest = power_of_two(96) - Fr::ONE;
    let mut cheat = Case::honest(true);
    cheat.slot(0, 1).captured += power_of_two(96) - Fr::from(999u64);
    cheat.slot(0, 1).released += Fr::from(999u64);
    // The ceiling is 2^96 more than what was signed.
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    // The most that the two can come to, from a deadline a second earlier, is not what was signed.
    let mut cheat = Case::honest(true);
    (cheat.slot(0, 1).captured, cheat.slot(0, 1).released) = (largest, largest);
    cheat.slot(0, 1).slack -= Fr::ONE;
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);

    // Signed with the bit set, it is a promise of the payer's own, and every part is in range.
    cheat.sign(0);
    cheat.lane(2).first_prev = cheat.last_id(0);
    cheat.sign(2);
    cheat.settle();
    cheat.assert_accepted();
}

/// Bits that spell the right number without being bits: 2 here is 1 there.
#[test]
fn bits_that_are_not_bits() {
    // Of the first slot's; `bit` is 3, `slack` 60.
    for capture in [false, true] {
        for label in ["bit", "captured", "released", "slack"] {
            if label == "released" && !capture {
                continue;
            }
            let mut cheat = Case::honest(capture);
            let bits = cheat.probe().values(label);
            cheat.set(label, 0, bits[0] + Fr::from(2u64));
            cheat.set(label, 1, bits[1] - Fr::ONE);
            cheat.bind_to_own_numbers();
            cheat.assert_caught(&[label]);
        }
    }
}

/// The same, to burn another nonce than the one signed: 3 = 1 + 2 as the factors of 2^bit have it
/// becomes x₀ + 2x₁ = 3 with (1 + x₀)(1 + 3x₁) = 2^2.
#[test]
fn bits_that_spell_one_nonce_and_spend_another() {
    let mut cheat = Case::honest(false);
    // (4 - 2x₁)(1 + 3x₁) = 4: x₁ = 0, x₀ = 3 is one solution.
    cheat.set("bit", 0, Fr::from(3u64));
    cheat.set("bit", 1, Fr::ZERO);
    let debit = &mut cheat.settlement.debits[0];
    assert_eq!(debit.mask & (1 << 3 | 1 << 2), 1 << 3);
    debit.mask ^= 1 << 3 | 1 << 2;
    cheat.bind();
    assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
    assert_eq!(cheat.broken_constraints(), ["bit"]);
}
