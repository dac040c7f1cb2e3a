//! Disputes: one for each mandate, only while it waits, never longer than its promise bears; a ruling
//! lowers what is reserved and paid, and never raises it.

use aep2_ledger::{
    Capture, DisputeError, Disputed, Durable, HoldKind, Open, Seal, SettlementPath, Status,
};
use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;

use crate::support::{EXPIRES_WITHIN, SETTLE_WITHIN, TOKEN, Terms, TestLedger, amount, at};

/// Whom every dispute here concerns.
const PARTY: B256 = B256::repeat_byte(7);

fn open_at(
    test: &TestLedger,
    terms: &Terms,
    (said, decide_by): (&str, UnixTime),
    now: i64,
) -> Result<Disputed, DisputeError> {
    let (mandate, statement) = (terms.hash(), said.as_bytes().to_vec());
    let parties = vec![PARTY];
    let open = Open { mandate, statement, parties, before: at(50), decide_by };
    test.ledger.open_dispute(open, at(now)).wait().map(Durable::into_inner)
}

fn open(test: &TestLedger, terms: &Terms, said: &str) -> Result<Disputed, DisputeError> {
    open_at(test, terms, (said, at(100)), 1)
}

fn answer(
    test: &TestLedger,
    terms: &Terms,
    said: &str,
    now: i64,
) -> Result<Disputed, DisputeError> {
    let statement = said.as_bytes().to_vec();
    let noted = test.ledger.answer_dispute(terms.hash(), statement, at(now)).wait();
    noted.map(Durable::into_inner)
}

fn rule(
    test: &TestLedger,
    terms: &Terms,
    (captured, said): (u128, &str),
    now: i64,
) -> Result<Disputed, DisputeError> {
    let statement = said.as_bytes().to_vec();
    let noted = test.ledger.rule(terms.hash(), amount(captured), statement, at(now)).wait();
    noted.map(Durable::into_inner)
}

fn held(test: &TestLedger, terms: &Terms) -> Vec<HoldKind> {
    let view = test.ledger.mandate(terms.hash()).expect("reads").expect("known");
    view.state.holds.iter().map(|hold| hold.kind).collect()
}

#[test]
fn a_dispute_holds_its_mandate_and_what_was_said_outlasts_a_restart() {
    let test = TestLedger::funded();
    let terms = Terms { not_before: Some(at(50)), ..Terms::new(1, 0, 800) };
    test.accept(&terms);
    let opened = open(&test, &terms, "nothing came").expect("opened");
    assert_eq!((opened.record.number, opened.record.decide_by, opened.again), (1, at(100), false));
    assert_eq!(held(&test, &terms), [HoldKind::NotBefore, HoldKind::Dispute]);
    answer(&test, &terms, "it came", 2).expect("noted");
    let test = test.reopen();
    let kept = test.ledger.dispute(terms.hash()).expect("reads").expect("disputed");
    assert_eq!(kept.opening, b"nothing came");
    assert_eq!(kept.answer.as_ref().map(|own| own.statement.as_slice()), Some(&b"it came"[..]));
    assert!(open(&test, &terms, "nothing came").expect("the same").again);
    assert!(answer(&test, &terms, "it came", 3).expect("the same").again);
    for other in [open(&test, &terms, "late"), answer(&test, &terms, "never mind", 3)] {
        assert!(matches!(other, Err(DisputeError::Conflict { .. })), "{other:?}");
    }
    test.assert_sound();
}

#[test]
fn a_ruling_lowers_what_is_reserved_ends_the_holds_and_stands() {
    let test = TestLedger::funded();
    let terms = Terms { not_before: Some(at(50)), ..Terms::new(1, 0, 800) };
    test.accept(&terms);
    open(&test, &terms, "nothing came").expect("opened");
    rule(&test, &terms, (300, "ruled"), 10).expect("ruled");
    assert_eq!((test.reserved(), held(&test, &terms)), (300, vec![]));
    let test = test.reopen();
    assert_eq!(test.reserved(), 300);
    assert!(rule(&test, &terms, (300, "ruled"), 11).expect("the same").again);
    let other = rule(&test, &terms, (200, "another"), 11);
    assert!(matches!(other, Err(DisputeError::Conflict { .. })), "{other:?}");
    let late = answer(&test, &terms, "it came", 11);
    assert!(matches!(late, Err(DisputeError::Decided)), "{late:?}");
    test.assert_sound();
}

#[test]
fn a_ruling_above_what_is_due_changes_nothing_whether_it_comes_before_or_after_a_capture() {
    let test = TestLedger::funded();
    let (before, after) = (Terms::new(1, 0, 400), Terms::new(1, 1, 400));
    let capture = |terms: &Terms| {
        let (mandate, statement) = (terms.hash(), b"captured".to_vec());
        let capture = Capture { mandate, amount: amount(100), statement };
        test.ledger.capture(capture, at(1)).wait().expect("captured");
    };
    for terms in [&before, &after] {
        test.accept(terms);
        open(&test, terms, "overcharged").expect("opened");
    }
    capture(&after);
    rule(&test, &before, (300, "ruled"), 2).expect("ruled");
    rule(&test, &after, (300, "ruled"), 2).expect("ruled");
    assert_eq!(test.reserved(), 300 + 100);
    capture(&before);
    assert_eq!(test.reserved(), 100 + 100);
    test.assert_sound();
}

#[test]
fn nothing_is_held_longer_than_its_promise_bears_however_long_is_asked_for() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    test.accept(&terms);
    let opened = open_at(&test, &terms, ("for ever", UnixTime::MAX), 1).expect("opened");
    assert!(opened.record.decide_by < at(SETTLE_WITHIN as i64));
    let late = rule(&test, &terms, (0, "ruled"), SETTLE_WITHIN as i64);
    assert!(matches!(late, Err(DisputeError::TooLate { .. })), "{late:?}");
    assert_eq!(test.reserved(), 800);
}

#[test]
fn what_was_sealed_or_is_too_old_is_not_disputed() {
    let test = TestLedger::funded();
    let (late, sealed) = (Terms::new(1, 0, 100), Terms::new(1, 1, 100));
    let unknown = open(&test, &late, "nothing came");
    assert!(matches!(unknown, Err(DisputeError::UnknownMandate { .. })), "{unknown:?}");
    for terms in [&late, &sealed] {
        test.accept(terms);
    }
    let nothing = rule(&test, &late, (0, "ruled"), 2);
    assert!(matches!(nothing, Err(DisputeError::NotDisputed { .. })), "{nothing:?}");
    let too_late = open_at(&test, &late, ("nothing came", at(100)), 50);
    assert!(matches!(too_late, Err(DisputeError::TooLate { .. })), "{too_late:?}");
    let seal = Seal {
        path: SettlementPath::Proved,
        token: TOKEN,
        valid_until: at(EXPIRES_WITHIN as i64),
        shape: 1,
        verifier_set: B256::ZERO,
        blinding: B256::ZERO,
        members: vec![(sealed.hash(), amount(100))],
    };
    test.ledger.seal(seal).wait().expect("sealed");
    let fixed = open(&test, &sealed, "nothing came");
    assert!(
        matches!(fixed, Err(DisputeError::NotWaiting { status: Status::InBatch { .. } })),
        "{fixed:?}"
    );
    test.assert_sound();
}

#[test]
fn disputes_are_listed_in_the_order_of_opening() {
    let test = TestLedger::funded();
    let terms: Vec<Terms> = (0..3).map(|nonce| Terms::new(1, nonce, 100)).collect();
    for own in &terms {
        test.accept(own);
    }
    for place in [2, 0, 1] {
        open(&test, &terms[place], "nothing came").expect("opened");
    }
    let test = test.reopen();
    let listed = |after, limit| test.ledger.disputes_of(PARTY, after, limit).expect("reads");
    let [first, second, third] = [0, 1, 2].map(|place: usize| terms[place].hash());
    assert_eq!(listed(0, 9), [(1, third), (2, first), (3, second)]);
    assert_eq!(listed(1, 1), [(2, first)]);
    assert_eq!(listed(3, 9), []);
    for other in [6, 8].map(B256::repeat_byte) {
        assert_eq!(test.ledger.disputes_of(other, 0, 9).expect("reads"), [], "nobody else's");
    }
}
