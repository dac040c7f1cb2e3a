//! Holds: what is held is not sealed, is let go in time whoever asks for what, and is never lost.

use aep2_ledger::{
    BatchError, Disposition, Durable, FailureReason, Hold, HoldError, HoldKind, HoldRecord,
    LedgerConfig, MandateHash, Seal, Sequence, SettlementPath, Status,
};
use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;

use crate::support::{
    EXPIRES_WITHIN, SETTLE_WITHIN, TOKEN, Terms, TestLedger, amount, at, block, config, deposited,
    opened,
};

fn hold(
    test: &TestLedger,
    mandate: MandateHash,
    kind: HoldKind,
    until: UnixTime,
) -> Result<HoldRecord, HoldError> {
    let hold = Hold { mandate, kind, until, by: "somebody".into() };
    test.ledger.hold(hold, at(1)).wait().map(Durable::into_inner)
}

fn queue(test: &TestLedger) -> Vec<MandateHash> {
    let queue = test.ledger.queue(SettlementPath::Proved, TOKEN, Sequence::new(0), usize::MAX);
    queue.expect("reads").iter().map(|queued| queued.record.mandate).collect()
}

fn let_go(test: &TestLedger, now: i64) -> Vec<MandateHash> {
    let over = test.ledger.no_longer_held(at(now), usize::MAX);
    test.ledger.release_over(over, at(now)).wait().expect("released").into_inner()
}

fn seal(test: &TestLedger, mandate: MandateHash) -> Result<(), BatchError> {
    let seal = Seal {
        path: SettlementPath::Proved,
        token: TOKEN,
        valid_until: at(SETTLE_WITHIN as i64),
        shape: 1,
        verifier_set: B256::ZERO,
        blinding: B256::ZERO,
        members: vec![(mandate, amount(100))],
    };
    test.ledger.seal(seal).wait().map(drop)
}

#[test]
fn what_is_held_is_not_sealed_and_comes_back_at_its_old_place() {
    let test = TestLedger::funded();
    let terms: Vec<Terms> = (0..3).map(|nonce| Terms::new(1, nonce, 100)).collect();
    let [first, second, third] = [0, 1, 2].map(|place: usize| test.accept(&terms[place]));
    let held = hold(&test, second, HoldKind::Operator, at(100)).expect("held");
    assert_eq!((held.until, held.since), (at(100), at(1)));
    assert_eq!(queue(&test), [first, third]);
    assert!(matches!(seal(&test, second), Err(BatchError::Held(hash)) if hash == second));
    assert_eq!(test.status(second), Status::Queued, "a hold is no status");
    assert_eq!(test.reserved(), 300, "what is held is promised");

    let test = test.reopen();
    test.assert_sound();
    assert_eq!((test.ledger.metrics().held, test.reserved()), (1, 300));
    assert_eq!(let_go(&test, 99), [], "a second too early");
    assert_eq!(let_go(&test, 100), [second]);
    assert_eq!(queue(&test), [first, second, third]);
    seal(&test, second).expect("sealed");
    test.reopen().assert_sound();
}

#[test]
fn a_mandate_with_several_holds_waits_for_the_last() {
    let test = TestLedger::funded();
    let mandate = test.accept(&Terms { not_before: Some(at(50)), ..Terms::new(1, 0, 100) });
    assert_eq!(queue(&test), []);
    hold(&test, mandate, HoldKind::Dispute, at(200)).expect("held");
    hold(&test, mandate, HoldKind::Review, at(100)).expect("held");
    assert_eq!(let_go(&test, 199), []);
    test.ledger.release(mandate, HoldKind::Dispute, at(1)).wait().expect("released");
    assert_eq!(let_go(&test, 99), []);
    // Again in one way: the later word counts, also if it is shorter.
    hold(&test, mandate, HoldKind::Review, at(60)).expect("held");
    test.assert_sound();
    assert_eq!(let_go(&test, 60), [mandate]);
    let gone = test.ledger.release(mandate, HoldKind::Review, at(1)).wait();
    assert!(matches!(gone, Err(HoldError::NotHeld { kind: HoldKind::Review })));
}

/// Whoever could hold a mandate past its promise would have the bond pay.
#[test]
fn nobody_holds_a_mandate_longer_than_its_receipt_allows() {
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let margin = test.ledger.config().hold_margin_s as i64;
    let latest = SETTLE_WITHIN as i64 - margin;
    let mut ends = std::collections::BTreeSet::new();
    for nonce in 0..200 {
        let mandate = test.accept(&Terms::new(1, nonce, 1));
        let held = hold(&test, mandate, HoldKind::Dispute, UnixTime::MAX).expect("held");
        assert!(held.until <= at(latest) && held.until >= at(latest - margin), "{}", held.until);
        ends.insert(held.until);
    }
    assert!(ends.len() > 80, "two hundred holds end at only {} moments: a cliff", ends.len());
    assert_eq!(let_go(&test, latest).len(), 200);

    let mandate = test.accept(&Terms::new(1, 1_000, 1));
    let late = Hold { mandate, kind: HoldKind::Dispute, until: UnixTime::MAX, by: String::new() };
    let refused = test.ledger.hold(late, at(latest)).wait();
    assert!(matches!(refused, Err(HoldError::TooLate { .. })), "{refused:?}");
    let ended = hold(&test, mandate, HoldKind::Dispute, at(1));
    assert!(matches!(ended, Err(HoldError::TooLate { .. })), "it would end before it began");
    test.assert_sound();
}

#[test]
fn a_margin_longer_than_the_promise_allows_no_hold() {
    let test = TestLedger::with(LedgerConfig { hold_margin_s: 1 << 41, ..config() });
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let mandate = test.accept(&Terms::new(1, 0, 1));
    let refused = hold(&test, mandate, HoldKind::Dispute, UnixTime::MAX);
    assert!(matches!(refused, Err(HoldError::TooLate { .. })), "{refused:?}");
}

#[test]
fn only_what_waits_can_be_held() {
    let test = TestLedger::funded();
    let unknown = hold(&test, Terms::new(1, 9, 1).hash(), HoldKind::Operator, at(9));
    assert!(matches!(unknown, Err(HoldError::UnknownMandate { .. })), "{unknown:?}");
    let mandate = test.accept(&Terms::new(1, 0, 100));
    seal(&test, mandate).expect("sealed");
    let sealed = hold(&test, mandate, HoldKind::Operator, at(9));
    assert!(matches!(sealed, Err(HoldError::NotQueued { .. })), "{sealed:?}");
}

#[test]
fn a_hold_outlasts_a_quarantine_and_a_block_that_is_undone() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 100);
    let mandate = test.accept(&terms);
    hold(&test, mandate, HoldKind::Dispute, at(300)).expect("held");
    let quarantined = Disposition::Quarantined { reason: "for a while".into() };
    for disposition in [quarantined, Disposition::Requeue] {
        test.ledger.dispose(vec![(mandate, disposition)]).wait().expect("disposed of");
        test.assert_sound();
    }
    assert_eq!(queue(&test), []);
    // Somebody else spends its nonce, in a block that the chain leaves.
    let elsewhere = crate::batches::settled(B256::repeat_byte(9), vec![terms.debit(1)]);
    test.apply(block(1_001, vec![elsewhere]));
    let failed = Status::Failed { reason: FailureReason::SpentElsewhere { block: 1_001 } };
    assert_eq!(test.status(mandate), failed);
    assert_eq!(let_go(&test, 1_000), [], "what has ended is not released");
    test.assert_sound();
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(queue(&test), []);
    test.assert_sound();
    assert_eq!(let_go(&test, 300), [mandate]);
}

#[test]
fn what_expires_while_it_is_held_fails() {
    let test = TestLedger::funded();
    let mandate = test.accept(&Terms::new(1, 0, 100));
    hold(&test, mandate, HoldKind::Review, at(300)).expect("held");
    let late = EXPIRES_WITHIN as i64 + 1;
    test.apply(aep2_ledger::ChainBlock { time: at(late), ..block(1_001, vec![]) });
    let expired = test.ledger.expire(10).wait().expect("expires");
    assert_eq!(*expired, [mandate]);
    assert_eq!(test.reserved(), 0);
    assert_eq!(test.ledger.metrics().held, 0);
    test.reopen().assert_sound();
}

#[test]
fn the_payees_terms_are_kept_with_the_mandate() {
    let test = TestLedger::funded();
    let terms = Terms { not_before: Some(at(50)), ..Terms::new(1, 0, 100) };
    let mandate = test.accept(&terms);
    let test = test.reopen();
    let view = test.ledger.mandate(mandate).expect("reads").expect("known");
    assert_eq!(view.mandate.terms, Some(vec![3]));
    assert_eq!(view.state.holds[0].kind, HoldKind::NotBefore);
    let long = aep2_ledger::PayeeTerms {
        bytes: vec![0; aep2_ledger::limits::TERMS_BYTES_MAX + 1],
        not_before: None,
    };
    let request = Terms::new(1, 1, 100).request().with_terms(long);
    let refused = test.ledger.accept(request, at(1)).wait();
    assert!(refused.is_err_and(|error| error.to_string().contains("at most")));
    assert_eq!(test.reserved(), 100, "nothing of it was kept");
}
