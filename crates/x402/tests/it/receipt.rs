//! When a receipt is believed, and which error says why not.

use aep2_mandate::{
    eddsa::SecretKey,
    mandate::{MandateId, SignedMandate},
    signer::{MandateTerms, Signer},
    typed_data::{
        capture::{CaptureReceipt, SignedCaptureReceipt},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use aep2_x402::{
    purchase::{NO_ARBITER, Venue},
    receipt::{IssueTimes, ReceiptError, check, check_capture, promises_within},
};
use alloy_primitives::{Address, B256};
use alloy_signer_local::PrivateKeySigner;

const NOW: u64 = 1_800_000_000;
const TOKEN: Address = Address::repeat_byte(2);

fn at(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).unwrap()
}

fn key(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

fn venue() -> Venue {
    let (chain, wallet) = (ChainId::new(8453), Address::repeat_byte(1));
    Venue { chain, wallet, processor: key(1).address() }
}

/// Signed ten seconds ago.
fn times() -> IssueTimes {
    IssueTimes { from: at(NOW - 10), now: at(NOW), skew_s: 90 }
}

fn mandate() -> (MandateId, SignedMandate) {
    let Venue { chain, wallet, .. } = venue();
    let terms = MandateTerms {
        account: AccountId::new(7).unwrap(),
        token: TOKEN,
        payee: Address::repeat_byte(3),
        amount: Ceiling::new(1_000).unwrap(),
        nonce: Nonce::new(5),
        deadline: at(NOW + 900),
        reference: B256::repeat_byte(9),
    };
    let signed = Signer::new(SecretKey::from_seed([7; 32]), chain, wallet).sign(terms, None);
    (signed.mandate.id(&venue().mandate_domain(TOKEN)), signed)
}

fn receipt() -> Receipt {
    let (mandate_id, SignedMandate { mandate, .. }) = mandate();
    Receipt {
        mandate_id,
        processor: venue().processor,
        account: mandate.account,
        nonce: mandate.nonce,
        token: mandate.token,
        payee: mandate.payee,
        arbiter: NO_ARBITER,
        amount: mandate.amount,
        issued_at: at(NOW),
        deadline: mandate.deadline,
        settle_by: at(NOW + 600),
    }
}

/// What is thought of a receipt with one thing changed.
fn changed(change: impl FnOnce(&mut Receipt)) -> Result<(), ReceiptError> {
    let mut receipt = receipt();
    change(&mut receipt);
    let signed = SignedReceipt::sign(receipt, &key(1), &venue().typed_data_domain()).unwrap();
    let (id, mandate) = mandate();
    check(&signed, &mandate, id, &venue().into(), &times())
}

/// A field, and another value of it.
type Change = (&'static str, fn(&mut Receipt));

#[test]
fn a_receipt_says_what_the_mandate_says() {
    assert_eq!(changed(|_| ()), Ok(()));
    let changes: [Change; 7] = [
        ("mandateId", |receipt| receipt.mandate_id = MandateId::from_bytes(B256::ZERO).unwrap()),
        ("account", |receipt| receipt.account = AccountId::MAX),
        ("nonce", |receipt| receipt.nonce = Nonce::new(6)),
        ("token", |receipt| receipt.token = Address::ZERO),
        ("payee", |receipt| receipt.payee = Address::ZERO),
        ("amount", |receipt| receipt.amount = Ceiling::MIN),
        ("deadline", |receipt| receipt.deadline = at(NOW + 901)),
    ];
    for (field, change) in changes {
        assert_eq!(changed(change), Err(ReceiptError::OtherMandate { field }));
    }
}

#[test]
fn the_processor_answers_for_it_and_nobody_lowers_it() {
    let (found, expected) = (key(2).address(), venue().processor);
    let refused = changed(|receipt| receipt.processor = found);
    assert_eq!(refused, Err(ReceiptError::OtherProcessor { found, expected }));
    let refused = changed(|receipt| receipt.arbiter = found);
    assert_eq!(refused, Err(ReceiptError::OtherArbiter { found, expected: NO_ARBITER }));

    let forged = SignedReceipt::sign(receipt(), &key(2), &venue().typed_data_domain()).unwrap();
    let (id, mandate) = mandate();
    let refused = check(&forged, &mandate, id, &venue().into(), &times());
    assert!(matches!(refused, Err(ReceiptError::Signer(_))), "{refused:?}");
}

#[test]
fn its_times_are_in_order() {
    let late = changed(|receipt| receipt.settle_by = at(NOW + 901));
    let (settle_by, deadline) = (at(NOW + 901), at(NOW + 900));
    assert_eq!(late, Err(ReceiptError::TooLate { settle_by, deadline }));
    let before = changed(|receipt| receipt.settle_by = at(NOW - 1));
    let (issued_at, settle_by) = (at(NOW), at(NOW - 1));
    assert_eq!(before, Err(ReceiptError::IssuedTooLate { issued_at, settle_by }));
    assert_eq!(changed(|receipt| receipt.settle_by = at(NOW)), Ok(()));
}

#[test]
fn a_clock_that_differs_is_an_error_of_its_own() {
    for (issued_at, good) in
        [(NOW + 90, true), (NOW + 91, false), (NOW - 100, true), (NOW - 101, false)]
    {
        let checked = changed(|receipt| {
            receipt.issued_at = at(issued_at);
            receipt.settle_by = at(issued_at + 600);
        });
        let IssueTimes { from, now, skew_s, .. } = times();
        let clock = ReceiptError::Clock { issued_at: at(issued_at), from, now, skew_s };
        assert_eq!(checked, if good { Ok(()) } else { Err(clock) }, "{issued_at}");
    }
    let words = changed(|receipt| receipt.issued_at = at(NOW + 91)).unwrap_err().to_string();
    assert!(words.contains("the clocks differ"), "{words}");

    // It is told of a receipt that is right otherwise.
    let refused = changed(|receipt| {
        receipt.issued_at = at(NOW + 91);
        receipt.arbiter = TOKEN;
    });
    assert_eq!(refused, Err(ReceiptError::OtherArbiter { found: TOKEN, expected: NO_ARBITER }));
}

#[test]
fn a_statement_of_a_capture_is_checked_alike() {
    let (id, _) = mandate();
    let id = id.to_bytes();
    let checked = |change: fn(&mut CaptureReceipt)| {
        let mut stated = CaptureReceipt {
            mandate_id: id,
            processor: venue().processor,
            arbiter: NO_ARBITER,
            amount: Amount::ZERO,
            issued_at: at(NOW),
        };
        change(&mut stated);
        let domain = venue().typed_data_domain();
        let signed = SignedCaptureReceipt::sign(stated, &key(1), &domain).unwrap();
        check_capture(&signed, id, &venue().into(), &times())
    };
    assert_eq!(checked(|_| ()), Ok(()));
    let other = checked(|stated| stated.mandate_id = B256::ZERO);
    assert_eq!(other, Err(ReceiptError::OtherMandate { field: "mandateId" }));
    let other = checked(|stated| stated.processor = TOKEN);
    assert!(matches!(other, Err(ReceiptError::OtherProcessor { .. })), "{other:?}");
    let other = checked(|stated| stated.arbiter = TOKEN);
    assert_eq!(other, Err(ReceiptError::OtherArbiter { found: TOKEN, expected: NO_ARBITER }));
    let other = checked(|stated| stated.issued_at = at(NOW + 91));
    assert!(matches!(other, Err(ReceiptError::Clock { .. })), "{other:?}");
}

#[test]
fn a_guarantee_takes_no_receipt_that_promises_for_longer_than_its_contract_does() {
    let promised = |change: fn(&mut Receipt)| {
        let mut receipt = receipt();
        change(&mut receipt);
        let signed = SignedReceipt::sign(receipt, &key(1), &venue().typed_data_domain()).unwrap();
        promises_within(&signed, 600)
    };
    assert_eq!(promised(|_| ()), Ok(()));
    let (issued_at, settle_by) = (at(NOW), at(NOW + 601));
    let too_much = ReceiptError::PromisesTooMuch { issued_at, settle_by, promise_s_max: 600 };
    assert_eq!(promised(|receipt| receipt.settle_by = at(NOW + 601)), Err(too_much));
    // Counted from when it says that it was issued, as the guarantee counts.
    let early = promised(|receipt| receipt.issued_at = at(NOW - 1));
    assert!(matches!(early, Err(ReceiptError::PromisesTooMuch { .. })), "{early:?}");
    let (issued_at, settle_by) = (at(NOW), at(NOW - 1));
    let before = promised(|receipt| receipt.settle_by = at(NOW - 1));
    assert_eq!(before, Err(ReceiptError::IssuedTooLate { issued_at, settle_by }));
}
