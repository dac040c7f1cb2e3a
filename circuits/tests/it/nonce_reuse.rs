//! Feared: a nonce settled twice. Inside a batch the circuit adds up powers of two and does not
//! look whether two are equal; the wallet counts the masks' bits.

use aep2_circuits::{
    settlement::Debit,
    statement::{Slot, Violation},
};
use ark_bn254::Fr;
use ark_ff::AdditiveGroup;

use crate::{
    support::{ALICE, Case, THIEF, TOOL, shape, spend},
    wallet::{Refusal, Wallet},
};

/// Alice's mandates with these nonces, chained in one lane.
fn mandates(nonces: &[u64]) -> Case {
    let slots: Vec<Slot> =
        nonces.iter().map(|nonce| spend(ALICE, *nonce, 1_000 + u128::from(*nonce), TOOL)).collect();
    let mut case = Case::empty(shape(1, nonces.len() as u32, false));
    case.push(ALICE, Fr::ZERO, &slots);
    case.settle();
    case.assert_accepted();
    case
}

/// Two mandates with nonce 3: the sum of their powers is that of one with nonce 4.
#[test]
fn two_bits_3_shown_as_one_bit_4() {
    let mut cheat = mandates(&[3, 3]);
    assert_eq!(cheat.settlement.debits[0].mask, 1 << 4, "the circuit is satisfied with a carry");
    assert_eq!(cheat.settlement.count, 2);
    assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));

    // Told that it was one mandate, the wallet could be content; but two were counted.
    cheat.settlement.count = 1;
    assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
    cheat.bind();
    cheat.assert_refused(&["sum"], Violation::Sum);
}

/// Shown as the one nonce that it is, it does not add up.
#[test]
fn one_nonce_twice_shown_as_one_nonce() {
    let mut cheat = mandates(&[3, 3]);
    for count in [1, 2] {
        cheat.settlement.debits[0].mask = 1 << 3;
        cheat.settlement.count = count;
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// Longer carries: 3, 3 and 4 make one bit 5, and 2, 2, 3 with 9 make the bits 4 and 9.
#[test]
fn longer_carries() {
    for (nonces, mask) in
        [(&[3u64, 3, 4][..], 1u128 << 5), (&[2, 2, 3, 9], 1 << 4 | 1 << 9), (&[0, 0, 1, 2], 1 << 3)]
    {
        let cheat = mandates(nonces);
        assert_eq!(cheat.settlement.debits[0].mask, mask);
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));
    }
}

/// The word's highest bit has no next one to carry to, and no mask can say 2^128. Said in two
/// entries, bits and count agree; but the first entry has spent the nonce when the second comes.
#[test]
fn one_nonce_in_two_entries() {
    for nonce in [3u64, 127] {
        let mut cheat = mandates(&[nonce, 5]);
        // The second mandate's nonce becomes the first's, and both sign.
        cheat.slot(0, 1).bit = Fr::from(nonce);
        cheat.sign(0);
        let debit = cheat.settlement.debits[0];
        let half = Debit { mask: 1 << nonce, amount: debit.amount / 2, ..debit };
        cheat.settlement.debits = vec![half, Debit { amount: debit.amount - half.amount, ..half }];
        cheat.bind();
        cheat.assert_accepted();
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Spent));
    }
}

/// One mandate, with its one signature, in two lanes.
#[test]
fn one_mandate_in_two_lanes() {
    for capture in [false, true] {
        let mut cheat = Case::empty(shape(2, 1, capture));
        cheat.push(ALICE, Fr::ZERO, &[spend(ALICE, 3, 1_000_000, THIEF)]);
        cheat.push(ALICE, Fr::ZERO, &[spend(ALICE, 3, 1_000_000, THIEF)]);
        cheat.settle();
        cheat.assert_accepted();
        assert_eq!(cheat.settlement.debits[0].mask, 1 << 4);
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));
    }
}

#[test]
fn one_batch_twice() {
    let mut wallet = Wallet::new();
    let mut case = Case::honest(true);
    assert_eq!(wallet.settle(&case.settlement), Ok(()));
    assert_eq!(wallet.settle(&case.settlement), Err(Refusal::Spent));

    // Bound anew, with another validUntil, it is as true as before, and as spent.
    case.settlement.valid_until -= 1;
    case.statement.private.valid_until -= Fr::from(1u64);
    for (lane, slot) in case.used() {
        case.slot(lane, slot).slack += Fr::from(1u64);
    }
    case.bind();
    case.assert_accepted();
    assert_eq!(wallet.settle(&case.settlement), Err(Refusal::Spent));
}

/// The rule itself: a sum of m powers of two has m bits set exactly when no two are equal.
#[test]
fn a_sum_of_powers_has_as_many_bits_only_when_they_differ() {
    const BITS: u32 = 6;
    for mandates in 1..=5u32 {
        for number in 0..BITS.pow(mandates) {
            let bits: Vec<u32> =
                (0..mandates).map(|place| number / BITS.pow(place) % BITS).collect();
            let sum: u128 = bits.iter().map(|bit| 1u128 << bit).sum();
            let mut distinct = bits.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(sum.count_ones() == mandates, distinct.len() == bits.len(), "{bits:?}");
        }
    }
}
