//! When a receipt is believed: the processor signed it, it says what the mandate and the terms say,
//! and it was issued when it can have been.
//!
//! Payers and payees check the same things. A receipt for another mandate, or by another signer,
//! is no receipt, whoever handed it over.

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::{SignerError, capture::SignedCaptureReceipt, receipt::SignedReceipt},
    units::UnixTime,
};
use alloy_primitives::{Address, B256};
use thiserror::Error;

use crate::purchase::{NO_ARBITER, Signatories};

/// By how many seconds a processor's clock may differ from the reader's, unless told otherwise.
pub const SKEW_S: u64 = 90;

/// Why a receipt is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// There is none.
    #[error("no receipt came with the answer")]
    Missing,
    /// It is for another mandate, or says something else than the mandate.
    #[error("the receipt's {field} is not the mandate's")]
    OtherMandate {
        /// Where they differ.
        field: &'static str,
    },
    /// It states another capture than the one that was asked for.
    #[error("the statement's amount is not what was captured")]
    OtherAmount,
    /// Another processor answers for it.
    #[error("the receipt is that of the processor {found}, not of {expected}")]
    OtherProcessor {
        /// The processor that it names.
        found: Address,
        /// The one in the terms.
        expected: Address,
    },
    /// Somebody could lower what is owed whom the terms do not name, or not whom they name.
    #[error("the receipt names {}, the terms {}", named(*.found), named(*.expected))]
    OtherArbiter {
        /// The arbiter that it names.
        found: Address,
        /// The one in the terms.
        expected: Address,
    },
    /// It promises to settle when the mandate has expired.
    #[error("the receipt promises settlement by {settle_by}, the mandate expires at {deadline}")]
    TooLate {
        /// The receipt's promise.
        settle_by: UnixTime,
        /// The mandate's deadline.
        deadline: UnixTime,
    },
    /// It promises to have settled before it was issued.
    #[error(
        "the receipt was issued at {issued_at}, after the {settle_by} by which it promises settlement"
    )]
    IssuedTooLate {
        /// When it was issued.
        issued_at: UnixTime,
        /// The receipt's promise.
        settle_by: UnixTime,
    },
    /// It promises to settle later than it may, though the mandate has not expired by then.
    #[error(
        "the receipt was issued at {issued_at} and promises settlement by {settle_by}: that is more than \
         {promise_s_max} s later"
    )]
    PromisesTooMuch {
        /// When it was issued.
        issued_at: UnixTime,
        /// The receipt's promise.
        settle_by: UnixTime,
        /// How much later it may be, in seconds.
        promise_s_max: u64,
    },
    /// The processor did not sign it.
    #[error("the receipt is not the processor's: {0}")]
    Signer(#[from] SignerError),
    /// The processor signed it, at a time that cannot be right by the reader's clock.
    #[error(
        "the clocks differ: the processor issued the receipt at {issued_at} by its clock; by the \
         clock here that was between {from} and {now}, and {skew_s} s of difference are allowed"
    )]
    Clock {
        /// When it was issued, by the processor's clock.
        issued_at: UnixTime,
        /// The earliest time at which it can have been issued.
        from: UnixTime,
        /// The time here.
        now: UnixTime,
        /// By how many seconds the clocks may differ.
        skew_s: u64,
    },
}

/// An arbiter, for people.
fn named(arbiter: Address) -> String {
    match arbiter {
        NO_ARBITER => "no arbiter".to_owned(),
        arbiter => format!("the arbiter {arbiter}"),
    }
}

/// When a receipt can have been issued, by the reader's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssueTimes {
    /// Not before: when the mandate was signed, or ordered. [`UnixTime::MIN`] where that is not known.
    pub from: UnixTime,
    /// Not after: now.
    pub now: UnixTime,
    /// By how many seconds the processor's clock may differ.
    pub skew_s: u64,
}

impl IssueTimes {
    fn check(&self, issued_at: UnixTime) -> Result<(), ReceiptError> {
        let Self { from, now, skew_s } = *self;
        let is_after = |time: UnixTime, bound: UnixTime| {
            bound.checked_add(skew_s).is_some_and(|latest| time > latest)
        };
        if is_after(issued_at, now) || is_after(from, issued_at) {
            return Err(ReceiptError::Clock { issued_at, from, now, skew_s });
        }
        Ok(())
    }
}

/// Checks that `receipt` is the processor's promise to settle `mandate`, whose id is `id`, names the
/// arbiter of the terms, and was issued when it can have been. For how long it promises is
/// [`promises_within`]'s.
///
/// # Errors
/// When it is anything else. [`ReceiptError::Clock`] comes last: everything else is right then.
pub fn check(
    receipt: &SignedReceipt,
    mandate: &SignedMandate,
    id: MandateId,
    signatories: &Signatories,
    times: &IssueTimes,
) -> Result<(), ReceiptError> {
    let venue = &signatories.venue;
    let (promised, asked) = (&receipt.message, &mandate.mandate);
    for (field, same) in [
        ("mandateId", promised.mandate_id == id),
        ("account", promised.account == asked.account),
        ("nonce", promised.nonce == asked.nonce),
        ("token", promised.token == asked.token),
        ("payee", promised.payee == asked.payee),
        ("amount", promised.amount == asked.amount),
        ("deadline", promised.deadline == asked.deadline),
    ] {
        if !same {
            return Err(ReceiptError::OtherMandate { field });
        }
    }
    answered_for_by(signatories, promised.processor, promised.arbiter)?;
    let (issued_at, settle_by, deadline) =
        (promised.issued_at, promised.settle_by, promised.deadline);
    if settle_by > deadline {
        return Err(ReceiptError::TooLate { settle_by, deadline });
    }
    if settle_by < issued_at {
        return Err(ReceiptError::IssuedTooLate { issued_at, settle_by });
    }
    receipt.verify(&venue.typed_data_domain(), venue.processor)?;
    times.check(issued_at)
}

/// Checks that a receipt promises settlement at most so many seconds after its issue. A guarantee takes no
/// receipt that promises for longer than its contract does, counted as here.
///
/// # Errors
/// [`ReceiptError::IssuedTooLate`] and [`ReceiptError::PromisesTooMuch`].
pub fn promises_within(receipt: &SignedReceipt, promise_s_max: u64) -> Result<(), ReceiptError> {
    let (issued_at, settle_by) = (receipt.message.issued_at, receipt.message.settle_by);
    match settle_by.seconds_since(issued_at) {
        None => Err(ReceiptError::IssuedTooLate { issued_at, settle_by }),
        Some(promised_s) if promised_s > promise_s_max => {
            Err(ReceiptError::PromisesTooMuch { issued_at, settle_by, promise_s_max })
        }
        Some(_) => Ok(()),
    }
}

/// Checks that `receipt` is the processor's statement on a capture of the mandate with this id or
/// digest, names the arbiter of the terms, and was issued when it can have been. How much it states is not looked at.
///
/// # Errors
/// When it is anything else, as with [`check`].
pub fn check_capture(
    receipt: &SignedCaptureReceipt,
    id: B256,
    signatories: &Signatories,
    times: &IssueTimes,
) -> Result<(), ReceiptError> {
    let venue = &signatories.venue;
    let stated = &receipt.message;
    if stated.mandate_id != id {
        return Err(ReceiptError::OtherMandate { field: "mandateId" });
    }
    answered_for_by(signatories, stated.processor, stated.arbiter)?;
    receipt.verify(&venue.typed_data_domain(), venue.processor)?;
    times.check(stated.issued_at)
}

/// The processor is the one in the terms, and nobody but those whom the terms name may lower what
/// it owes.
fn answered_for_by(
    signatories: &Signatories,
    processor: Address,
    arbiter: Address,
) -> Result<(), ReceiptError> {
    let Signatories { venue, arbiter: expected } = *signatories;
    if processor != venue.processor {
        let expected = venue.processor;
        return Err(ReceiptError::OtherProcessor { found: processor, expected });
    }
    if arbiter != expected {
        return Err(ReceiptError::OtherArbiter { found: arbiter, expected });
    }
    Ok(())
}
