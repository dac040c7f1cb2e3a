//! The published MVP's objects, as its clients and payees exchange them: direct mandates
//! in the header [`X_PAYMENT_MANDATE`], and the processor's receipts for them.
//!
//! Mandates are [`SignedDirectMandate`]s. `docs/mvp.md` describes what travels.

use aep2_mandate::{
    typed_data::{
        EcdsaSignature, RecoverError,
        direct::{SignedDirectMandate, recover_direct_receipt_signer},
    },
    units::UnixTime,
    wire::Strict,
};
use alloy_primitives::{Address, B256, U256};
use http::HeaderName;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{purchase::Venue, terms::WireAddress};

/// A payer's payment: base64 of `{"mandate", "payerSig"}`.
pub const X_PAYMENT_MANDATE: HeaderName = HeaderName::from_static("x-payment-mandate");
/// What became of it: base64 of a [`Payment`]. The MVP has it in the body only.
pub const X_PAYMENT_RECEIPT: HeaderName = HeaderName::from_static("x-payment-receipt");

/// The processor's promise to settle a direct mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Who promises: the settlement processor.
    pub sp: WireAddress,
    /// The mandate's EIP-712 digest.
    pub mandate_digest: Strict<B256>,
    /// By when it is settled, in unix seconds.
    pub enqueue_deadline: UnixTime,
    /// An EIP-191 signature on both.
    pub sp_enqueue_sig: EcdsaSignature,
}

/// Why a receipt is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// It is for another mandate.
    #[error("the receipt is for the mandate {0}")]
    OtherMandate(B256),
    /// It promises to settle when the mandate has expired.
    #[error("the receipt promises settlement by {0}, when the mandate has expired")]
    TooLate(UnixTime),
    /// It is nobody's.
    #[error("the receipt's signature does not hold: {0}")]
    Unsigned(#[from] RecoverError),
    /// It names somebody else than the processor, or somebody else signed it.
    #[error("the receipt is that of {0}, not of the processor")]
    OtherSigner(Address),
}

impl Receipt {
    /// Checks that this is the promise of `venue`'s processor to settle `signed`, whose digest is
    /// `digest`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn check(
        &self,
        signed: &SignedDirectMandate,
        digest: B256,
        venue: &Venue,
    ) -> Result<(), ReceiptError> {
        if self.mandate_digest.0 != digest {
            return Err(ReceiptError::OtherMandate(self.mandate_digest.0));
        }
        let settled_by = U256::from(self.enqueue_deadline.get());
        if settled_by > signed.message.deadline {
            return Err(ReceiptError::TooLate(self.enqueue_deadline));
        }
        let signer = recover_direct_receipt_signer(&self.sp_enqueue_sig, digest, settled_by)?;
        for found in [self.sp.0, signer] {
            if found != venue.processor {
                return Err(ReceiptError::OtherSigner(found));
            }
        }
        Ok(())
    }
}

/// What a payer is told of its payment: the member `payment` of a payee's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Always [`PaymentStatus::Enqueued`]: it is settled later.
    pub status: PaymentStatus,
    /// The processor's promise.
    pub sp_receipt: Receipt,
    /// What the payee captures, where that is not the whole amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<aep2_mandate::units::Amount>,
}

/// Where a payment is, as far as its payee knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    /// The processor has it, and its amount is reserved.
    #[default]
    Enqueued,
}

/// An error, as the MVP's services say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// A name that stays.
    pub error: String,
    /// The same for people.
    pub message: String,
}
