//! Batches: what may be sealed, every step and every step that is not, aborting, and that the
//! chain has the last word.

use aep2_ledger::{
    BatchError, BatchNumber, ChainError, ChainFact, Disposition, FailureReason, LedgerConfig,
    MandateHash, Seal, SettlementPath, Status, Step, records::SettledDebit,
};
use aep2_mandate::units::Nonce;
use alloy_primitives::{Address, B256};

use crate::support::{
    Book, EXPIRES_WITHIN, PROCESSOR, TOKEN, Terms, account, amount, at, balance, block, config,
    deposited, opened,
};

const COMMITMENT: B256 = B256::repeat_byte(0xc0);

pub(crate) fn seal_of(members: &[(Terms, u128)]) -> Seal {
    let valid_until = at(EXPIRES_WITHIN as i64 - 60);
    let members = members.iter().map(|(terms, captured)| (terms.hash(), amount(*captured)));
    Seal {
        path: SettlementPath::Proved,
        token: TOKEN,
        valid_until,
        shape: 0x0004_0008,
        verifier_set: B256::repeat_byte(5),
        members: members.collect(),
    }
}

pub(crate) fn settled(commitment: B256, debits: Vec<SettledDebit>) -> ChainFact {
    let count = debits.iter().map(|debit| debit.mask.count_ones()).sum();
    ChainFact::BatchSettled {
        batch_id: B256::repeat_byte(0xb1),
        token: TOKEN,
        processor: PROCESSOR,
        commitment,
        count,
        debits,
        transaction: B256::repeat_byte(0x70),
    }
}

/// A ledger with three mandates, of 100, 200 and 300.
fn three() -> (Book, [Terms; 3]) {
    let book = Book::funded();
    let terms = [100, 200, 300].map(|amount| Terms::new(1, amount as u64, amount));
    for terms in &terms {
        book.accept(terms);
    }
    (book, terms)
}

fn seal(book: &Book, members: &[(Terms, u128)]) -> Result<BatchNumber, BatchError> {
    book.ledger.seal(seal_of(members)).wait().map(aep2_ledger::Durable::into_inner)
}

fn step(book: &Book, batch: BatchNumber) -> Step {
    book.ledger.batch(batch).expect("reads").expect("known").step
}

#[test]
fn a_batch_goes_its_way_and_its_mandates_are_settled_with_the_money() {
    let (book, [a, b, c]) = three();
    let batch = seal(&book, &[(a, 100), (b, 200)]).expect("sealed");
    assert_eq!(book.status(a.hash()), Status::InBatch { batch });
    assert_eq!(book.reserved(), 600, "still promised");
    book.ledger.proved(batch, COMMITMENT, b"proof".to_vec()).wait().expect("proved");
    book.ledger.submitted(batch, b"first".to_vec()).wait().expect("submitted");
    book.ledger.submitted(batch, b"second".to_vec()).wait().expect("replaced");
    let book = book.reopen();
    let unfinished = book.ledger.unfinished_batches().expect("reads");
    assert_eq!(unfinished.len(), 1, "recovery finds it");
    assert_eq!(unfinished[0].1.step, Step::Submitted { reference: b"second".to_vec() });
    assert_eq!(book.ledger.proof(batch).expect("reads"), Some(b"proof".to_vec()));
    assert_eq!(book.reserved(), 600, "recomputed from the records");
    let debits = vec![a.debit(100), b.debit(200)];
    let applied = book.apply(block(1_001, vec![settled(COMMITMENT, debits)]));
    assert_eq!(applied.confirmed, [batch]);
    assert_eq!(applied.ended.len(), 2);
    let expected = Status::Settled { batch: Some(batch), amount: amount(200), block: 1_001 };
    assert_eq!(book.status(b.hash()), expected);
    assert_eq!(book.status(c.hash()), Status::Queued);
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (700, 300));
    book.assert_sound();
    // Blocks on top make it final.
    let applied = book.apply(block(1_009, vec![]));
    assert_eq!(applied.finalised, [batch]);
    assert!(matches!(step(&book, batch), Step::Final { block: 1_001, .. }));
    assert_eq!(book.ledger.unfinished_batches().expect("reads"), []);
    book.assert_sound();
}

#[test]
fn where_no_block_is_ever_undone_a_batch_is_final_at_once() {
    let book = Book::with(LedgerConfig { undo_blocks: 0, ..config() });
    book.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let [a, b] = [0, 1].map(|nonce| Terms { deadline: at(1_000), ..Terms::new(1, nonce, 100) });
    book.accept(&a);
    book.accept(&b);
    let seal = Seal { valid_until: at(1_000), ..seal_of(&[(a, 100)]) };
    let batch = book.ledger.seal(seal).wait().expect("sealed").into_inner();
    book.ledger.proved(batch, COMMITMENT, vec![1]).wait().expect("proved");
    let applied = book.apply(block(1_001, vec![settled(COMMITMENT, vec![a.debit(100)])]));
    assert_eq!((applied.confirmed, applied.finalised), (vec![batch], vec![batch]));
    assert!(matches!(step(&book, batch), Step::Final { block: 1_001, .. }));
    let error = book.ledger.rewind(1_000, vec![]).wait().expect_err("never");
    assert!(matches!(error, ChainError::TooDeep { horizon: 1_001, .. }), "{error}");
    book.apply(block(2_001, vec![]));
    assert_eq!(book.ledger.expire(9).wait().expect("looks").into_inner(), [b.hash()]);
    book.reopen().assert_sound();
}

#[test]
fn only_what_is_queued_alike_and_unchanged_is_sealed() {
    let (book, [a, b, _]) = three();
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
            matches!(error, BatchError::OtherTokenOrLane(_))
        }),
        (Seal { path: SettlementPath::Direct, ..seal_of(&[(a, 100)]) }, |error| {
            matches!(error, BatchError::OtherTokenOrLane(_))
        }),
        (Seal { valid_until: at(EXPIRES_WITHIN as i64 + 1), ..seal_of(&[(a, 100)]) }, |error| {
            matches!(error, BatchError::Expires { .. })
        }),
    ];
    for (index, (seal, expected)) in cases.into_iter().enumerate() {
        let error = book.ledger.seal(seal).wait().expect_err("refused");
        assert!(expected(&error), "case {index}: {error}");
        assert_eq!(book.status(a.hash()), Status::Queued, "case {index} left no trace");
    }
    let first = seal(&book, &[(a, 100)]).expect("sealed");
    assert_eq!(first, BatchNumber::new(1), "no number was lost to what was refused");
    let error = seal(&book, &[(b, 200), (a, 100)]).expect_err("sealed already");
    assert!(matches!(error, BatchError::WrongStatus { .. }), "{error}");
    assert_eq!(book.status(b.hash()), Status::Queued);
    book.assert_sound();
}

/// What can be tried on a batch.
const MOVES: [&str; 3] = ["prove", "submit", "abort"];

fn try_move(
    book: &Book,
    batch: BatchNumber,
    name: &str,
    members: &[MandateHash],
) -> Result<(), BatchError> {
    let pending = match name {
        "prove" => book.ledger.proved(batch, COMMITMENT, b"proof".to_vec()),
        "submit" => book.ledger.submitted(batch, b"sent".to_vec()),
        _ => {
            let back = members.iter().map(|hash| (*hash, Disposition::Requeue)).collect();
            book.ledger.abort(batch, "refused".into(), back)
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
            let (book, [a, _, _]) = three();
            let batch = seal(&book, &[(a, 100)]).expect("sealed");
            for name in way {
                match *name {
                    "confirm" => {
                        book.apply(block(1_001, vec![settled(COMMITMENT, vec![a.debit(100)])]));
                    }
                    "finalise" => drop(book.apply(block(1_020, vec![]))),
                    name => try_move(&book, batch, name, &[a.hash()]).expect("on the way"),
                }
            }
            let before = step(&book, batch);
            let tried = try_move(&book, batch, name, &[a.hash()]);
            if allowed.contains(&name) {
                tried.expect(name);
            } else {
                let error = tried.expect_err(name);
                assert!(matches!(error, BatchError::WrongStep { .. }), "{way:?}, {name}: {error}");
                assert_eq!(step(&book, batch), before);
            }
            book.assert_sound();
        }
    }
    let (book, _) = three();
    let unknown = try_move(&book, BatchNumber::new(7), "prove", &[]);
    assert!(matches!(unknown, Err(BatchError::UnknownBatch(_))));
}

#[test]
fn an_aborted_batch_leaves_each_mandate_where_it_was_said() {
    let (book, [a, b, c]) = three();
    let batch = seal(&book, &[(a, 100), (b, 200), (c, 300)]).expect("sealed");
    let reason = |text: &str| text.to_owned();
    let all = vec![
        (a.hash(), Disposition::Requeue),
        (b.hash(), Disposition::Quarantined { reason: reason("its account refuses") }),
        (c.hash(), Disposition::GiveUp { reason: reason("lost") }),
    ];
    for missing in 0..3 {
        let mut some = all.clone();
        let (hash, _) = some.remove(missing);
        let error = book.ledger.abort(batch, reason("refused"), some).wait();
        assert!(matches!(error, Err(BatchError::Unsaid(unsaid)) if unsaid == hash));
    }
    let mut more = all.clone();
    more.push((Terms::new(1, 999, 1).hash(), Disposition::Requeue));
    let error = book.ledger.abort(batch, reason("refused"), more).wait();
    assert!(matches!(error, Err(BatchError::UnknownMandate(_))));
    let early = vec![
        (a.hash(), Disposition::Expire),
        (b.hash(), Disposition::Requeue),
        (c.hash(), Disposition::Requeue),
    ];
    let error = book.ledger.abort(batch, reason("refused"), early).wait();
    assert!(matches!(error, Err(BatchError::NotExpired { .. })), "it may still settle");
    assert_eq!(step(&book, batch), Step::Sealed, "nothing was changed");

    book.ledger.abort(batch, reason("refused"), all).wait().expect("aborted");
    assert_eq!(book.reserved(), 300, "what was given up is free");
    let book = book.reopen();
    assert_eq!(book.reserved(), 300);
    assert_eq!(book.status(a.hash()), Status::Queued);
    assert_eq!(
        book.status(b.hash()),
        Status::Quarantined { reason: reason("its account refuses") }
    );
    assert_eq!(book.ledger.quarantined().expect("reads"), [b.hash()]);
    let given_up = FailureReason::GivenUp { reason: reason("lost") };
    assert_eq!(book.status(c.hash()), Status::Failed { reason: given_up });
    let requeued = vec![(b.hash(), Disposition::Requeue)];
    book.ledger.dispose(requeued).wait().expect("queued again");
    let again = seal(&book, &[(a, 100), (b, 200)]).expect("sealed again");
    assert_eq!(again, BatchNumber::new(2));
    let error = book.ledger.dispose(vec![(a.hash(), Disposition::Requeue)]).wait();
    assert!(matches!(error, Err(BatchError::WrongStatus { .. })), "it is in a batch");
    book.assert_sound();
}

#[test]
fn a_batch_that_settles_after_it_was_aborted_has_settled() {
    let (book, [a, b, c]) = three();
    let first = seal(&book, &[(a, 100), (b, 200), (c, 300)]).expect("sealed");
    book.ledger.proved(first, COMMITMENT, vec![1]).wait().expect("proved");
    book.ledger.submitted(first, vec![2]).wait().expect("submitted");
    let dispositions = vec![
        (a.hash(), Disposition::Requeue),
        (b.hash(), Disposition::Requeue),
        (c.hash(), Disposition::GiveUp { reason: "lost".into() }),
    ];
    book.ledger.abort(first, "seems lost".into(), dispositions).wait().expect("aborted");
    let second = seal(&book, &[(a, 100)]).expect("sealed again");
    assert_eq!(book.reserved(), 300);

    let debits = vec![a.debit(100), b.debit(200), c.debit(300)];
    book.apply(block(1_001, vec![settled(COMMITMENT, debits)]));
    for terms in [a, b, c] {
        let status = book.status(terms.hash());
        assert!(matches!(status, Status::Settled { batch: Some(by), .. } if by == first));
    }
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (400, 0));
    book.assert_sound();
    // The second batch has nothing live in it any more.
    book.ledger.abort(second, "settled".into(), vec![]).wait().expect("aborted");
    book.assert_sound();

    // And back, when the block falls away: as before, except that the second batch is gone.
    book.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert!(matches!(step(&book, first), Step::Aborted { .. }));
    assert_eq!(book.status(a.hash()), Status::Queued);
    assert_eq!(book.status(b.hash()), Status::Queued);
    assert!(matches!(book.status(c.hash()), Status::Failed { .. }));
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (1_000, 300));
    book.reopen().assert_sound();
}

#[test]
fn a_nonce_spent_by_something_else_fails_its_mandate_wherever_it_is() {
    let (book, [a, b, c]) = three();
    let batch = seal(&book, &[(a, 100), (b, 200)]).expect("sealed");
    let claimed = ChainFact::GuaranteeClaimed {
        account: account(1),
        token: TOKEN,
        nonce: Nonce::new(a.nonce),
        nonce_burnt: true,
    };
    let foreign = settled(B256::repeat_byte(1), vec![c.debit(7)]);
    let not_burnt = ChainFact::GuaranteeClaimed {
        account: account(1),
        token: TOKEN,
        nonce: Nonce::new(b.nonce),
        nonce_burnt: false,
    };
    let applied = book.apply(block(1_001, vec![claimed, foreign, not_burnt]));
    assert_eq!(applied.ended, [a.hash(), c.hash()]);
    let reason = FailureReason::GuaranteeClaimed { block: 1_001 };
    assert_eq!(book.status(a.hash()), Status::Failed { reason });
    let reason = FailureReason::SpentElsewhere { block: 1_001 };
    assert_eq!(book.status(c.hash()), Status::Failed { reason });
    assert_eq!(book.status(b.hash()), Status::InBatch { batch }, "a stranger's receipt");
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (993, 200));
    book.assert_sound();
    // Only what is still in the batch needs a word.
    let back = vec![(b.hash(), Disposition::Requeue)];
    book.ledger.abort(batch, "a nonce is spent".into(), back).wait().expect("aborted");
    // The claim falls away: its batch is gone, so it is queued.
    book.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(book.status(a.hash()), Status::Queued);
    assert_eq!(book.status(c.hash()), Status::Queued);
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (1_000, 600));
    book.reopen().assert_sound();
}

#[test]
fn what_the_chain_can_never_settle_expires_and_frees_its_money() {
    let book = Book::empty();
    book.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let soon = |nonce| Terms { deadline: at(605), ..Terms::new(1, nonce, 100) };
    let terms = [soon(0), soon(1), soon(2), Terms::new(1, 3, 100)];
    for terms in &terms {
        book.accept(terms);
    }
    let batch = book.ledger.seal(Seal { valid_until: at(605), ..seal_of(&[(terms[1], 100)]) });
    let batch = batch.wait().expect("sealed").into_inner();
    let quarantined = vec![(terms[2].hash(), Disposition::Quarantined { reason: "odd".into() })];
    book.ledger.dispose(quarantined).wait().expect("quarantined");
    book.apply(block(1_605, vec![]));
    let expired = book.ledger.expire(9).wait().expect("looks").into_inner();
    assert_eq!(expired, [], "a block of the same second could still settle them");
    book.apply(block(1_606, vec![]));
    let expired = book.ledger.expire(1).wait().expect("looks").into_inner();
    assert_eq!(expired, [terms[0].hash()]);
    let expired = book.ledger.expire(9).wait().expect("looks").into_inner();
    assert_eq!(expired, [terms[2].hash()]);
    let reason = FailureReason::Expired;
    assert_eq!(book.status(terms[0].hash()), Status::Failed { reason: reason.clone() });
    assert_eq!(book.status(terms[1].hash()), Status::InBatch { batch }, "aborted first");
    assert_eq!(book.reserved(), 200);
    let all = vec![(terms[1].hash(), Disposition::Expire)];
    book.ledger.abort(batch, "expired".into(), all).wait().expect("aborted");
    assert_eq!(book.status(terms[1].hash()), Status::Failed { reason });
    assert_eq!(book.status(terms[3].hash()), Status::Queued);
    assert_eq!(book.reserved(), 100);
    book.reopen().assert_sound();
}

#[test]
fn a_chain_that_contradicts_itself_is_not_believed() {
    let (book, [a, ..]) = three();
    let batch = seal(&book, &[(a, 100)]).expect("sealed");
    book.ledger.proved(batch, COMMITMENT, vec![]).wait().expect("proved");
    let debit = |amount| SettledDebit { amount: balance(amount), ..a.debit(0) };
    let impossible = [
        vec![settled(COMMITMENT, vec![debit(1_006)])],
        vec![settled(COMMITMENT, vec![debit(1), debit(1)])],
        vec![settled(COMMITMENT, vec![SettledDebit { word: 1 << 57, ..debit(1) }])],
        vec![opened(1)],
        vec![deposited(2, 1)],
        vec![ChainFact::ChangeCancelled { account: account(2) }],
        vec![deposited(1, (1 << 104) - 1)],
    ];
    for facts in impossible {
        // What comes before the contradiction leaves no trace either.
        let facts = [vec![deposited(1, 5)], facts].concat();
        let error = book.ledger.apply_block(block(1_001, facts)).wait().expect_err("refused");
        assert!(matches!(error, ChainError::Contradiction { index: 1, .. }), "{error}");
        assert_eq!(book.purse().record.balance.get(), 1_000);
        assert_eq!(book.status(a.hash()), Status::InBatch { batch });
    }
    book.assert_sound();
}

#[test]
fn what_expired_by_the_time_of_a_block_that_falls_away_is_promised_again() {
    let book = Book::empty();
    book.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let soon = |nonce| Terms { deadline: at(605), ..Terms::new(1, nonce, 100) };
    let [a, b, c, d] = [0, 1, 2, 3].map(soon);
    for terms in [a, b, c, d] {
        book.accept(&terms);
    }
    let seal = Seal { valid_until: at(605), ..seal_of(&[(c, 100)]) };
    let batch = book.ledger.seal(seal).wait().expect("sealed").into_inner();
    let odd = Status::Quarantined { reason: "odd".into() };
    let quarantined = vec![(b.hash(), Disposition::Quarantined { reason: "odd".into() })];
    book.ledger.dispose(quarantined).wait().expect("quarantined");
    book.apply(block(1_606, vec![]));
    book.ledger.dispose(vec![(d.hash(), Disposition::Expire)]).wait().expect("expired");
    let expired = book.ledger.expire(9).wait().expect("looks").into_inner();
    assert_eq!(expired, [a.hash(), b.hash()]);
    let all = vec![(c.hash(), Disposition::Expire)];
    book.ledger.abort(batch, "expired".into(), all).wait().expect("aborted");
    assert_eq!(book.purse().free, balance(1_000));
    // The block in its place may be of a second in which they could still settle.
    let book = book.reopen();
    let rewound = book.ledger.rewind(1_000, vec![]).wait().expect("undone").into_inner();
    assert_eq!(rewound.revived.len(), 4);
    assert_eq!(book.reserved(), 400);
    assert_eq!(book.status(b.hash()), odd);
    for terms in [a, c, d] {
        assert_eq!(book.status(terms.hash()), Status::Queued);
    }
    book.assert_sound();
    book.apply(block(1_605, vec![]));
    assert_eq!(book.ledger.expire(9).wait().expect("looks").into_inner(), []);
    // Blocks on top do not bring back what the time of an earlier one ended.
    book.apply(block(1_607, vec![]));
    assert_eq!(book.ledger.expire(9).wait().expect("looks").len(), 4);
    book.apply(block(1_608, vec![]));
    book.ledger.rewind(1_607, vec![]).wait().expect("undone");
    assert_eq!(book.purse().free, balance(1_000));
    book.reopen().assert_sound();
}

/// Whoever signs two receipts for one nonce owes both: the wallet lets both be claimed, and says of
/// both that they burnt the nonce. Anybody can have that happen, on an account and with a bond of
/// their own; nobody may stop a processor from following the chain with it.
#[test]
fn a_nonce_that_is_claimed_on_twice_stops_nobody() {
    let (book, [a, ..]) = three();
    let claimed = || ChainFact::GuaranteeClaimed {
        account: account(1),
        token: TOKEN,
        nonce: Nonce::new(a.nonce),
        nonce_burnt: true,
    };
    book.apply(block(1_001, vec![claimed()]));
    let applied = book.apply(block(1_002, vec![claimed(), claimed()]));
    assert_eq!(applied.ended, [], "it ended with the first");
    book.assert_sound();
    book.ledger.rewind(1_001, vec![]).wait().expect("undone");
    let reason = FailureReason::GuaranteeClaimed { block: 1_001 };
    assert_eq!(book.status(a.hash()), Status::Failed { reason });
    book.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(book.status(a.hash()), Status::Queued);
    book.assert_sound();
    // What was settled is no burnt nonce, and the wallet pays no receipt for it.
    let twice = vec![claimed(), settled(B256::ZERO, vec![a.debit(1)])];
    let error = book.ledger.apply_block(block(1_001, twice)).wait().expect_err("spent twice");
    assert!(matches!(error, ChainError::Contradiction { index: 1, .. }), "{error}");
}
