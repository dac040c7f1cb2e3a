//! Feared: entries that are not what the mandates say. The cheat tells the wallet what it likes
//! before anything is hashed, and `X`, `β` and `R` follow from that.

use aep2_circuits::{
    settlement::{Debit, Payout, Settlement},
    statement::Violation,
};
use alloy_primitives::Address;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use crate::{
    support::{ALICE, API, Case, MALLORY, THIEF, TOOL},
    wallet::{Refusal, Wallet},
};

/// The honest batch's entries, by name.
struct Entries<'a> {
    alice: &'a mut Debit,
    alice_again: &'a mut Debit,
    bob: &'a mut Debit,
    api: &'a mut Payout,
    thief: &'a mut Payout,
    count: &'a mut u32,
}

fn entries(settlement: &mut Settlement) -> Entries<'_> {
    let [alice, alice_again, bob] = &mut settlement.debits[..] else { panic!("three debits") };
    let [api, tool, thief] = &mut settlement.payouts[..] else { panic!("three payouts") };
    assert_eq!([alice.account, alice_again.account, bob.account], [1, 1, 2]);
    assert_eq!([alice.word, alice_again.word, bob.word], [0, 5, 0]);
    assert_eq!([api.payee, tool.payee, thief.payee], [API, TOOL, THIEF]);
    Entries { alice, alice_again, bob, api, thief, count: &mut settlement.count }
}

type Lie = (&'static str, Result<(), Refusal>, fn(&mut Settlement));

/// What the wallet is told, and what it would say to it without a proof.
const LIES: [Lie; 25] = [
    ("a part of a debit moved to another payer", Ok(()), |settlement| {
        let Entries { alice, bob, .. } = entries(settlement);
        (alice.amount, bob.amount) = (alice.amount - 10, bob.amount + 10);
    }),
    ("a debit moved to another payer", Ok(()), |settlement| {
        let Entries { alice, .. } = entries(settlement);
        (alice.account, alice.key_hash) = (MALLORY.account, MALLORY.key_hash());
    }),
    ("two payers' debits exchanged", Ok(()), |settlement| {
        let Entries { alice, bob, .. } = entries(settlement);
        std::mem::swap(&mut alice.amount, &mut bob.amount);
    }),
    ("an amount moved between two words of a payer", Ok(()), |settlement| {
        let Entries { alice, alice_again, .. } = entries(settlement);
        (alice.amount, alice_again.amount) = (alice.amount + 1, alice_again.amount - 1);
    }),
    ("a debit under another word", Ok(()), |settlement| {
        entries(settlement).alice_again.word += 1;
    }),
    ("another nonce burnt", Ok(()), |settlement| {
        entries(settlement).alice.mask ^= 1 << 3 | 1 << 8;
    }),
    ("two words of a payer made one", Err(Refusal::Spent), |settlement| {
        let Entries { alice, alice_again, .. } = entries(settlement);
        alice_again.word = alice.word;
    }),
    ("nonces burnt for one payer instead of another", Ok(()), |settlement| {
        let Entries { alice, bob, .. } = entries(settlement);
        std::mem::swap(&mut alice.mask, &mut bob.mask);
    }),
    ("the amount in the mask's place", Err(Refusal::Count), |settlement| {
        let Entries { alice, .. } = entries(settlement);
        std::mem::swap(&mut alice.mask, &mut alice.amount);
    }),
    ("a payout to another payee", Ok(()), |settlement| {
        entries(settlement).api.payee = Address::repeat_byte(0xd4);
    }),
    ("two payees exchanged", Ok(()), |settlement| {
        let Entries { api, thief, .. } = entries(settlement);
        std::mem::swap(&mut api.payee, &mut thief.payee);
    }),
    ("an amount moved between two payouts", Ok(()), |settlement| {
        let Entries { api, thief, .. } = entries(settlement);
        (api.amount, thief.amount) = (api.amount - 1, thief.amount + 1);
    }),
    ("a payout left out", Err(Refusal::Unbalanced), |settlement| {
        settlement.payouts.remove(0);
    }),
    ("a payout twice", Err(Refusal::Unbalanced), |settlement| {
        let again = settlement.payouts[2];
        settlement.payouts.push(again);
    }),
    ("a payee more", Err(Refusal::Unbalanced), |settlement| {
        settlement.payouts.push(Payout { payee: Address::repeat_byte(0xd4), amount: 1 });
    }),
    ("more taken and more paid", Ok(()), |settlement| {
        let Entries { alice, thief, .. } = entries(settlement);
        (alice.amount, thief.amount) = (alice.amount + 77, thief.amount + 77);
    }),
    ("less taken and less paid", Ok(()), |settlement| {
        let Entries { alice, api, .. } = entries(settlement);
        (alice.amount, api.amount) = (alice.amount - 77, api.amount - 77);
    }),
    ("nothing taken and nothing paid", Ok(()), |settlement| {
        settlement.debits.iter_mut().for_each(|debit| debit.amount = 0);
        settlement.payouts.clear();
    }),
    ("a mandate that was never signed", Ok(()), |settlement| {
        let Entries { bob, thief, count, .. } = entries(settlement);
        (bob.mask, bob.amount) = (bob.mask | 1 << 77, bob.amount + 5);
        (thief.amount, *count) = (thief.amount + 5, *count + 1);
    }),
    ("a mandate left out", Ok(()), |settlement| {
        let Entries { alice_again, api, count, .. } = entries(settlement);
        assert_eq!(alice_again.mask, 1 << 3);
        (api.amount, *count) = (api.amount - alice_again.amount, *count - 1);
        settlement.debits.remove(1);
    }),
    ("another key's hash", Err(Refusal::Key), |settlement| {
        entries(settlement).bob.key_hash = MALLORY.key_hash();
    }),
    ("one mandate too many counted", Err(Refusal::Count), |settlement| settlement.count += 1),
    ("one mandate too few counted", Err(Refusal::Count), |settlement| settlement.count -= 1),
    ("another domain", Ok(()), |settlement| settlement.domain += Fr::ONE),
    ("another validUntil", Ok(()), |settlement| settlement.valid_until += 1),
];

#[test]
fn every_lie_changes_the_sum() {
    for capture in [false, true] {
        let honest = Case::honest(capture);
        assert_eq!(Wallet::new().settle(&honest.settlement), Ok(()));
        for (name, verdict, lie) in LIES {
            let mut cheat = honest.clone();
            lie(&mut cheat.settlement);
            println!("{name}, capture: {capture}");
            assert_ne!(cheat.settlement, honest.settlement);
            assert_eq!(Wallet::new().settle(&cheat.settlement), verdict, "{name}");
            cheat.bind();
            cheat.assert_refused(&["sum"], Violation::Sum);
        }
    }
}

/// Not attacks: the book may be written in another order, and an entry in two parts.
#[test]
fn the_same_book_written_otherwise() {
    let rewrite: [fn(&mut Settlement); 4] = [
        |settlement| {
            settlement.debits.reverse();
            settlement.payouts.reverse();
        },
        |settlement| {
            let first = settlement.payouts[0];
            settlement.payouts[0].amount -= 5;
            settlement.payouts.push(Payout { amount: 5, ..first });
        },
        |settlement| {
            let first = settlement.debits[0];
            settlement.debits[0].mask = 1 << 3;
            settlement.debits[0].amount -= 5;
            settlement.debits.push(Debit { mask: first.mask ^ 1 << 3, amount: 5, ..first });
        },
        |settlement| {
            settlement.payouts.push(Payout { payee: Address::repeat_byte(0xd4), amount: 0 });
        },
    ];
    for rewrite in rewrite {
        let mut case = Case::honest(true);
        rewrite(&mut case.settlement);
        assert_eq!(Wallet::new().settle(&case.settlement), Ok(()));
        case.bind();
        case.assert_accepted();
    }
}

/// Mandates that are good elsewhere, in a proof for elsewhere, shown here. The wallet puts its own
/// domain into the sum.
#[test]
fn a_proof_for_another_chain_or_token() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.statement.private.domain = Fr::from(77u64);
        cheat.sign_all();
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
        cheat.settlement.domain = Fr::from(77u64);
        cheat.bind();
        cheat.assert_accepted();
    }
}

/// A proof that its mandates are good until one time, shown at a later one.
#[test]
fn a_proof_for_an_earlier_time() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.settlement.valid_until += 3_600;
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// Lies that cancel in one challenge's powers must not cancel here: β keeps masks, amounts and
/// payouts apart, and X keeps the entries apart, whatever the header takes up in exchange.
#[test]
fn lies_that_make_up_for_one_another() {
    let mut cheat = Case::honest(true);
    {
        let Entries { alice, bob, .. } = entries(&mut cheat.settlement);
        // The sums over all entries, of masks and of amounts, stay.
        (alice.amount, bob.amount) = (alice.amount - 8, bob.amount + 8);
        (alice.mask, bob.mask) = (alice.mask ^ 1 << 3 | 1 << 5, bob.mask);
    }
    cheat.settlement.domain -= Fr::from((1u64 << 5) - (1 << 3));
    cheat.bind();
    cheat.assert_refused(&["sum"], Violation::Sum);

    // A debit and a payout of the same size, to and from one number: the poles alone would not
    // tell an account's word from an address.
    let mut cheat = Case::honest(true);
    let word = 1u64 << 20;
    cheat.settlement.debits.push(Debit {
        account: ALICE.account,
        word,
        mask: 1,
        amount: 5,
        key_hash: Fr::ZERO,
    });
    let number = (u128::from(ALICE.account) << 57) + u128::from(word);
    let mut payee = [0; 20];
    payee[4..].copy_from_slice(&number.to_be_bytes());
    cheat.settlement.payouts.push(Payout { payee: payee.into(), amount: 5 });
    assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Key));
    cheat.bind();
    cheat.assert_refused(&["sum"], Violation::Sum);
}
