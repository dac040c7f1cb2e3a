//! When a receipt is believed: the processor signed it, and it says what the mandate says.
//!
//! Payers and payees check the same things. A receipt for another mandate, or by another signer,
//! is no receipt, whoever handed it over.

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::{SignerError, receipt::SignedReceipt},
    units::UnixTime,
};
use thiserror::Error;

use crate::purchase::Venue;

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
    /// It promises to settle when the mandate has expired.
    #[error("the receipt promises settlement by {settle_by}, the mandate expires at {deadline}")]
    TooLate {
        /// The receipt's promise.
        settle_by: UnixTime,
        /// The mandate's deadline.
        deadline: UnixTime,
    },
    /// The processor did not sign it.
    #[error("the receipt is not the processor's: {0}")]
    Signer(#[from] SignerError),
}

/// Checks that `receipt` is the promise of `venue`'s processor to settle `mandate`, whose id is
/// `id`.
///
/// # Errors
/// When it is anything else.
pub fn check(
    receipt: &SignedReceipt,
    mandate: &SignedMandate,
    id: MandateId,
    venue: &Venue,
) -> Result<(), ReceiptError> {
    let (promised, asked) = (&receipt.message, &mandate.mandate);
    for (field, same) in [
        ("mandateId", promised.mandate_id == id),
        ("account", promised.account == asked.account),
        ("nonce", promised.nonce == asked.nonce),
        ("token", promised.token == asked.token),
        ("payee", promised.payee == asked.payee),
        ("amount", promised.amount == asked.amount),
    ] {
        if !same {
            return Err(ReceiptError::OtherMandate { field });
        }
    }
    if promised.settle_by > asked.deadline {
        return Err(ReceiptError::TooLate {
            settle_by: promised.settle_by,
            deadline: asked.deadline,
        });
    }
    receipt.verify(&venue.typed_data_domain(), venue.processor)?;
    Ok(())
}
