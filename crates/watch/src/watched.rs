//! A receipt that is open, and what else was signed about its mandate.

use aep2_mandate::{
    typed_data::{
        TypedData,
        capture::{SignedCapture, SignedCaptureReceipt},
        receipt::{Receipt, SignedReceipt},
        ruling::SignedRuling,
    },
    units::Amount,
};
use alloy::{
    primitives::{Address, B256},
    sol_types::Eip712Domain,
};
use serde::{Deserialize, Serialize};

/// Which payment a receipt is about, as the guarantee tells them apart: by processor, mandate, token, account,
/// nonce and payee. Receipts that differ in times or amounts are one payment, owed once, at the largest of them.
pub(crate) type Payment = (Address, B256, Address, u32, u64, Address);

/// What a proof shows to have been settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// So much, in base units.
    pub amount: Amount,
    /// In this block.
    pub block: u64,
}

/// A receipt that is watched. All signatures were checked when it was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watched {
    /// The receipt's EIP-712 digest, by which the guarantee names it.
    pub digest: B256,
    /// The processor's promise.
    pub receipt: SignedReceipt,
    /// Whose key signed it.
    pub signer: Address,
    /// In which file it stood.
    pub file: String,
    /// The processor's word on what was captured.
    pub capture_receipt: Option<SignedCaptureReceipt>,
    /// What the payee signed that it takes.
    pub capture: Option<SignedCapture>,
    /// What the receipt's arbiter ruled: the least, should there be several.
    pub ruling: Option<SignedRuling>,
    /// What was proved to have been settled, in a block that stays. Its processor may be away when that counts.
    #[serde(default)]
    pub shown: Option<Shown>,
    /// What was told of it, so that it is told once.
    #[serde(default)]
    pub told: Vec<Told>,
    /// Since which block it has been over: forgotten once that is final.
    #[serde(default)]
    pub over_since: Option<u64>,
}

/// What is told of a receipt once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// It lapsed.
    Lapsed,
    /// It is not demanded, and why.
    NotDemanded,
    /// Its processor says something else than the chain.
    Contradicted,
    /// How it ended.
    Ended,
    /// It was claimed, and the bonds had not enough.
    Unbacked,
}

impl Watched {
    pub(crate) fn new(
        receipt: SignedReceipt,
        signer: Address,
        domain: &Eip712Domain,
        file: String,
    ) -> Self {
        Self {
            digest: receipt.message.digest(domain),
            receipt,
            signer,
            file,
            capture_receipt: None,
            capture: None,
            ruling: None,
            shown: None,
            told: Vec::new(),
            over_since: None,
        }
    }

    /// What was promised.
    pub fn promise(&self) -> &Receipt {
        &self.receipt.message
    }

    /// The mandate.
    pub fn mandate_id(&self) -> B256 {
        self.promise().mandate_id.to_bytes()
    }

    /// Which payment it is about.
    pub(crate) fn payment(&self) -> Payment {
        let own = self.promise();
        let (account, nonce) = (own.account.get(), own.nonce.get());
        (own.processor, self.mandate_id(), own.token, account, nonce, own.payee)
    }

    /// What is due to the payee by all that was signed: at most the receipt's amount.
    pub fn due(&self) -> Amount {
        let lower = [
            self.capture_receipt.map(|own| own.message.amount),
            self.capture.map(|own| own.message.amount),
            self.ruling.map(|own| own.message.captured),
        ];
        let ceiling = self.promise().amount.amount();
        lower.into_iter().flatten().fold(ceiling, Amount::min)
    }

    /// Whether something is to be told of it that was not told before.
    pub(crate) fn tell(&mut self, what: Told) -> bool {
        let is_news = !self.told.contains(&what);
        if is_news {
            self.told.push(what);
        }
        is_news
    }
}
