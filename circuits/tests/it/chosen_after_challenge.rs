//! Feared: anything picked once `X` and `β` are known.
//!
//! One number must come out as `R`. Whoever may still choose anything that goes into it, chooses
//! it to fit. So everything is either in `C`, which was hashed before, or must not matter.
//!
//! Here `C`, `X` and `β` are the honest batch's and stay. The cheat gets all the help there is:
//! the lanes' owners sign again, and `R` is made to fit.

use std::collections::BTreeSet;

use aep2_circuits::{
    checker::Checker,
    settlement::{Debit, Payout, PublicInputs, Segment, Settlement, ZeroDenominator},
    statement::{Private, Slot, Violation},
    system::{Circuit, Linear, System},
};
use alloy_primitives::Address;
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{
    ALICE, API, BOB, Case, MALLORY, THIEF, VALID_UNTIL, account_word, address, integer,
    power_of_two, shape, spend,
};

#[track_caller]
fn committed(mut cheat: Case) {
    cheat.fit_sum();
    cheat.assert_refused(&["commitment"], Violation::Commitment);
}

/// Each lane's last id fixes the used mandates, every field of them.
#[test]
fn another_mandate_in_any_lane() {
    type Change = fn(&mut Slot);
    let changes: [Change; 6] = [
        |slot| slot.account_word = account_word(BOB.account, 333),
        |slot| slot.bit = Fr::from(99u64),
        |slot| slot.captured += Fr::from(1_000u64),
        |slot| slot.slack += Fr::ONE,
        |slot| slot.payee = address(THIEF) + Fr::ONE,
        |slot| slot.reference += Fr::ONE,
    ];
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for (lane, slot) in honest.used() {
            for change in changes {
                let mut cheat = honest.clone();
                change(cheat.slot(lane, slot));
                cheat.sign(lane);
                committed(cheat);
            }
        }
        let mut cheat = Case::honest(true);
        cheat.slot(0, 1).released += Fr::ONE;
        cheat.sign(0);
        committed(cheat);
        // What a lane follows, be it used or not.
        for lane in 0..4 {
            let mut cheat = honest.clone();
            cheat.lane(lane).first_prev += Fr::ONE;
            cheat.sign(lane);
            committed(cheat);
        }
    }
}

#[test]
fn another_lane_in_its_place() {
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for (one, other) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
            let mut cheat = honest.clone();
            cheat.statement.private.lanes.swap(one, other);
            let sum = cheat.statement.public.sum;
            cheat.fit_sum();
            assert_eq!(cheat.statement.public.sum, sum, "the sum does not see the order");
            committed(cheat);
        }
    }
}

/// The key hash is a coefficient of β: left open, it could be solved for.
#[test]
fn another_key() {
    for capture in [false, true] {
        for lane in 0..4 {
            let mut cheat = Case::honest(capture);
            cheat.sign_as(lane, MALLORY);
            committed(cheat);
        }
    }
}

/// A key of small order is on the curve and signs for anybody. The last id is as it was; only the
/// key hash tells.
#[test]
fn another_key_that_anybody_signs_for() {
    let mut cheat = Case::honest(true);
    cheat.lane(0).key = (Fr::ZERO, Fr::ONE);
    cheat.lane(0).r8 = (Fr::ZERO, Fr::ONE);
    cheat.lane(0).s = AdditiveGroup::ZERO;
    committed(cheat);
}

/// How much of a chain is counted: the lane ends in the same signed id, whether it starts with its
/// first mandate or follows it.
#[test]
fn how_much_of_a_chain_is_counted() {
    for capture in [false, true] {
        for left_out in [1, 2] {
            let mut cheat = Case::honest(capture);
            let (signed, chain) = (cheat.last_id(0), cheat.chain(0));
            cheat.lane(0).first_prev = chain[left_out];
            (0..left_out).for_each(|slot| cheat.slot(0, slot).flag = Fr::ZERO);
            assert_eq!(cheat.last_id(0), signed, "the signature holds");
            committed(cheat);
        }
        // And the reverse: a mandate before the lane's first is counted too.
        let mut honest = Case::empty(shape(1, 2, capture));
        let mut before = Case::empty(shape(1, 1, capture));
        before.push(ALICE, Fr::ZERO, &[spend(ALICE, 1, 1_000, THIEF)]);
        let (first, second) = (*before.slot(0, 0), spend(ALICE, 2, 50, THIEF));
        honest.push(ALICE, before.last_id(0), &[Slot { flag: Fr::ZERO, ..first }, second]);
        honest.settle();
        honest.assert_accepted();
        let mut cheat = honest.clone();
        (cheat.lane(0).first_prev, cheat.slot(0, 0).flag) = (Fr::ZERO, Fr::ONE);
        assert_eq!(cheat.last_id(0), honest.last_id(0));
        committed(cheat);
    }
}

/// Which of the slots are used, the mandates being the same: an inclusion proof shows a position.
#[test]
fn a_mandate_moved_to_another_slot() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        let (signed, sum) = (cheat.last_id(2), cheat.statement.public.sum);
        cheat.lane(2).slots.swap(0, 2);
        assert_eq!(cheat.last_id(2), signed);
        cheat.fit_sum();
        assert_eq!(cheat.statement.public.sum, sum);
        committed(cheat);
    }
}

/// The ids cover the ceilings. What was captured of them is in `C` by itself.
#[test]
fn another_captured_amount() {
    let honest = Case::honest(true);
    for (lane, slot) in honest.used() {
        for amount in [Fr::from(1u64), -Fr::from(1u64)] {
            let mut cheat = honest.clone();
            let Slot { captured, released, .. } = cheat.slot(lane, slot);
            (*captured, *released) = (*captured + amount, *released - amount);
            if *captured == -Fr::ONE || *released == -Fr::ONE {
                continue; // Out of range, which is another test's matter.
            }
            assert_eq!(cheat.last_id(lane), honest.last_id(lane), "the signature holds");
            committed(cheat);
        }
    }
}

/// Captured amounts are two to an element: what one gains and the other loses, with or without the
/// factor between them, must show.
#[test]
fn captured_amounts_shifted_between_slots() {
    let honest = Case::honest(true);
    for (gain, loss) in [(1u64, 1u64), (7, 3)] {
        let mut cheat = honest.clone();
        for (slot, change) in [(0, -Fr::from(gain)), (1, Fr::from(loss))] {
            let Slot { captured, released, .. } = cheat.slot(0, slot);
            (*captured, *released) = (*captured + change, *released - change);
        }
        committed(cheat);
    }
    // The one shift that leaves the element as it is leaves the range.
    let mut cheat = honest.clone();
    for (slot, change) in [(0, power_of_two(96)), (1, -Fr::ONE)] {
        let Slot { captured, released, .. } = cheat.slot(0, slot);
        (*captured, *released) = (*captured + change, *released - change);
    }
    cheat.fit_sum();
    cheat.assert_refused(&["captured", "released"], Violation::Amount);
}

/// In an unused slot, too, the captured amount is in `C`.
#[test]
fn a_captured_amount_in_an_unused_slot() {
    let mut cheat = Case::honest(true);
    cheat.slot(1, 1).captured = Fr::ONE;
    committed(cheat);
}

#[test]
fn another_domain() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.statement.private.domain += Fr::ONE;
        cheat.sign_all();
        committed(cheat);
    }
}

fn terms(slot: &Slot) -> Fr {
    let deadline = Fr::from(VALID_UNTIL) + slot.slack;
    let amount = slot.captured + slot.released;
    slot.bit + power_of_two(7) * amount + power_of_two(104) * deadline
}

/// Account word and terms would fit one input of the id's hash, and so would other pairs. None is
/// ranged as a whole: packed, one could be chosen after the challenge and the other absorb it, under
/// the genuine signature. So each has an input of its own.
#[test]
fn values_that_would_share_an_input_of_the_id() {
    // Two values in one input, and a theft that leaves it and all other inputs as they are.
    type Shared = (fn(&Slot) -> Fr, fn(&mut Slot));
    let shared: [Shared; 3] = [
        (
            |slot| terms(slot) + power_of_two(144) * slot.account_word,
            |slot| {
                slot.captured += power_of_two(20);
                slot.account_word -= power_of_two(27) / power_of_two(144);
            },
        ),
        (
            |slot| slot.payee + power_of_two(160) * slot.account_word,
            |slot| {
                let honest = std::mem::replace(&mut slot.payee, address(THIEF));
                slot.account_word -= (slot.payee - honest) / power_of_two(160);
            },
        ),
        (
            |slot| terms(slot) + power_of_two(144) * slot.reference,
            |slot| {
                slot.captured += power_of_two(20);
                slot.reference -= power_of_two(27) / power_of_two(144);
            },
        ),
    ];
    for capture in [false, true] {
        let honest = Case::honest(capture);
        for (packed, theft) in shared {
            let mut cheat = honest.clone();
            let before = packed(cheat.slot(0, 0));
            theft(cheat.slot(0, 0));
            assert_eq!(packed(cheat.slot(0, 0)), before, "packed, it would be what was signed");
            assert_ne!(cheat.last_id(0), honest.last_id(0), "as it is, it is another id");
            let mut unsigned = cheat.clone();
            unsigned.bind_to_own_numbers();
            unsigned.assert_refused(&["base multiple"], Violation::Signature);
            cheat.sign(0);
            committed(cheat);
        }
    }
}

/// The same packing would let a deadline carry into the account word: a mandate that has expired
/// settles, and once more, as one of the word before with all the time in the world.
#[test]
fn a_deadline_that_would_carry_into_the_account_word() {
    let packed = |slot: &Slot| terms(slot) + power_of_two(144) * slot.account_word;
    let expired = Slot { slack: -Fr::from(5u64), ..spend(ALICE, 1 << 7 | 3, 1_000, API) };
    let mut carried = expired;
    carried.slack += power_of_two(40);
    carried.account_word -= Fr::ONE;
    assert_eq!(packed(&carried), packed(&expired));
    assert!(integer(&carried.slack).is_some_and(|slack| slack < 1 << 40), "in its range");

    let mut cheat = Case::empty(shape(1, 1, false));
    cheat.push(ALICE, Fr::ZERO, &[expired]);
    let signed = cheat.last_id(0);
    *cheat.slot(0, 0) = carried;
    assert_ne!(cheat.last_id(0), signed);
    cheat.settle();
    cheat.assert_refused(&["base multiple"], Violation::Signature);
}

/// The header alone, apart from the ids that cover it: without a mandate, no id depends on the
/// domain, and nothing needs to be signed again.
#[test]
fn another_domain_without_a_mandate() {
    let mut cheat = Case::empty(shape(2, 2, true));
    cheat.push(ALICE, Fr::from(5u64), &[]);
    cheat.push_idle(0);
    cheat.settle();
    cheat.assert_accepted();
    cheat.statement.private.domain += Fr::ONE;
    committed(cheat);
}

/// The deadlines stay where they are, so the ids stay and so do the signatures.
#[test]
fn another_valid_until() {
    for capture in [false, true] {
        for change in [Fr::from(59u64), -Fr::from(1_000u64)] {
            let mut cheat = Case::honest(capture);
            let signed: Vec<Fr> = (0..4).map(|lane| cheat.last_id(lane)).collect();
            cheat.statement.private.valid_until += change;
            for (lane, slot) in cheat.used() {
                cheat.slot(lane, slot).slack -= change;
            }
            assert_eq!(signed, (0..4).map(|lane| cheat.last_id(lane)).collect::<Vec<_>>());
            committed(cheat);
        }
    }
}

/// Domain and validUntil share the header's number: once β is known, what one gains the other can
/// give back.
#[test]
fn a_domain_paid_for_with_valid_until() {
    let mut cheat = Case::honest(true);
    let honest = cheat.statement.public;
    let seconds = Fr::from(30u64);
    cheat.statement.private.domain -= honest.beta * seconds;
    cheat.statement.private.valid_until += seconds;
    for (lane, slot) in cheat.used() {
        cheat.slot(lane, slot).slack -= seconds;
    }
    cheat.sign_all();
    assert_eq!(cheat.probe().residual("sum"), Fr::ZERO, "the honest R is met");
    committed(cheat);
}

/// Once β is known, an amount can be turned into a count, a mask or a domain. Every mandate of the
/// batch is the attacker's own here, and `R` is the honest one.
#[test]
fn a_theft_made_up_for_in_the_header() {
    for capture in [false, true] {
        let honest = Case::honest(capture);
        let mut cheat = honest.clone();
        cheat.slot(2, 0).captured += Fr::from(1_000_000u64);
        cheat.sign(2);
        let missing = cheat.probe().residual("sum");
        let PublicInputs { commitment, x, beta, .. } = honest.statement.public;
        cheat.statement.private.domain -= missing * (x - commitment) / beta.pow([3]);
        cheat.sign_all();
        assert_eq!(cheat.statement.public, honest.statement.public);
        cheat.assert_refused(&["commitment"], Violation::Commitment);
    }
}

/// The same with the blind, which no id depends on.
#[test]
fn a_theft_made_up_for_in_the_blind() {
    for capture in [false, true] {
        let honest = Case::honest(capture);
        let mut cheat = honest.clone();
        cheat.slot(2, 0).captured += Fr::from(1_000_000u64);
        cheat.sign(2);
        let missing = cheat.probe().residual("sum");
        cheat.statement.private.blind -= missing / honest.statement.public.beta.pow([3]);
        assert_eq!(cheat.own_sum(), honest.statement.public.sum, "the honest R is met");
        cheat.assert_refused(&["commitment"], Violation::Commitment);
    }
}

/// What is hidden is committed to like the rest: with another salt, too, it is another segment.
#[test]
fn another_blind_or_salt() {
    for capture in [false, true] {
        let mut cheat = Case::honest(capture);
        cheat.statement.private.blind += Fr::ONE;
        committed(cheat);
        let mut cheat = Case::honest(capture);
        cheat.statement.private.salt += Fr::ONE;
        committed(cheat);
        // What the blind gains, a salt might give back, were they not hashed one by one.
        let mut cheat = Case::honest(capture);
        let Private { blind, salt, .. } = &mut cheat.statement.private;
        std::mem::swap(blind, salt);
        committed(cheat);
    }
}

/// The header's pole is `C`, which is there before `X`. Where they are equal, there is no inverse,
/// and none can be said to be one.
#[test]
fn a_challenge_on_the_commitment() {
    let mut cheat = Case::honest(true);
    cheat.statement.public.x = cheat.statement.public.commitment;
    for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, cheat.statement.public.beta] {
        let mut cheat = cheat.clone();
        cheat.set("header inverse", 0, value);
        // Whatever is missing, a free inverse could make up for it: R is met.
        cheat.fit_sum();
        assert_eq!(cheat.broken_constraints(), ["header inverse"]);
        assert_eq!(cheat.statement.check(), Err(Violation::Denominator));
    }
}

/// An unused slot is fixed by nothing, so its pole can be put on X. Then no inverse exists, and no
/// value passes for one, used or not.
#[test]
fn an_unused_slot_with_a_zero_denominator() {
    let mut rng = StdRng::seed_from_u64(4);
    for capture in [false, true] {
        // A hole, the rest of a lane, an unused lane.
        for (lane, slot, payer) in [(1, 1, BOB), (2, 1, ALICE), (3, 2, BOB)] {
            let place = 3 * lane + slot;
            let mut on_debit = Case::honest(capture);
            let PublicInputs { x, beta, .. } = on_debit.statement.public;
            on_debit.slot(lane, slot).account_word = x - beta * payer.key_hash();
            let mut on_payout = Case::honest(capture);
            on_payout.slot(lane, slot).payee = x;
            for (cheat, label) in [(on_debit, "debit inverse"), (on_payout, "payout inverse")] {
                cheat.assert_refused(&[label], Violation::Denominator);
                for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, beta, beta.square(), Fr::rand(&mut rng)]
                {
                    let mut cheat = cheat.clone();
                    cheat.set(label, place, value);
                    assert_eq!(cheat.broken_constraints(), [label], "{value}");
                }
            }
        }
    }
}

/// A used slot on the pole: its key or payee would have had to be known before X. Its term is
/// free, if the inverse need not exist.
#[test]
fn a_used_slot_with_a_zero_denominator() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut on_debit = Case::honest(true);
    let PublicInputs { x, beta, .. } = on_debit.statement.public;
    on_debit.slot(2, 0).account_word = x - beta * ALICE.key_hash();
    let mut on_payout = Case::honest(true);
    on_payout.slot(2, 0).payee = x;
    for (mut cheat, label) in [(on_debit, "debit inverse"), (on_payout, "payout inverse")] {
        cheat.sign(2);
        for value in [Fr::ZERO, Fr::ONE, Fr::rand(&mut rng)] {
            let mut cheat = cheat.clone();
            cheat.set(label, 6, value);
            let residual = cheat.probe().residual("commitment");
            cheat.statement.public.commitment += residual;
            cheat.fit_sum();
            assert_eq!(cheat.broken_constraints(), [label]);
            assert_eq!(cheat.statement.check(), Err(Violation::Denominator));
        }
    }
}

/// At β = 0 the payouts' inverses, `v · (X − payee) = β²`, would exist at their poles too, with any
/// `v`. So β must have an inverse of its own.
#[test]
fn a_beta_of_zero() {
    for at_a_pole in [false, true] {
        let mut cheat = Case::honest(true);
        cheat.statement.public.beta = Fr::ZERO;
        if at_a_pole {
            cheat.slot(1, 1).payee = cheat.statement.public.x;
        }
        cheat.fit_sum();
        cheat.assert_refused(&["beta inverse"], Violation::Denominator);
    }
}

/// The circuit's sum as it must not be written: the weighted quotients are the witness, and no
/// inverse need exist.
struct QuotientAsWitness {
    public: PublicInputs,
    domain: Fr,
    valid_until: Fr,
    key_hash: Fr,
    /// `2^bit` and the slot.
    slots: Vec<(Fr, Slot)>,
    /// What the first slot's quotient of this label is said to be, if not what it comes to.
    quotient: Option<(&'static str, Fr)>,
}

impl Circuit for QuotientAsWitness {
    fn synthesize<S: System>(&self, system: &mut S) {
        let Self { public: PublicInputs { commitment, x, beta, sum }, .. } = *self;
        let (zero, one) = (S::L::constant(Fr::ZERO), S::L::constant(Fr::ONE));
        let sum = system.public("R", || sum);
        let header = self.domain + beta * self.valid_until;
        let mut own = S::L::constant(beta.pow([3]) * header / (x - commitment));
        for (place, (spent, slot)) in self.slots.iter().enumerate() {
            let flag = system.witness("flag", || slot.flag);
            system.enforce("flag", &flag, &flag.sub(&one), &zero);
            // flag · (2^bit + β·captured) = u · (X − key − β·keyHash), and so for the payout.
            for (label, pole, weight) in [
                (
                    "debit quotient",
                    x - slot.account_word - beta * self.key_hash,
                    *spent + beta * slot.captured,
                ),
                ("payout quotient", x - slot.payee, beta.square() * slot.captured),
            ] {
                let quotient = system.witness(label, || match self.quotient {
                    Some((chosen, value)) if chosen == label && place == 0 => value,
                    _ => slot.flag * weight * pole.inverse().unwrap_or_default(),
                });
                system.enforce(label, &quotient, &S::L::constant(pole), &flag.scale(weight));
                own = own.add(&quotient);
            }
            own = own.add(&flag.scale(beta.square()));
        }
        system.enforce("sum", &own.sub(&sum), &one, &zero);
    }
}

/// The attack that the separate inverses are there for, shown to bite: with quotients for
/// witnesses, an empty batch of Bob's passes for a debit of Alice's whole balance.
#[test]
fn a_free_quotient_would_be_unlimited_forgery() {
    let mut honest = Case::empty(shape(1, 2, false));
    honest.push(BOB, Fr::ZERO, &[spend(BOB, 3, 50, THIEF)]);
    honest.settle();
    let variant = |case: &Case, quotient: Option<(&'static str, Fr)>| QuotientAsWitness {
        public: case.statement.public,
        domain: case.statement.private.domain,
        valid_until: case.statement.private.valid_until,
        key_hash: BOB.key_hash(),
        slots: case.statement.private.lanes[0]
            .slots
            .iter()
            .map(|slot| (power_of_two(if slot.bit == Fr::ZERO { 0 } else { 3 }), *slot))
            .collect(),
        quotient,
    };
    assert_eq!(Checker::broken(&variant(&honest, None)), [""; 0], "an honest batch passes");

    // Bob signs nothing but an old id, and uses no slot. The wallet is told a theft.
    let mut cheat = Case::empty(shape(1, 2, false));
    cheat.push(BOB, Fr::from(17u64), &[]);
    let balance = 1_000_000_000_000;
    cheat.settlement.count = 1;
    cheat.settlement.debits = vec![Debit {
        account: ALICE.account,
        word: 0,
        mask: 1,
        amount: balance,
        key_hash: ALICE.key_hash(),
    }];
    cheat.settlement.payouts = vec![Payout { payee: THIEF, amount: balance }];
    cheat.bind();
    cheat.assert_refused(&["sum"], Violation::Sum);
    let missing = -cheat.probe().residual("sum");

    // X is known: an unused slot moves onto either pole, and C has not seen it.
    let PublicInputs { x, beta, .. } = cheat.statement.public;
    let (mut on_debit, mut on_payout) = (cheat.clone(), cheat);
    on_debit.slot(0, 0).account_word = x - beta * BOB.key_hash();
    on_payout.slot(0, 0).payee = x;
    for (cheat, quotient, inverse) in [
        (on_debit, "debit quotient", "debit inverse"),
        (on_payout, "payout quotient", "payout inverse"),
    ] {
        assert_eq!(Checker::broken(&variant(&cheat, None)), ["sum"]);
        let theft = variant(&cheat, Some((quotient, missing)));
        assert_eq!(Checker::broken(&theft), [""; 0], "the theft succeeds");

        // In the settlement circuit neither quotient nor inverse can be made to fit.
        cheat.assert_refused(&[inverse, "sum"], Violation::Denominator);
        for value in [missing, Fr::ZERO, Fr::ONE] {
            let mut cheat = cheat.clone();
            cheat.set(inverse, 0, value);
            cheat.assert_caught(&[inverse, "sum"]);
            cheat.fit_sum();
            cheat.assert_caught(&[inverse]);
        }
    }
}

/// All that the wallet is told goes into the challenge, and so does `C`: nothing of it can be
/// chosen to suit `X` or `β`.
#[test]
fn every_number_that_the_wallet_is_told_moves_the_challenge() {
    let honest = Case::honest(true);
    let (x, beta) = honest.settlement.challenges(&honest.named());
    assert_ne!(x, beta);
    let changes: [fn(&mut Settlement); 12] = [
        |settlement| settlement.domain += Fr::ONE,
        |settlement| settlement.valid_until += 1,
        |settlement| settlement.count += 1,
        |settlement| settlement.debits[1].account += 1,
        |settlement| settlement.debits[1].word += 1,
        |settlement| settlement.debits[1].mask += 1,
        |settlement| settlement.debits[1].amount += 1,
        |settlement| settlement.debits[1].key_hash += Fr::ONE,
        |settlement| settlement.debits.swap(0, 1),
        |settlement| settlement.payouts[2].payee = Address::ZERO,
        |settlement| settlement.payouts[2].amount += 1,
        |settlement| settlement.payouts.truncate(2),
    ];
    let mut seen = vec![x, beta];
    for change in changes {
        let mut settlement = honest.settlement.clone();
        change(&mut settlement);
        let (x, beta) = settlement.challenges(&honest.named());
        seen.extend([x, beta]);
    }
    let changes: [fn(&mut Vec<Segment>); 6] = [
        |segments| segments[0].shape = shape(3, 4, true),
        |segments| segments[0].shape = shape(4, 3, false),
        |segments| segments[0].commitment += Fr::ONE,
        |segments| segments.push(segments[0]),
        |segments| segments.push(Segment { shape: shape(1, 1, true), commitment: Fr::ZERO }),
        Vec::clear,
    ];
    for change in changes {
        let mut segments = honest.named();
        change(&mut segments);
        let (x, beta) = honest.settlement.challenges(&segments);
        seen.extend([x, beta]);
    }
    let distinct: BTreeSet<Fr> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len());
}

/// The wallet divides by its own poles; a challenge on one of them settles nothing.
#[test]
fn a_challenge_on_a_pole_of_the_wallets() {
    let case = Case::honest(true);
    let (settlement, named) = (&case.settlement, case.named());
    let Settlement { debits, payouts, .. } = settlement;
    let beta = Fr::from(5u64);
    let on_debit = debits[1].account_word() + beta * debits[1].key_hash;
    for pole in [on_debit, address(payouts[1].payee), named[0].commitment] {
        assert_eq!(settlement.sum(&named, pole, beta), Err(ZeroDenominator));
        assert!(settlement.sum(&named, pole + Fr::ONE, beta).is_ok());
    }
}
