//! Feared: segments that only together, or only apart, are what they claim to be.
//!
//! Each segment has its proof; what they say of one window, they say only in the sum. The wallet
//! draws one challenge from all commitments and all entries, gives every commitment a pole for the
//! header, and looks whether the `R` add up. The cheat hands out the `R`: here they always add up to
//! what the wallet computes, and a circuit has to refuse its own.
//!
//! That a check is needed is shown by leaving it out: a variable that it fixes is set to what the
//! circuit without it would have, and then nothing but that check stands against the cheat.

use aep2_circuits::{
    settlement::{Debit, PublicInputs, Settlement},
    statement::{Private, Violation},
};
use aep2_mandate::{
    commitment::{self, SLOTS_MAX},
    poseidon,
};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use crate::{
    support::{ALICE, API, BOB, Case, DOMAIN, MALLORY, THIEF, VALID_UNTIL, address, shape, spend},
    wallet::{Refusal, Wallet},
};

/// What the wallet would compute if all headers stood under one pole, each weighted by this.
fn total_with_headers(case: &Case, weight: Fr) -> Fr {
    let PublicInputs { x, beta, .. } = case.statement.public;
    let Settlement { domain, valid_until, .. } = &case.settlement;
    let entries = case.settlement.sum(&[], x, beta).expect("no pole");
    let header = *domain + beta * Fr::from(*valid_until);
    entries + weight * header * Fr::from(case.segments.len() as u64)
}

/// Mandates of other wallets, or expired ones: a segment has a domain or a validUntil too high, and
/// another makes up for it. Their payers have signed them, for where they belong.
#[test]
fn two_headers_that_only_cancel_in_the_sum() {
    for capture in [false, true] {
        for (domain, until) in [(1u64, 0u64), (0, 1), (1, 1), (1_000, 59)] {
            let mut cheat = Case::three_segments(capture);
            for (segment, sign) in cheat.segments.iter_mut().zip([Fr::ONE, -Fr::ONE]) {
                segment.statement.private.domain += sign * Fr::from(domain);
                segment.statement.private.valid_until += sign * Fr::from(until);
                segment.sign_all();
            }
            cheat.bind();
            assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
            cheat.assert_refused(&["sum"], Violation::Sum);

            // Were the headers simply added up, what one has too much the other would lack.
            let cube = cheat.statement.public.beta.pow([3]);
            cheat.segments.iter_mut().for_each(|segment| segment.set("header inverse", 0, cube));
            cheat.share_out(total_with_headers(&cheat, cube));
            assert_eq!(cheat.broken_constraints(), ["header inverse"; 3]);
        }
    }
}

/// The header's pole is the segment's own `C`, not one that the prover picks: at another segment's,
/// the two would add up again.
#[test]
fn a_header_at_another_segments_pole() {
    let mut cheat = Case::three_segments(true);
    for (segment, sign) in cheat.segments.iter_mut().zip([Fr::ONE, -Fr::ONE]) {
        segment.statement.private.domain += sign;
        segment.sign_all();
    }
    cheat.bind();
    let PublicInputs { x, beta, .. } = cheat.statement.public;
    let pole = x - cheat.segments[2].statement.public.commitment;
    let quotient = beta.pow([3]) / pole;
    cheat.segments.iter_mut().for_each(|segment| segment.set("header inverse", 0, quotient));
    cheat.share_out(total_with_headers(&cheat, quotient));
    assert_eq!(cheat.broken_constraints(), ["header inverse"; 2], "the third one's is its own");
}

/// A proof is good twice over. Shown as what it comes to twice, the circuits agree, and the masks
/// have carried; shown as once, it does not add up.
#[test]
fn the_same_segment_twice() {
    for capture in [false, true] {
        let honest = Case::pair(capture);
        let mut cheat = honest.clone();
        cheat.segments.push(honest.segments[0].clone());
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);

        cheat.settle();
        cheat.assert_accepted();
        assert_eq!(cheat.settlement.count, 2 * honest.settlement.count);
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));

        // In entries of their own, the second has its nonces spent by the first.
        cheat.settlement = Settlement {
            count: cheat.settlement.count,
            debits: honest.settlement.debits.repeat(2),
            payouts: honest.settlement.payouts.repeat(2),
            ..honest.settlement
        };
        cheat.bind();
        cheat.assert_accepted();
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Spent));
    }
}

/// One of several twice: its blind does not cancel any more.
#[test]
fn one_of_several_segments_twice() {
    let mut cheat = Case::three_segments(true);
    cheat.segments.push(cheat.segments[1].clone());
    cheat.settle();
    cheat.assert_refused(&["sum"], Violation::Sum);
    let blind = cheat.segments[1].statement.private.blind;
    cheat.statement.private.blind -= blind;
    cheat.bind();
    cheat.assert_accepted();
    assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));
}

/// One mandate, with its one signature, in two segments: of one shape or of two.
#[test]
fn one_mandate_in_two_segments() {
    for capture in [false, true] {
        for second in [shape(1, 1, capture), shape(1, 2, capture), shape(2, 1, capture)] {
            let mandate = spend(ALICE, 3, 1_000_000, THIEF);
            let mut cheat = Case::of_segments(&[shape(1, 1, capture), second]);
            cheat.push(ALICE, Fr::ZERO, &[mandate]);
            let once = cheat.entries();
            cheat.segments[1].push(ALICE, Fr::ZERO, &[mandate]);
            if second.lanes() == 2 {
                cheat.segments[1].push_idle(0);
            }
            cheat.settle();
            cheat.assert_accepted();
            assert_eq!(cheat.settlement.debits[0].mask, 1 << 4, "a carry, across segments");
            assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));

            // As one nonce 4, counted once, which the wallet would take; as one nonce 3, however
            // counted.
            let amount = cheat.settlement.debits[0].amount;
            let told = [(1 << 4, amount, 1), (1 << 3, amount, 1), (1 << 3, amount, 2)];
            for (mask, amount, count) in told {
                cheat.settlement.debits = vec![Debit { mask, amount, ..once.debits[0] }];
                cheat.settlement.count = count;
                cheat.bind();
                cheat.assert_refused(&["sum"], Violation::Sum);
            }
        }
    }
}

/// Carries that only come about over several segments, and a nonce in two entries.
#[test]
fn carries_across_segments() {
    let one = shape(1, 1, false);
    for (nonces, mask) in [(&[3u64, 3, 4][..], 1u128 << 5), (&[0, 0, 1, 2], 1 << 3)] {
        let mut cheat = Case::of_segments(&vec![one; nonces.len()]);
        for (segment, nonce) in cheat.segments.iter_mut().zip(nonces) {
            segment.push(ALICE, Fr::from(*nonce), &[spend(ALICE, *nonce, 1_000, API)]);
        }
        cheat.settle();
        cheat.assert_accepted();
        assert_eq!(cheat.settlement.debits[0].mask, mask);
        assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Count));
    }

    let mut cheat = Case::of_segments(&[one, one]);
    for segment in &mut cheat.segments {
        segment.push(ALICE, Fr::ZERO, &[spend(ALICE, 3, 1_000, API)]);
    }
    cheat.settlement = cheat.entries();
    let half = Debit { mask: 1 << 3, amount: 1_000, ..cheat.settlement.debits[0] };
    cheat.settlement.debits = vec![half, half];
    cheat.bind();
    cheat.assert_accepted();
    assert_eq!(Wallet::new().settle(&cheat.settlement), Err(Refusal::Spent));
}

#[test]
fn a_segment_left_out() {
    for capture in [false, true] {
        for left_out in 0..3 {
            let mut cheat = Case::three_segments(capture);
            cheat.segments.remove(left_out);
            // Its entries settle, its proof is missing. The others prove what they are; that it does
            // not add up is all that the wallet can see.
            cheat.bind();
            cheat.assert_refused(&["sum"], Violation::Sum);
            cheat.fit_sum();
            assert_eq!(cheat.broken_constraints(), [""; 0]);
            assert!(!cheat.adds_up());
            // Neither do the others settle by themselves: their blinds do not cancel. It is no theft
            // to cover them anew.
            cheat.settle();
            cheat.assert_refused(&["sum"], Violation::Sum);
            cheat.segments.iter_mut().for_each(|own| own.statement.private.blind = Fr::ZERO);
            cheat.bind();
            cheat.assert_accepted();
        }
    }
}

/// A segment without a mandate is none that the wallet could mistake for another. It settles nothing,
/// but its header must be right, and its blind is one of the sum's.
#[test]
fn a_segment_without_a_mandate() {
    let mut case = Case::of_segments(&[shape(1, 1, true), shape(2, 2, true)]);
    case.push(BOB, Fr::ZERO, &[spend(BOB, 3, 50, THIEF)]);
    case.segments[1].push(ALICE, Fr::from(5u64), &[]);
    case.segments[1].push_idle(0);
    case.settle();
    case.assert_accepted();
    assert_eq!(case.settlement.count, 1);
    let changes: [fn(&mut Private); 2] =
        [|own| own.domain += Fr::ONE, |own| own.valid_until -= Fr::ONE];
    for change in changes {
        let mut cheat = case.clone();
        change(&mut cheat.segments[1].statement.private);
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// The order is part of the id. In another, the same proofs are proofs for another challenge.
#[test]
fn segments_reordered_after_the_seed() {
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let mut cheat = Case::three_segments(true);
        let seed = cheat.settlement.seed(&cheat.named());
        cheat.segments.swap(one, other);
        assert_ne!(cheat.settlement.seed(&cheat.named()), seed);
        // Under the challenge that they were made for, they are as good as before.
        cheat.assert_accepted();
        let (x, beta) = cheat.settlement.challenges(&cheat.named());
        for segment in &mut cheat.segments {
            (segment.statement.public.x, segment.statement.public.beta) = (x, beta);
        }
        assert!(!cheat.adds_up());
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// The sums add up, whoever has which.
#[test]
fn a_sum_moved_to_another_segment() {
    for capture in [false, true] {
        let honest = Case::three_segments(capture);
        let mut swapped = honest.clone();
        let sums = honest.segments.iter().map(|segment| segment.statement.public.sum);
        for (segment, sum) in swapped.segments.iter_mut().rev().zip(sums) {
            segment.statement.public.sum = sum;
        }
        let mut shifted = honest.clone();
        shifted.segments[0].statement.public.sum += Fr::from(7u64);
        shifted.segments[2].statement.public.sum -= Fr::from(7u64);
        for cheat in [swapped, shifted] {
            assert!(cheat.adds_up(), "the wallet does not see it");
            assert_eq!(cheat.broken_constraints(), ["sum"; 2]);
            cheat.assert_refused(&["sum"], Violation::Sum);
        }
    }
}

/// A commitment that is a payee's address takes 2^94 hashes to find. Suppose that it was found (the
/// circuit would say otherwise): then header and payout have one pole, and only powers of β between
/// them.
#[test]
fn a_payee_that_is_a_commitment() {
    for capture in [false, true] {
        let mut case = Case::honest(capture);
        case.bind_to(address(API));
        assert_eq!(case.broken_constraints(), ["commitment"], "the sum is what it should be");

        // Mandates of a domain one below, and the payee is paid one unit less, or so the wallet is
        // told.
        let mut cheat = case.clone();
        cheat.statement.private.domain -= Fr::ONE;
        cheat.sign_all();
        assert_eq!(cheat.settlement.payouts[0].payee, API);
        cheat.settlement.payouts[0].amount -= 1;
        cheat.bind_to(address(API));
        cheat.assert_caught(&["commitment", "sum"]);

        // Under one power of β, β², header and payout would be one number: one up, one down.
        let PublicInputs { x, beta, .. } = cheat.statement.public;
        let quotient = beta.square() / (x - address(API));
        cheat.set("header inverse", 0, quotient);
        cheat.share_out(total_with_headers(&cheat, quotient));
        cheat.assert_caught(&["commitment", "header inverse"]);
    }
}

/// Whoever may change a commitment once `X` and `β` are known, chooses the blind in it.
#[test]
fn a_commitment_changed_after_the_challenge() {
    for capture in [false, true] {
        // The wallet is told that Mallory pays Alice's debit.
        let mut cheat = Case::three_segments(capture);
        let debit = &mut cheat.settlement.debits[0];
        assert_eq!(debit.account, ALICE.account);
        (debit.account, debit.key_hash) = (MALLORY.account, MALLORY.key_hash());
        debit.word = 77;
        cheat.bind();
        assert_eq!(Wallet::new().settle(&cheat.settlement), Ok(()));
        cheat.assert_refused(&["sum"], Violation::Sum);

        let missing = cheat.statement.public.sum - cheat.own_sum();
        let beta = cheat.statement.public.beta;
        let changed = &mut cheat.segments[1];
        changed.statement.private.blind += missing / beta.pow([3]);
        changed.statement.public.commitment = changed.commitment();
        cheat.fit_sum();
        cheat.assert_accepted();

        // The wallet hashes that commitment, and draws another challenge.
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// The blinds are in the sum to hide the segments' parts, and must not be in it as a whole.
#[test]
fn blinds_that_do_not_cancel() {
    for capture in [false, true] {
        for segment in 0..3 {
            for change in [Fr::ONE, -Fr::ONE, DOMAIN] {
                let mut cheat = Case::three_segments(capture);
                cheat.segments[segment].statement.private.blind += change;
                cheat.bind();
                cheat.assert_refused(&["sum"], Violation::Sum);
                let missing = cheat.statement.public.sum - cheat.own_sum();
                assert_eq!(missing, -cheat.statement.public.beta.pow([3]) * change);
                cheat.fit_sum();
                assert_eq!(
                    cheat.broken_constraints(),
                    [""; 0],
                    "one segment is as good as another"
                );
                assert!(!cheat.adds_up());
            }
        }
        // A single one has nothing to hide, and no blind.
        let mut cheat = Case::honest(capture);
        cheat.statement.private.blind = Fr::ONE;
        cheat.bind();
        cheat.assert_refused(&["sum"], Violation::Sum);
    }
}

/// The blind has a power of β where nothing else of the polynomial part is. Beside the count, it
/// could say how many mandates there are.
#[test]
fn a_blind_that_counts() {
    let mut cheat = Case::three_segments(true);
    cheat.segments[1].statement.private.blind += Fr::ONE;
    cheat.settlement.count += 1;
    cheat.bind();
    cheat.assert_refused(&["sum"], Violation::Sum);

    let square = cheat.statement.public.beta.square();
    for segment in &mut cheat.segments {
        let blinded = segment.statement.private.blind * square;
        segment.set("sum", 3, blinded);
    }
    cheat.challenge().expect("no pole");
    assert_eq!(cheat.broken_constraints(), ["sum"; 3], "each for its product, none for its sum");
    assert_eq!(cheat.own_sum(), cheat.statement.public.sum);
}

/// The lanes of one shape, filled up, are lanes of a longer one: leaf and root are the same. Only
/// the shape tells the commitments apart.
#[test]
fn one_commitment_in_two_shapes() {
    let mandates = [spend(ALICE, 3, 1_000, API), spend(ALICE, 9, 70, THIEF)];
    let of_shape = |slots: u32| {
        let mut case = Case::empty(shape(1, slots, false));
        case.push(ALICE, Fr::ZERO, &mandates);
        case.settle();
        case.assert_accepted();
        case
    };
    let (short, mut long) = (of_shape(2), of_shape(3));
    let leaves = |case: &Case| {
        let statement = &case.statement;
        aep2_circuits::statement::Statement::leaves_of(statement.shape, &statement.private)
    };
    assert_eq!(leaves(&short), leaves(&long), "all but the shape is the same");
    assert_eq!(short.settlement, long.settlement);
    assert_ne!(short.commitment(), long.commitment());
    long.bind_to(short.commitment());
    long.assert_refused(&["commitment"], Violation::Commitment);

    // The shape folded into another input is none: the circuit does not range that.
    let root = commitment::root(&leaves(&short));
    let cover = commitment::cover(Fr::ZERO, Fr::from(90u64));
    let folded = |until: Fr, shape: u32| {
        let until = until + Fr::from(u64::from(shape) << 40);
        poseidon::hash(&[root, DOMAIN, until, cover])
    };
    let (one, other) = (short.statement.shape.id(), long.statement.shape.id());
    let until = Fr::from(VALID_UNTIL);
    let absorbed = until + Fr::from(u64::from(one) << 40) - Fr::from(u64::from(other) << 40);
    assert_eq!(folded(until, one), folded(absorbed, other));
}

/// What `C` hashes stands in inputs of its own: nothing that one gains can another give back.
#[test]
fn the_commitments_inputs_stay_apart() {
    let parts = [77u64, 78, 79, 80, 81].map(Fr::from);
    let of = |[root, domain, until, shape, cover]: [Fr; 5]| {
        poseidon::hash(&[root, domain, until, shape, cover])
    };
    let shape = shape(3, 4, true).id();
    let [root, domain, until, _, cover] = parts;
    let found = commitment::commitment(root, domain, until, shape, cover);
    assert_eq!(found, of([root, domain, until, Fr::from(shape), cover]));
    for from in 0..5 {
        for to in (0..5).filter(|to| *to != from) {
            for exponent in [0u64, 32, 40, 160] {
                let mut moved = parts;
                let amount = Fr::from(2u64).pow([exponent]);
                (moved[from], moved[to]) = (moved[from] - amount, moved[to] + amount);
                assert_ne!(of(moved), of(parts));
            }
            let mut swapped = parts;
            swapped.swap(from, to);
            assert_ne!(of(swapped), of(parts));
        }
    }
}

/// A leaf whose last chunk is one element would end in a hash of two, as a node is. Lanes of 27 and
/// 28 slots with capture have 17 elements; they hash a zero more.
#[test]
fn no_leaf_looks_like_a_node() {
    for slots in [25, 26, 27, 28, 29] {
        let mut case = Case::empty(shape(1, slots, true));
        case.push(ALICE, Fr::ZERO, &[spend(ALICE, 3, 1_000, API)]);
        case.settle();
        case.assert_accepted();
        let lane = &case.statement.private.lanes[0];
        let [flags, captured] = [0, 1].map(|part| {
            lane.slots.iter().map(|slot| [slot.flag, slot.captured][part]).collect::<Vec<Fr>>()
        });
        let (last_id, key_hash) = (case.last_id(0), ALICE.key_hash());
        let elements = commitment::lane_elements(&last_id, &key_hash, &flags, Some(&captured));
        let expected = match slots {
            25 | 26 => 16,
            _ => 18,
        };
        assert_eq!(elements.len(), expected, "{slots} slots");
        assert!(poseidon::last_chunk(elements.len()) > 1);
        // As a cheat would have it: the last element beside the hash of the others.
        if elements.len() == 18 {
            let (first, last) = (poseidon::hash(&elements[..16]), elements[16]);
            assert_ne!(commitment::leaf(&elements), poseidon::hash(&[first, last]));
            let mut cheat = case.clone();
            let Private { domain, valid_until, .. } = case.statement.private;
            let cover = commitment::cover(Fr::ZERO, case.statement.private.salt);
            let node = poseidon::hash(&[first, last]);
            let id = case.statement.shape.id();
            cheat.bind_to(commitment::commitment(node, domain, valid_until, id, cover));
            cheat.assert_refused(&["commitment"], Violation::Commitment);
        }
    }
    assert!((1..=SLOTS_MAX).all(|slots| {
        let flags = vec![Fr::ONE; slots];
        let elements = commitment::lane_elements(&Fr::ONE, &Fr::ONE, &flags, Some(&flags));
        poseidon::last_chunk(elements.len()) > 1
    }));
}
