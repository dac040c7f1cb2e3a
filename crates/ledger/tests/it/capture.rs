//! Captures: once, within the ceiling, before the mandate is sealed; kept before they are answered.

use aep2_ledger::{
    Capture, CaptureError, Captured, Durable, LedgerError, Seal, SettlementPath, Status,
};
use alloy_primitives::B256;

use crate::support::{EXPIRES_WITHIN, TOKEN, Terms, TestLedger, amount, at};

fn capture(test: &TestLedger, terms: &Terms, base_units: u128) -> Result<Captured, CaptureError> {
    let capture = Capture {
        mandate: terms.hash(),
        amount: amount(base_units),
        statement: format!("captured {base_units}").into_bytes(),
    };
    test.ledger.capture(capture, at(1)).wait().map(Durable::into_inner)
}

#[test]
fn a_capture_releases_the_rest_and_is_answered_the_same_again() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    test.accept(&terms);
    assert!(!capture(&test, &terms, 300).expect("captured").again);
    assert_eq!((test.reserved(), test.purse().free.get()), (300, 700));
    let test = test.reopen();
    assert_eq!(test.reserved(), 300);
    let again = capture(&test, &terms, 300).expect("again");
    assert!(again.again);
    assert_eq!(again.record.statement, b"captured 300");
    assert_eq!(again.record.at, at(1));
    let other = capture(&test, &terms, 299);
    assert!(matches!(other, Err(CaptureError::Conflict { captured }) if captured == amount(300)));
    assert_eq!(test.reserved(), 300);
    test.assert_sound();
}

#[test]
fn a_void_is_a_capture_of_nothing_and_still_waits_to_be_settled() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    test.accept(&terms);
    capture(&test, &terms, 0).expect("captured");
    assert_eq!(test.reserved(), 0);
    assert_eq!(test.status(terms.hash()), Status::Queued, "its nonce must be spent");
    test.reopen().assert_sound();
}

#[test]
fn more_than_the_ceiling_or_of_nothing_known_is_refused() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    let unknown = capture(&test, &terms, 1);
    assert!(
        matches!(unknown, Err(CaptureError::UnknownMandate { mandate }) if mandate == terms.hash())
    );
    test.accept(&terms);
    let above = capture(&test, &terms, 801);
    assert!(matches!(above, Err(CaptureError::AboveCeiling { .. })), "{above:?}");
    capture(&test, &terms, 800).expect("all of it");
    assert_eq!(test.reserved(), 800);
}

#[test]
fn what_was_sealed_once_is_captured_no_more() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    let hash = test.accept(&terms);
    let seal = Seal {
        path: SettlementPath::Proved,
        token: TOKEN,
        valid_until: at(EXPIRES_WITHIN as i64),
        shape: 1,
        verifier_set: B256::ZERO,
        blinding: B256::ZERO,
        members: vec![(hash, amount(800))],
    };
    let batch = test.ledger.seal(seal).wait().expect("sealed").into_inner();
    let late = capture(&test, &terms, 1);
    assert!(matches!(late, Err(CaptureError::TooLate { status: Status::InBatch { .. } })));
    // A transaction that settles it for 800 may be on its way.
    let back = vec![(hash, aep2_ledger::Disposition::Requeue)];
    test.ledger.abort(batch, "refused".into(), back).wait().expect("aborted");
    let late = capture(&test, &terms, 1);
    assert!(matches!(late, Err(CaptureError::TooLate { status: Status::Queued })), "{late:?}");
    assert_eq!(test.reserved(), 800);
    test.assert_sound();
}

#[test]
fn a_statement_without_bounds_is_not_kept() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 800);
    let mandate = test.accept(&terms);
    let statement = vec![0; aep2_ledger::limits::STATEMENT_BYTES_MAX + 1];
    let capture = Capture { mandate, amount: amount(1), statement };
    let error = test.ledger.capture(capture, at(1)).wait().expect_err("too long");
    assert!(matches!(error, CaptureError::Ledger(LedgerError::TooLong { .. })), "{error}");
    assert_eq!(test.reserved(), 800);
}
