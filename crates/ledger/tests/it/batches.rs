//! Batches: what may be sealed, every step and every step that is not, aborting, and that the
//! chain has the last word.

use aep2_ledger::{
    BatchError, BatchNumber, ChainError, ChainFact, Disposition, FailureReason, LedgerConfig,
    MandateHash, Seal, SettlementPath, Status, Step, records::SettledDebit,
};
use aep2_mandate::units::Nonce;
use alloy_primitives::{Address, B256};

use crate::support::{
    EXPIRES_WITHIN, PROCESSOR, TOKEN, Terms, TestLedger, account, amount, at, balance, block,
    config, deposited, opened,
};

const BATCH_ID: B256 = B256::repeat_byte(0xb1);

pub(crate) fn seal_of(members: &[(Terms, u128)]) -> Seal {
    let valid_until = at(EXPIRES_WITHIN as i64 - 60);
    let members = members.iter().map(|(terms, captured)| (terms.hash(), amount(*captured)));
    Seal {
        path: SettlementPath::Proved,
        token: TOKEN,
        valid_until,
        shape: 0x0004_0008,
        verifier_set: B256::repeat_byte(5),
        blinding: B256::repeat_byte(6),
        members: members.collect(),
    }
}

pub(crate) fn settled(batch_id: B256, debits: Vec<SettledDebit>) -> ChainFact {
    let count = debits.iter().map(|debit| debit.mask.count_ones()).sum();
    ChainFact::BatchSettled {
        batch_id,
        token: TOKEN,
        processor: PROCESSOR,
        count,
        debits: Some(debits),
        transaction: B256::repeat_byte(0x70),
    }
}

/// A ledger with three mandates, of 100, 200 and 300.
fn three() -> (TestLedger, [Terms; 3]) {
    let test = TestLedger::funded();
    let terms = [100, 200, 300].map(|amount| Terms::new(1, amount as u64, amount));
    for terms in &terms {
        test.accept(terms);
    }
    (test, terms)
}

fn seal(test: &TestLedger, members: &[(Terms, u128)]) -> Result<BatchNumber, BatchError> {
    test.ledger.seal(seal_of(members)).wait().map(aep2_ledger::Durable::into_inner)
}

fn step(test: &TestLedger, batch: BatchNumber) -> Step {
    test.ledger.batch(batch).expect("reads").expect("known").step
}

#[test]
fn a_batch_goes_its_way_and_its_mandates_are_settled_with_the_money() {
    let (test, [a, b, c]) = three();
    let batch = seal(&test, &[(a, 100), (b, 200)]).expect("sealed");
    assert_eq!(test.status(a.hash()), Status::InBatch { batch });
    assert_eq!(test.reserved(), 600, "still promised");
    test.ledger.proved(batch, BATCH_ID, b"proof".to_vec()).wait().expect("proved");
    test.ledger.submitted(batch, b"first".to_vec()).wait().expect("submitted");
    test.ledger.submitted(batch, b"second".to_vec()).wait().expect("replaced");
    let test = test.reopen();
    let unfinished = test.ledger.unfinished_batches().expect("reads");
    assert_eq!(unfinished.len(), 1, "recovery finds it");
    assert_eq!(unfinished[0].1.step, Step::Submitted { reference: b"second".to_vec() });
    assert_eq!(test.ledger.proof(batch).expect("reads"), Some(b"proof".to_vec()));
    assert_eq!(test.reserved(), 600, "recomputed from the records");
    let debits = vec![a.debit(100), b.debit(200)];
    let applied = test.apply(block(1_001, vec![settled(BATCH_ID, debits)]));
    assert_eq!(applied.confirmed, [batch]);
    assert_eq!(applied.ended.len(), 2);
    let expected = Status::Settled { batch: Some(batch), amount: amount(200), block: 1_001 };
    assert_eq!(test.status(b.hash()), expected);
    assert_eq!(test.status(c.hash()), Status::Queued);
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (700, 300));
    test.assert_sound();
    // Blocks on top make it final.
    let applied = test.apply(block(1_009, vec![]));
    assert_eq!(applied.finalised, [batch]);
    assert!(matches!(step(&test, batch), Step::Final { block: 1_001, .. }));
    assert_eq!(test.ledger.unfinished_batches().expect("reads"), []);
    test.assert_sound();
}

#[test]
fn where_no_block_is_ever_undone_a_batch_is_final_at_once() {
    let test = TestLedger::with(LedgerConfig { undo_blocks: 0, ..config() });
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let [a, b] = [0, 1].map(|nonce| Terms { deadline: at(1_000), ..Terms::new(1, nonce, 100) });
    test.accept(&a);
    test.accept(&b);
    let seal = Seal { valid_until: at(1_000), ..seal_of(&[(a, 100)]) };
    let batch = test.ledger.seal(seal).wait().expect("sealed").into_inner();
    test.ledger.proved(batch, BATCH_ID, vec![1]).wait().expect("proved");
    let applied = test.apply(block(1_001, vec![settled(BATCH_ID, vec![a.debit(100)])]));
    assert_eq!((applied.confirmed, applied.finalised), (vec![batch], vec![batch]));
    assert!(matches!(step(&test, batch), Step::Final { block: 1_001, .. }));
    let error = test.ledger.rewind(1_000, vec![]).wait().expect_err("never");
    assert!(matches!(error, ChainError::TooDeep { horizon: 1_001, .. }), "{error}");
    test.apply(block(2_001, vec![]));
    assert_eq!(test.ledger.expire(9).wait().expect("looks").into_inner(), [b.hash()]);
    test.reopen().assert_sound();
}

#[test]
fn only_what_is_queued_alike_and_unchanged_is_sealed() {
    let (test, [a, b, _]) = three();
    let other_token = Address::repeat_byte(1);
    let unknown = Terms::new(1, 999, 1);
    type Expected = fn(&BatchError) -> bool;
    let cases: [(Seal, Expected); 7] = [
        (seal_of(&[]), |error| matches!(error, BatchError::Empty)),
        (seal_of(&[(a, 100), (unknown, 1)]), |error| {
            matches!(error, BatchError::UnknownMandate(_))
        }),
        (seal_of(&[(a, 100), (a, 100)]), |error| matches!(error, BatchError::Repeated(_))),
        (seal_of(&[(a, 100), (b, 199)]), |error| matches!(error, BatchError::OtherAmount { .. })),
        (Seal { token: other_token, ..seal_of(&[(a, 100)]) }, |error| {
            matches!(error, BatchError::OtherTokenOrPath(_))
        }),
        (Seal { path: SettlementPath::Direct, ..seal_of(&[(a, 100)]) }, |error| {
            matches!(error, BatchError::OtherTokenOrPath(_))
        }),
        (Seal { valid_until: at(EXPIRES_WITHIN as i64 + 1), ..seal_of(&[(a, 100)]) }, |error| {
            matches!(error, BatchError::Expires { .. })
        }),
    ];
    for (index, (seal, expected)) in cases.into_iter().enumerate() {
        let error = test.ledger.seal(seal).wait().expect_err("refused");
        assert!(expected(&error), "case {index}: {error}");
        assert_eq!(test.status(a.hash()), Status::Queued, "case {index} left no trace");
    }
    let first = seal(&test, &[(a, 100)]).expect("sealed");
    assert_eq!(first, BatchNumber::new(1), "no number was lost to what was refused");
    let error = seal(&test, &[(b, 200), (a, 100)]).expect_err("sealed already");
    assert!(matches!(error, BatchError::WrongStatus { .. }), "{error}");
    assert_eq!(test.status(b.hash()), Status::Queued);
    test.assert_sound();
}

/// What can be tried on a batch.
const MOVES: [&str; 3] = ["prove", "submit", "abort"];

fn try_move(
    test: &TestLedger,
    batch: BatchNumber,
    name: &str,
    members: &[MandateHash],
) -> Result<(), BatchError> {
    let pending = match name {
        "prove" => test.ledger.proved(batch, BATCH_ID, b"proof".to_vec()),
        "submit" => test.ledger.submitted(batch, b"sent".to_vec()),
        _ => {
            let back = members.iter().map(|hash| (*hash, Disposition::Requeue)).collect();
            test.ledger.abort(batch, "refused".into(), back)
        }
    };
    pending.wait().map(drop)
}

#[test]
fn every_step_that_is_not_the_next_is_refused() {
    // What leads to a step, and what may follow it.
    let cases: [(&[&str], &[&str]); 7] = [
        (&[], &["prove", "abort"]),
        (&["prove"], &["submit", "abort"]),
        (&["prove", "submit"], &["submit", "abort"]),
        (&["abort"], &[]),
        (&["prove", "submit", "confirm"], &[]),
        (&["prove", "abort", "confirm"], &[]),
        (&["prove", "submit", "confirm", "finalise"], &[]),
    ];
    for (way, allowed) in cases {
        for name in MOVES {
            let (test, [a, _, _]) = three();
            let batch = seal(&test, &[(a, 100)]).expect("sealed");
            for name in way {
                match *name {
                    "confirm" => {
                        test.apply(block(1_001, vec![settled(BATCH_ID, vec![a.debit(100)])]));
                    }
                    "finalise" => drop(test.apply(block(1_020, vec![]))),
                    name => try_move(&test, batch, name, &[a.hash()]).expect("on the way"),
                }
            }
            let before = step(&test, batch);
            let tried = try_move(&test, batch, name, &[a.hash()]);
            if allowed.contains(&name) {
                tried.expect(name);
            } else {
                let error = tried.expect_err(name);
                assert!(matches!(error, BatchError::WrongStep { .. }), "{way:?}, {name}: {error}");
                assert_eq!(step(&test, batch), before);
            }
            test.assert_sound();
        }
    }
    let (test, _) = three();
    let unknown = try_move(&test, BatchNumber::new(7), "prove", &[]);
    assert!(matches!(unknown, Err(BatchError::UnknownBatch(_))));
}

#[test]
fn an_aborted_batch_leaves_each_mandate_where_it_was_said() {
    let (test, [a, b, c]) = three();
    let batch = seal(&test, &[(a, 100), (b, 200), (c, 300)]).expect("sealed");
    let reason = |text: &str| text.to_owned();
    let all = vec![
        (a.hash(), Disposition::Requeue),
        (b.hash(), Disposition::Quarantined { reason: reason("its account refuses") }),
        (c.hash(), Disposition::GiveUp { reason: reason("lost") }),
    ];
    for missing in 0..3 {
        let mut some = all.clone();
        let (hash, _) = some.remove(missing);
        let error = test.ledger.abort(batch, reason("refused"), some).wait();
        assert!(matches!(error, Err(BatchError::Unsaid(unsaid)) if unsaid == hash));
    }
    let mut more = all.clone();
    more.push((Terms::new(1, 999, 1).hash(), Disposition::Requeue));
    let error = test.ledger.abort(batch, reason("refused"), more).wait();
    assert!(matches!(error, Err(BatchError::UnknownMandate(_))));
    let early = vec![
        (a.hash(), Disposition::Expire),
        (b.hash(), Disposition::Requeue),
        (c.hash(), Disposition::Requeue),
    ];
    let error = test.ledger.abort(batch, reason("refused"), early).wait();
    assert!(matches!(error, Err(BatchError::NotExpired { .. })), "it may still settle");
    assert_eq!(step(&test, batch), Step::Sealed, "nothing was changed");

    test.ledger.abort(batch, reason("refused"), all).wait().expect("aborted");
    assert_eq!(test.reserved(), 300, "what was given up is free");
    let test = test.reopen();
    assert_eq!(test.reserved(), 300);
    assert_eq!(test.status(a.hash()), Status::Queued);
    assert_eq!(
        test.status(b.hash()),
        Status::Quarantined { reason: reason("its account refuses") }
    );
    assert_eq!(test.ledger.quarantined().expect("reads"), [b.hash()]);
    let given_up = FailureReason::GivenUp { reason: reason("lost") };
    assert_eq!(test.status(c.hash()), Status::Failed { reason: given_up });
    let requeued = vec![(b.hash(), Disposition::Requeue)];
    test.ledger.dispose(requeued).wait().expect("queued again");
    let again = seal(&test, &[(a, 100), (b, 200)]).expect("sealed again");
    assert_eq!(again, BatchNumber::new(2));
    let error = test.ledger.dispose(vec![(a.hash(), Disposition::Requeue)]).wait();
    assert!(matches!(error, Err(BatchError::WrongStatus { .. })), "it is in a batch");
    test.assert_sound();
}

#[test]
fn a_batch_that_settles_after_it_was_aborted_has_settled() {
    let (test, [a, b, c]) = three();
    let first = seal(&test, &[(a, 100), (b, 200), (c, 300)]).expect("sealed");
    test.ledger.proved(first, BATCH_ID, vec![1]).wait().expect("proved");
    test.ledger.submitted(first, vec![2]).wait().expect("submitted");
    let dispositions = vec![
        (a.hash(), Disposition::Requeue),
        (b.hash(), Disposition::Requeue),
        (c.hash(), Disposition::GiveUp { reason: "lost".into() }),
    ];
    test.ledger.abort(first, "seems lost".into(), dispositions).wait().expect("aborted");
    let second = seal(&test, &[(a, 100)]).expect("sealed again");
    assert_eq!(test.reserved(), 300);

    let debits = vec![a.debit(100), b.debit(200), c.debit(300)];
    test.apply(block(1_001, vec![settled(BATCH_ID, debits)]));
    for terms in [a, b, c] {
        let status = test.status(terms.hash());
        assert!(matches!(status, Status::Settled { batch: Some(by), .. } if by == first));
    }
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (400, 0));
    test.assert_sound();
    // The second batch has nothing live in it any more.
    test.ledger.abort(second, "settled".into(), vec![]).wait().expect("aborted");
    test.assert_sound();

    // And back, when the block falls away: as before, except that the second batch is gone.
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert!(matches!(step(&test, first), Step::Aborted { .. }));
    assert_eq!(test.status(a.hash()), Status::Queued);
    assert_eq!(test.status(b.hash()), Status::Queued);
    assert!(matches!(test.status(c.hash()), Status::Failed { .. }));
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (1_000, 300));
    test.reopen().assert_sound();
}

#[test]
fn a_nonce_spent_by_something_else_fails_its_mandate_wherever_it_is() {
    let (test, [a, b, c]) = three();
    let batch = seal(&test, &[(a, 100), (b, 200)]).expect("sealed");
    let claimed =
        ChainFact::NonceBurnt { account: account(1), token: TOKEN, nonce: Nonce::new(a.nonce) };
    let foreign = settled(B256::repeat_byte(1), vec![c.debit(7)]);
    let applied = test.apply(block(1_001, vec![claimed, foreign]));
    assert_eq!(applied.ended, [a.hash(), c.hash()]);
    let reason = FailureReason::GuaranteeClaimed { block: 1_001 };
    assert_eq!(test.status(a.hash()), Status::Failed { reason });
    let reason = FailureReason::SpentElsewhere { block: 1_001 };
    assert_eq!(test.status(c.hash()), Status::Failed { reason });
    assert_eq!(test.status(b.hash()), Status::InBatch { batch });
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (993, 200));
    test.assert_sound();
    // Only what is still in the batch needs a disposition.
    let back = vec![(b.hash(), Disposition::Requeue)];
    test.ledger.abort(batch, "a nonce is spent".into(), back).wait().expect("aborted");
    // The claim falls away: its batch is gone, so it is queued.
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(test.status(a.hash()), Status::Queued);
    assert_eq!(test.status(c.hash()), Status::Queued);
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (1_000, 600));
    test.reopen().assert_sound();
}

#[test]
fn what_the_chain_can_never_settle_expires_and_frees_its_money() {
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let soon = |nonce| Terms { deadline: at(605), ..Terms::new(1, nonce, 100) };
    let terms = [soon(0), soon(1), soon(2), Terms::new(1, 3, 100)];
    for terms in &terms {
        test.accept(terms);
    }
    let batch = test.ledger.seal(Seal { valid_until: at(605), ..seal_of(&[(terms[1], 100)]) });
    let batch = batch.wait().expect("sealed").into_inner();
    let quarantined = vec![(terms[2].hash(), Disposition::Quarantined { reason: "odd".into() })];
    test.ledger.dispose(quarantined).wait().expect("quarantined");
    test.apply(block(1_605, vec![]));
    let expired = test.ledger.expire(9).wait().expect("looks").into_inner();
    assert_eq!(expired, [], "a block of the same second could still settle them");
    test.apply(block(1_606, vec![]));
    let expired = test.ledger.expire(1).wait().expect("looks").into_inner();
    assert_eq!(expired, [terms[0].hash()]);
    let expired = test.ledger.expire(9).wait().expect("looks").into_inner();
    assert_eq!(expired, [terms[2].hash()]);
    let reason = FailureReason::Expired;
    assert_eq!(test.status(terms[0].hash()), Status::Failed { reason: reason.clone() });
    assert_eq!(test.status(terms[1].hash()), Status::InBatch { batch }, "aborted first");
    assert_eq!(test.reserved(), 200);
    let all = vec![(terms[1].hash(), Disposition::Expire)];
    test.ledger.abort(batch, "expired".into(), all).wait().expect("aborted");
    assert_eq!(test.status(terms[1].hash()), Status::Failed { reason });
    assert_eq!(test.status(terms[3].hash()), Status::Queued);
    assert_eq!(test.reserved(), 100);
    test.reopen().assert_sound();
}

#[test]
fn a_chain_that_contradicts_itself_is_not_believed() {
    let (test, [a, ..]) = three();
    let batch = seal(&test, &[(a, 100)]).expect("sealed");
    test.ledger.proved(batch, BATCH_ID, vec![]).wait().expect("proved");
    let debit = |amount| SettledDebit { amount: balance(amount), ..a.debit(0) };
    let impossible = [
        vec![settled(BATCH_ID, vec![debit(1_006)])],
        vec![settled(BATCH_ID, vec![debit(1), debit(1)])],
        vec![settled(BATCH_ID, vec![SettledDebit { word: 1 << 57, ..debit(1) }])],
        vec![opened(1)],
        vec![ChainFact::Nonsense { account: account(1), reason: "2^105".into() }],
        vec![deposited(1, (1 << 104) - 1)],
    ];
    for facts in impossible {
        let is_batch = matches!(facts[0], ChainFact::BatchSettled { .. });
        // What comes before and after it, of other accounts, counts.
        let facts = [vec![deposited(1, 5), opened(2)], facts, vec![deposited(2, 7)]].concat();
        let applied = test.apply(block(1_001, facts));
        let [(contradicted, _)] = &applied.contradicted[..] else { panic!("{applied:?}") };
        assert_eq!(*contradicted, account(1));
        assert_eq!(test.ledger.to_be_read(None, 9).expect("reads"), [account(1)]);
        let refused = test.ledger.accept(Terms::new(1, 9, 1).request(), at(0)).wait();
        let refused = refused.expect_err("nothing is promised on it").to_string();
        assert!(refused.contains("being read"), "{refused}");
        test.accept(&Terms::new(2, 0, 7));
        // What the chain settled is settled.
        let settled = matches!(test.status(a.hash()), Status::Settled { .. });
        assert_eq!(settled, is_batch);
        test.ledger.rewind(1_000, vec![]).wait().expect("undone");
        assert_eq!(test.purse().record.balance.get(), 1_000);
        assert_eq!(test.status(a.hash()), Status::InBatch { batch });
        assert_eq!(test.ledger.to_be_read(None, 9).expect("reads"), []);
        let left = vec![(Terms::new(2, 0, 7).hash(), Disposition::GiveUp { reason: "".into() })];
        test.ledger.dispose(left).wait().ok();
    }
}

#[test]
fn what_expired_by_the_time_of_a_block_that_falls_away_is_promised_again() {
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let soon = |nonce| Terms { deadline: at(605), ..Terms::new(1, nonce, 100) };
    let [a, b, c, d] = [0, 1, 2, 3].map(soon);
    for terms in [a, b, c, d] {
        test.accept(&terms);
    }
    let seal = Seal { valid_until: at(605), ..seal_of(&[(c, 100)]) };
    let batch = test.ledger.seal(seal).wait().expect("sealed").into_inner();
    let odd = Status::Quarantined { reason: "odd".into() };
    let quarantined = vec![(b.hash(), Disposition::Quarantined { reason: "odd".into() })];
    test.ledger.dispose(quarantined).wait().expect("quarantined");
    test.apply(block(1_606, vec![]));
    test.ledger.dispose(vec![(d.hash(), Disposition::Expire)]).wait().expect("expired");
    let expired = test.ledger.expire(9).wait().expect("looks").into_inner();
    assert_eq!(expired, [a.hash(), b.hash()]);
    let all = vec![(c.hash(), Disposition::Expire)];
    test.ledger.abort(batch, "expired".into(), all).wait().expect("aborted");
    assert_eq!(test.purse().free, balance(1_000));
    // The block in its place may be of a second in which they could still settle.
    let test = test.reopen();
    let rewound = test.ledger.rewind(1_000, vec![]).wait().expect("undone").into_inner();
    assert_eq!(rewound.revived.len(), 4);
    assert_eq!(test.reserved(), 400);
    assert_eq!(test.status(b.hash()), odd);
    for terms in [a, c, d] {
        assert_eq!(test.status(terms.hash()), Status::Queued);
    }
    test.assert_sound();
    test.apply(block(1_605, vec![]));
    assert_eq!(test.ledger.expire(9).wait().expect("looks").into_inner(), []);
    // Blocks on top do not bring back what the time of an earlier one ended.
    test.apply(block(1_607, vec![]));
    assert_eq!(test.ledger.expire(9).wait().expect("looks").len(), 4);
    test.apply(block(1_608, vec![]));
    test.ledger.rewind(1_607, vec![]).wait().expect("undone");
    assert_eq!(test.purse().free, balance(1_000));
    test.reopen().assert_sound();
}

/// Whoever signs two receipts for one nonce owes both: the wallet lets both be claimed, and says of
/// both that they burnt the nonce. Anybody can have that happen, on an account and with a bond of
/// their own; nobody may stop a processor from following the chain with it.
#[test]
fn a_nonce_that_is_claimed_on_twice_stops_nobody() {
    let (test, [a, ..]) = three();
    let claimed =
        || ChainFact::NonceBurnt { account: account(1), token: TOKEN, nonce: Nonce::new(a.nonce) };
    test.apply(block(1_001, vec![claimed()]));
    let applied = test.apply(block(1_002, vec![claimed(), claimed()]));
    assert_eq!(applied.ended, [], "it ended with the first");
    test.assert_sound();
    test.ledger.rewind(1_001, vec![]).wait().expect("undone");
    let reason = FailureReason::GuaranteeClaimed { block: 1_001 };
    assert_eq!(test.status(a.hash()), Status::Failed { reason });
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(test.status(a.hash()), Status::Queued);
    test.assert_sound();
    // What was settled is no burnt nonce, and the wallet pays no receipt for it.
    let applied = test.apply(block(1_001, vec![claimed(), settled(B256::ZERO, vec![a.debit(1)])]));
    assert_eq!(applied.contradicted, [(account(1), "a nonce was spent twice".to_owned())]);
}
