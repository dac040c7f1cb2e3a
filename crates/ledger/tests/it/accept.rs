//! Acceptance: every refusal, their order, and that no receipt is given without a reservation on
//! disk.

use std::{collections::BTreeSet, sync::Arc, thread};

use aep2_ledger::{
    AcceptError, AcceptRequest, ChainFact, Close, Durable, GateReason, GateScope, JournalError,
    LedgerConfig, LedgerError, Precheck, Received, Refusal, Sequence, Status, UnconfirmedKind,
    UnconfirmedRequest, records::SettledDebit,
};
use aep2_mandate::units::Nonce;
use alloy_primitives::{Address, B256};

use crate::support::{
    NOW, SETTLE_WITHIN, TOKEN, Terms, TestLedger, VERIFIERS, account, at, balance, block, config,
    deposited, domain, key_hash, opened, withdrawal,
};

fn refusal(test: &TestLedger, request: AcceptRequest, now: i64) -> Option<Refusal> {
    let ahead = test.ledger.check(&request, at(now));
    let refusal = match test.ledger.accept(request, at(now)).wait() {
        Ok(_) => None,
        Err(AcceptError::Refused(refusal)) => Some(refusal),
        Err(error) => panic!("{error}"),
    };
    match ahead {
        Ok(()) => assert_eq!(refusal, None, "what is checked ahead is what is decided"),
        Err(AcceptError::Refused(ahead)) => assert_eq!(Some(ahead), refusal),
        Err(error) => panic!("{error}"),
    }
    refusal
}

/// As [`refusal`]; the same is found before there is a receipt.
fn refusal_of(test: &TestLedger, terms: &Terms, now: i64) -> Option<Refusal> {
    let mandate = terms.verified().signed().clone();
    let id = mandate.mandate.id(&domain(terms.token));
    let received = Received::proved(mandate, id);
    let precheck = test.ledger.precheck(&received, terms.settle_by, terms.not_before, at(now));
    let refusal = refusal(test, terms.request(), now);
    match precheck {
        Ok(Precheck::Acceptable { account: payer, amount, unread: None, ahead: None }) => {
            assert_eq!((payer, amount.get()), (account(terms.account), terms.amount));
            assert_eq!(refusal, None);
        }
        Err(AcceptError::Refused(found)) => assert_eq!(Some(&found), refusal.as_ref()),
        other => panic!("{other:?}"),
    }
    if refusal.is_none() {
        let again = test.ledger.precheck(&received, terms.settle_by, None, at(1_000_000));
        let Ok(Precheck::Accepted(accepted)) = again else {
            panic!("known, whatever the time: {again:?}");
        };
        assert!(accepted.again && accepted.mandate == terms.hash());
    }
    refusal
}

#[test]
fn what_is_accepted_is_reserved_queued_and_kept_over_a_restart() {
    let test = TestLedger::funded();
    let [first, second] = [Terms::new(1, 0, 400), Terms::new(1, 1, 600)];
    let accepted = test.ledger.accept(first.request(), at(0)).wait().expect("accepted");
    assert!(!accepted.again);
    assert_eq!(accepted.sequence, Sequence::new(0));
    test.accept(&second);
    let test = test.reopen();
    assert_eq!(test.reserved(), 1_000);
    assert_eq!(test.purse().free.get(), 0);
    assert_eq!(test.status(first.hash()), Status::Queued);
    let queue = test.ledger.queue(aep2_ledger::SettlementPath::Proved, TOKEN, Sequence::new(0), 9);
    let queue = queue.expect("reads");
    let hashes: Vec<_> = queue.iter().map(|queued| queued.record.mandate).collect();
    assert_eq!(hashes, [first.hash(), second.hash()], "in order of acceptance");
    let view = test.ledger.mandate(first.hash()).expect("reads").expect("known");
    let aep2_ledger::records::Promise::Proved { signed } = &view.mandate.promise else {
        panic!("of the proved path");
    };
    let signed = signed.signed_mandate().expect("a key and a signature");
    assert_eq!(&signed, first.verified().signed(), "nothing of it is lost");
    let receipts = test.ledger.receipts(Sequence::new(1), 9).expect("reads");
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].1, second.hash());
    test.assert_sound();
}

#[test]
fn the_same_mandate_again_gets_the_same_receipt_and_reserves_nothing() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    let first = test.ledger.accept(terms.request(), at(0)).wait().expect("accepted").into_inner();
    // A receipt made anew promises another time. The first one stands.
    let later = Terms { settle_by: at(SETTLE_WITHIN as i64 + 5), ..terms };
    let test = test.reopen();
    let again = test.ledger.accept(later.request(), at(60)).wait().expect("again").into_inner();
    assert!(again.again);
    assert_eq!((again.receipt, again.sequence), (first.receipt, first.sequence));
    assert_eq!(test.reserved(), 800);
    // Also when it could not be accepted any more: its time has passed, the view is old.
    let again = test.ledger.accept(terms.request(), at(1_000_000)).wait().expect("again");
    assert_eq!(again.receipt, first.receipt);
}

/// What stands against a mandate, one for each check, in the order in which they are documented.
const OBSTACLES: [&str; 12] = [
    "view too old",
    "unknown account",
    "other processor",
    "closed",
    "other verifiers",
    "other key",
    "nonce spent",
    "nonce conflict",
    "settle by passed",
    "not before too late",
    "change pending",
    "insufficient funds",
];

/// A ledger and a mandate against which exactly these obstacles stand.
fn obstructed(obstacles: &BTreeSet<&str>) -> (TestLedger, Terms, i64) {
    let there = |name: &str| obstacles.contains(name);
    let test = TestLedger::empty();
    let number = if there("unknown account") { 2 } else { 1 };
    let mut terms = Terms::new(number, 5, 100);
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));

    // The conflict is accepted while nothing stands against it yet.
    if there("nonce conflict") && number == 1 {
        test.accept(&Terms { reference: B256::repeat_byte(1), ..terms });
    }
    let (mut processor, mut key) = (crate::support::PROCESSOR, key_hash());
    if there("other processor") {
        processor = Address::repeat_byte(9);
    }
    if there("other key") {
        key = B256::repeat_byte(9);
    }
    let verifier_set = if there("other verifiers") { B256::repeat_byte(6) } else { VERIFIERS };
    let mut facts = vec![ChainFact::ChangeApplied {
        account: account(1),
        processor,
        verifier_set,
        key_hash: key,
    }];
    if there("nonce spent") {
        facts.push(ChainFact::BatchSettled {
            batch_id: B256::repeat_byte(1),
            token: TOKEN,
            processor: crate::support::PROCESSOR,
            count: 1,
            debits: Some(vec![SettledDebit {
                account: account(1),
                word: 0,
                mask: 1 << 5,
                amount: balance(1),
            }]),
            transaction: B256::repeat_byte(3),
        });
    }
    if there("change pending") {
        facts.push(ChainFact::ChangeRequested {
            account: account(1),
            processor,
            verifier_set,
            key_hash: key,
            in_force_from: at(SETTLE_WITHIN as i64),
        });
    }
    test.apply(block(1_001, facts));
    if there("closed") {
        close_gate(&test);
    }
    if there("insufficient funds") {
        terms.amount = 100_000;
    }
    let mut now = 1;
    if there("not before too late") {
        terms.not_before = Some(terms.settle_by);
    }
    if there("settle by passed") {
        terms.settle_by = at(0);
    }
    if there("view too old") {
        now = 602;
        terms.settle_by = at(if there("settle by passed") { 602 } else { 1_000 });
        terms.deadline = at(2_000);
    }
    (test, terms, now)
}

fn close_gate(test: &TestLedger) {
    let (scope, reason) = (GateScope::Token { token: TOKEN }, GateReason::Paused);
    let close = Close { scope, reason, by: "operator".into(), note: String::new() };
    test.ledger.close_gate(close, at(1)).wait().expect("closed");
}

fn is(refusal: &Refusal, name: &str) -> bool {
    let found = match refusal {
        Refusal::ViewTooOld { .. } => "view too old",
        Refusal::UnknownAccount { .. } => "unknown account",
        Refusal::OtherProcessor { .. } => "other processor",
        Refusal::Closed { .. } => "closed",
        Refusal::NotBeforeTooLate { .. } => "not before too late",
        Refusal::OtherVerifiers { .. } => "other verifiers",
        Refusal::OtherKey { .. } => "other key",
        Refusal::NonceSpent => "nonce spent",
        Refusal::NonceConflict { .. } => "nonce conflict",
        Refusal::SettleByPassed { .. } | Refusal::DeadlineTooNear { .. } => "settle by passed",
        Refusal::ChangePending { .. } => "change pending",
        Refusal::InsufficientFunds { .. } => "insufficient funds",
        Refusal::NoDirectAccount { .. } => "no direct path",
        Refusal::BeingRead { .. } => "being read",
    };
    found == name
}

#[test]
fn of_several_reasons_the_first_of_the_stated_order_is_given() {
    let (test, terms, now) = obstructed(&BTreeSet::new());
    assert_eq!(refusal_of(&test, &terms, now), None, "nothing stands against it");
    for (index, first) in OBSTACLES.iter().enumerate() {
        let (test, terms, now) = obstructed(&BTreeSet::from([*first]));
        let refused = refusal_of(&test, &terms, now).expect(first);
        assert!(is(&refused, first), "{first}: {refused}");
        for second in &OBSTACLES[index + 1..] {
            let (test, terms, now) = obstructed(&BTreeSet::from([*first, *second]));
            let refused = refusal_of(&test, &terms, now).expect(first);
            assert!(is(&refused, first), "{first} before {second}: {refused}");
        }
    }
}

#[test]
fn a_promise_that_the_deadline_or_the_clock_breaks_is_not_made() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 1);
    let late = Terms { deadline: at(SETTLE_WITHIN as i64 - 1), ..terms };
    let refused = refusal(&test, late.request(), 0);
    let (deadline, settle_by) = (late.deadline, late.settle_by);
    assert_eq!(refused, Some(Refusal::DeadlineTooNear { deadline, settle_by }));
    let now = SETTLE_WITHIN as i64;
    let refused = refusal(&test, terms.request(), now);
    assert_eq!(refused, Some(Refusal::SettleByPassed { settle_by, now: at(now) }));
    assert_eq!(refusal(&test, terms.request(), now - 1), None, "a second before");
    let exact = Terms { nonce: 1, deadline: settle_by, ..terms };
    assert_eq!(refusal(&test, exact.request(), 0), None, "a deadline at settleBy suffices");
}

#[test]
fn a_change_about_to_be_in_force_is_kept_clear_of_by_the_margin() {
    let test = TestLedger::funded();
    let margin = test.ledger.config().change_margin_s as i64;
    let request = |in_force_from| ChainFact::ChangeRequested {
        account: account(1),
        processor: crate::support::PROCESSOR,
        verifier_set: VERIFIERS,
        key_hash: B256::ZERO,
        in_force_from: at(in_force_from),
    };
    let settle_by = SETTLE_WITHIN as i64;
    test.apply(block(1_001, vec![request(settle_by + margin)]));
    let refused = refusal(&test, Terms::new(1, 0, 1).request(), 1);
    assert!(matches!(refused, Some(Refusal::ChangePending { .. })), "{refused:?}");
    test.apply(block(1_002, vec![request(settle_by + margin + 1)]));
    assert_eq!(refusal(&test, Terms::new(1, 0, 1).request(), 2), None);
    test.apply(block(1_003, vec![request(1)]));
    let refused = refusal(&test, Terms::new(1, 1, 1).request(), 3);
    assert!(matches!(refused, Some(Refusal::ChangePending { .. })), "one that is due, too");
    test.apply(block(1_004, vec![ChainFact::ChangeCancelled { account: account(1) }]));
    assert_eq!(refusal(&test, Terms::new(1, 1, 1).request(), 4), None);
}

#[test]
fn what_is_only_seen_limits_at_once_and_no_longer_than_it_is_seen() {
    let test = TestLedger::funded();
    let seen = |kind| UnconfirmedRequest { block: 1_005, account: account(1), kind };
    let withdrawing = seen(UnconfirmedKind::Withdrawal { token: TOKEN, amount: balance(900) });
    let change = seen(UnconfirmedKind::Change { in_force_from: at(10) });
    test.ledger.set_unconfirmed(vec![withdrawing]).wait().expect("noted");
    let refused = refusal(&test, Terms::new(1, 0, 101).request(), 0);
    assert_eq!(refused, Some(Refusal::InsufficientFunds { free: balance(100) }));

    let test = test.reopen();
    let refused = refusal(&test, Terms::new(1, 0, 101).request(), 0);
    assert!(refused.is_some(), "a restart does not forget it");
    test.ledger.set_unconfirmed(vec![change]).wait().expect("noted");
    let refused = refusal(&test, Terms::new(1, 0, 1).request(), 0);
    assert!(matches!(refused, Some(Refusal::ChangePending { .. })), "{refused:?}");
    assert_eq!(test.ledger.unconfirmed(), [change]);
    // Its block is applied: what it says there counts from now on, and it is not seen again.
    test.apply(block(1_005, vec![withdrawal(1, 500)]));
    assert_eq!(test.ledger.unconfirmed(), []);
    let refused = refusal(&test, Terms::new(1, 0, 501).request(), 5);
    assert_eq!(refused, Some(Refusal::InsufficientFunds { free: balance(500) }));
    test.ledger.set_unconfirmed(vec![withdrawing]).wait().expect("a late one is of no account");
    assert_eq!(refusal(&test, Terms::new(1, 0, 500).request(), 5), None);
    test.assert_sound();
}

#[test]
fn money_asked_back_does_not_undo_what_was_promised_before() {
    let test = TestLedger::funded();
    test.accept(&Terms::new(1, 0, 700));
    test.apply(block(1_001, vec![withdrawal(1, 800)]));
    let refused = refusal(&test, Terms::new(1, 1, 1).request(), 1);
    assert_eq!(refused, Some(Refusal::InsufficientFunds { free: balance(0) }));
    test.assert_sound();
    assert_eq!(test.ledger.alarms(), []);
}

#[test]
fn many_at_once_never_reserve_more_than_there_is() {
    let test = TestLedger::with(LedgerConfig { waiting_max: 10_000, ..config() });
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let ledger = Arc::new(test.ledger);
    let submitters: Vec<_> = (0..8u64)
        .map(|submitter| {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || {
                let requests = (0..50).map(|n| Terms::new(1, submitter * 50 + n, 10).request());
                let pending: Vec<_> =
                    requests.map(|request| ledger.accept(request, at(0))).collect();
                let answers = pending.into_iter().map(|pending| pending.wait());
                answers
                    .filter_map(|answer| answer.ok().map(Durable::into_inner))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let accepted: Vec<_> =
        submitters.into_iter().flat_map(|thread| thread.join().expect("ends")).collect();
    assert_eq!(accepted.len(), 100, "1,000 are enough for 100 times 10");
    let places: BTreeSet<_> = accepted.iter().map(|accepted| accepted.sequence.get()).collect();
    assert_eq!(places, (0..100).collect(), "each has a place of its own, without gaps");
    let ledger = Arc::into_inner(ledger).expect("the only one");
    assert!(ledger.stats().commits < 200, "many shared a sync: {:?}", ledger.stats());
    let test = TestLedger { directory: test.directory, ledger };
    assert_eq!(test.reserved(), 1_000);
    test.reopen().assert_sound();
}

#[test]
fn more_than_may_wait_are_turned_away() {
    let test = TestLedger::with(LedgerConfig { waiting_max: 4, group_max: 1, ..config() });
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let pending: Vec<_> = (0..200)
        .map(|nonce| test.ledger.accept(Terms::new(1, nonce, 1).request(), at(0)))
        .collect();
    let (mut accepted, mut busy) = (0, 0);
    for answer in pending {
        match answer.wait() {
            Ok(_) => accepted += 1,
            Err(AcceptError::Ledger(LedgerError::Journal(JournalError::Busy {
                waiting_max: 4,
            }))) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(accepted >= 4 && busy > 0, "{accepted} accepted, {busy} turned away");
    assert_eq!(test.reserved(), accepted, "who was turned away left nothing behind");
    test.assert_sound();
}

#[test]
fn a_receipt_for_something_else_makes_no_offer() {
    let terms = Terms::new(1, 0, 100);
    let others = [
        (Terms { nonce: 1, ..terms }, "mandateId"),
        (Terms { amount: 101, ..terms }, "mandateId"),
        (Terms { token: Address::repeat_byte(1), ..terms }, "mandateId"),
    ];
    for (other, field) in others {
        let error =
            AcceptRequest::proved(&terms.verified(), other.receipt()).expect_err("of another");
        assert_eq!(error.field, field);
    }
    let mut receipt = terms.receipt();
    receipt.message.nonce = Nonce::new(9);
    let error = AcceptRequest::proved(&terms.verified(), receipt).expect_err("of another nonce");
    assert_eq!(error.field, "nonce");
    let mut receipt = terms.receipt();
    receipt.message.amount = aep2_mandate::units::Ceiling::MAX;
    let error = AcceptRequest::proved(&terms.verified(), receipt).expect_err("of another amount");
    assert_eq!(error.field, "amount");
}

#[test]
fn a_ledger_that_has_seen_no_block_accepts_nothing() {
    let test = TestLedger::empty();
    let refused = refusal(&test, Terms::new(1, 0, 1).request(), 0);
    let now = aep2_mandate::units::UnixTime::new(NOW).expect("a time");
    assert_eq!(refused, Some(Refusal::ViewTooOld { block_time: None, now }));
}
