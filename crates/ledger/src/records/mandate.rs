//! Mandates: what was promised, what was received for it, and what became of it.

use aep2_mandate::{
    eddsa::{PublicKey, Signature},
    field,
    mandate::{Mandate, SignedMandate},
    typed_data::{
        EcdsaSignature,
        receipt::{Receipt, SignedReceipt},
        signed_lane::{OwnerMandate, SignedOwnerMandate},
    },
    units::{AccountId, Amount, Ceiling, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256, U256};
use thiserror::Error;

use crate::{
    codec::{Decoder, Defect, Field, Record, alternatives, fields},
    units::{BatchNumber, MandateHash, Sequence},
};

/// By which way a mandate settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// In a batch with a proof.
    Proved,
    /// Directly, by its owner's ordinary signature.
    Signed,
}
alternatives!(Lane, "lane" {
    0 => Proved,
    1 => Signed,
});

/// What may be spent once. The wallet keeps the nonces of the proved lane by account and token,
/// those of the signed lane by owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NonceKey {
    /// Of the proved lane.
    Proved {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// The nonce.
        nonce: Nonce,
    },
    /// Of the signed lane.
    Signed {
        /// The owner.
        owner: Address,
        /// The nonce.
        nonce: U256,
    },
}
alternatives!(NonceKey, "nonce" {
    0 => Proved { account, token, nonce },
    1 => Signed { owner, nonce },
});

/// A signed mandate of either lane, as accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Of the proved lane.
    Proved {
        /// The mandate and its signature.
        signed: ProvedPromise,
    },
    /// Of the signed lane.
    Signed {
        /// The mandate, its signature and the account that it debits.
        signed: SignedPromise,
    },
}
alternatives!(Promise, "promise" {
    0 => Proved { signed },
    1 => Signed { signed },
});

impl Promise {
    /// The lane.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Proved { .. } => Lane::Proved,
            Self::Signed { .. } => Lane::Signed,
        }
    }

    /// The account that pays.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Proved { signed } => signed.mandate.account,
            Self::Signed { signed } => signed.account,
        }
    }

    /// The token paid in.
    pub fn token(&self) -> Address {
        match self {
            Self::Proved { signed } => signed.mandate.token,
            Self::Signed { signed } => signed.signed.mandate.token,
        }
    }

    /// Who is paid.
    pub fn payee(&self) -> Address {
        match self {
            Self::Proved { signed } => signed.mandate.payee,
            Self::Signed { signed } => signed.signed.mandate.payee,
        }
    }

    /// The most that the payee may capture.
    pub fn amount(&self) -> Ceiling {
        match self {
            Self::Proved { signed } => signed.mandate.amount,
            Self::Signed { signed } => signed.amount,
        }
    }

    /// The last second at which it settles.
    pub fn deadline(&self) -> UnixTime {
        match self {
            Self::Proved { signed } => signed.mandate.deadline,
            Self::Signed { signed } => signed.deadline,
        }
    }

    /// Its nonce.
    pub fn nonce(&self) -> NonceKey {
        match self {
            Self::Proved { signed } => NonceKey::Proved {
                account: signed.mandate.account,
                token: signed.mandate.token,
                nonce: signed.mandate.nonce,
            },
            Self::Signed { signed } => NonceKey::Signed {
                owner: signed.signed.mandate.owner,
                nonce: signed.signed.mandate.nonce,
            },
        }
    }
}

/// A mandate of the proved lane with its key and signature as bytes: making a [`PublicKey`] of
/// them takes a multiplication on the curve, which reading a mandate need not pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedPromise {
    /// The mandate.
    pub mandate: Mandate,
    key: [B256; 2],
    signature: [B256; 3],
}

impl ProvedPromise {
    /// The mandate with key and signature.
    ///
    /// # Errors
    /// When the stored bytes are no key or no signature.
    pub fn signed_mandate(&self) -> Result<SignedMandate, Defect> {
        let element = |bytes: &B256| field::from_be_bytes(&bytes.0);
        let coordinates =
            |[x, y]: [&B256; 2], what| element(x).zip(element(y)).ok_or(Defect::Range(what));
        let (x, y) = coordinates([&self.key[0], &self.key[1]], "public key")?;
        let key = PublicKey::new(x, y).map_err(|_| Defect::Range("public key"))?;
        let [r8_x, r8_y, s] = &self.signature;
        let (r8_x, r8_y) = coordinates([r8_x, r8_y], "signature")?;
        let signature = Signature::new(r8_x, r8_y, s.0).map_err(|_| Defect::Range("signature"))?;
        Ok(SignedMandate { mandate: self.mandate.clone(), key, signature })
    }
}

impl From<&SignedMandate> for ProvedPromise {
    fn from(signed: &SignedMandate) -> Self {
        let bytes = |element| B256::from(field::to_be_bytes(&element));
        let (key, signature) = (&signed.key, &signed.signature);
        Self {
            mandate: signed.mandate.clone(),
            key: [bytes(key.x()), bytes(key.y())],
            signature: [
                bytes(signature.r8_x()),
                bytes(signature.r8_y()),
                B256::from(signature.s_bytes()),
            ],
        }
    }
}

impl Field for ProvedPromise {
    fn put(&self, to: &mut Vec<u8>) {
        let Mandate { account, token, payee, amount, nonce, deadline, reference, prev } =
            &self.mandate;
        account.put(to);
        token.put(to);
        payee.put(to);
        amount.put(to);
        nonce.put(to);
        deadline.put(to);
        reference.put(to);
        prev.put(to);
        self.key.iter().chain(&self.signature).for_each(|bytes| bytes.put(to));
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        let mandate = Mandate {
            account: from.field()?,
            token: from.field()?,
            payee: from.field()?,
            amount: from.field()?,
            nonce: from.field()?,
            deadline: from.field()?,
            reference: from.field()?,
            prev: from.field()?,
        };
        let key = [from.field()?, from.field()?];
        Ok(Self { mandate, key, signature: [from.field()?, from.field()?, from.field()?] })
    }
}

/// A mandate of the signed lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPromise {
    /// The mandate and its owner's signature.
    pub signed: SignedOwnerMandate,
    /// The account that it debits: the one that its owner had marked at acceptance.
    pub account: AccountId,
    /// Its amount, which must fit what the wallet can hold.
    pub amount: Ceiling,
    /// Its deadline; later ones than 40 bits hold are that of 40 bits.
    pub deadline: UnixTime,
}
fields!(SignedPromise { signed, account, amount, deadline });

impl Field for SignedOwnerMandate {
    fn put(&self, to: &mut Vec<u8>) {
        let OwnerMandate { owner, token, payee, amount, nonce, deadline, reference } =
            &self.mandate;
        owner.put(to);
        token.put(to);
        payee.put(to);
        amount.put(to);
        nonce.put(to);
        deadline.put(to);
        reference.put(to);
        self.payer_signature.put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        let mandate = OwnerMandate {
            owner: from.field()?,
            token: from.field()?,
            payee: from.field()?,
            amount: from.field()?,
            nonce: from.field()?,
            deadline: from.field()?,
            reference: from.field()?,
        };
        Ok(Self { mandate, payer_signature: from.field()? })
    }
}

/// An accepted mandate. Written once, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MandateRecord {
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// When it was accepted, by the processor's clock.
    pub accepted_at: UnixTime,
    /// By when the processor promised to settle it.
    pub settle_by: UnixTime,
    /// The mandate.
    pub promise: Promise,
}
fields!(MandateRecord { sequence, accepted_at, settle_by, promise });

impl Record for MandateRecord {
    const VERSION: u8 = 1;
}

/// Where a mandate is in its life, and what its payee captured of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRecord {
    /// Where it is.
    pub status: Status,
    /// What was captured; all of it when nothing was said.
    pub captured: Option<Amount>,
    /// Whether it ever was in a batch. From then on its capture is fixed.
    pub was_sealed: bool,
}
fields!(StateRecord { status, captured, was_sealed });

impl Record for StateRecord {
    const VERSION: u8 = 1;
}

impl StateRecord {
    /// What the mandate pays when it settles.
    pub fn due(&self, ceiling: Ceiling) -> Amount {
        self.captured.unwrap_or(ceiling.amount())
    }
}

/// Where a mandate is. It begins queued, and ends settled or void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for a batch.
    Queued,
    /// Is in a batch that may settle.
    InBatch {
        /// The batch.
        batch: BatchNumber,
    },
    /// Was taken out of a batch, and waits for a decision.
    Aside {
        /// Why.
        reason: String,
    },
    /// Was settled on chain.
    Settled {
        /// The batch that settled it; none when a transaction of the signed lane did that is not
        /// this book's.
        batch: Option<BatchNumber>,
        /// What was paid.
        amount: Amount,
        /// The block's number.
        block: u64,
    },
    /// Will not be settled.
    Void {
        /// Why.
        reason: VoidReason,
    },
}
alternatives!(Status, "status" {
    0 => Queued,
    1 => InBatch { batch },
    2 => Aside { reason },
    3 => Settled { batch, amount, block },
    4 => Void { reason },
});

impl Status {
    /// Whether money is reserved for it: it has not ended.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Queued | Self::InBatch { .. } | Self::Aside { .. })
    }

    /// The status' name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InBatch { .. } => "in a batch",
            Self::Aside { .. } => "aside",
            Self::Settled { .. } => "settled",
            Self::Void { .. } => "void",
        }
    }
}

/// Why a mandate will not be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoidReason {
    /// The chain's time passed its deadline.
    Expired,
    /// Its payee was paid from a bond, and its nonce spent with that.
    GuaranteeClaimed {
        /// The block's number.
        block: u64,
    },
    /// Its nonce was spent on chain by something that is not this book's.
    SpentElsewhere {
        /// The block's number.
        block: u64,
    },
    /// The processor gives it up. Its receipt still stands.
    GivenUp {
        /// Why.
        reason: String,
    },
}
alternatives!(VoidReason, "reason" {
    0 => Expired,
    1 => GuaranteeClaimed { block },
    2 => SpentElsewhere { block },
    3 => GivenUp { reason },
});

/// A queued mandate, as far as forming a window needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRecord {
    /// The mandate.
    pub mandate: MandateHash,
    /// The account that pays.
    pub account: AccountId,
    /// The last second at which it settles.
    pub deadline: UnixTime,
    /// By when the processor promised to settle it.
    pub settle_by: UnixTime,
}
fields!(QueueRecord { mandate, account, deadline, settle_by });

impl Record for QueueRecord {
    const VERSION: u8 = 1;
}

/// What the payee captured, and the processor's answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRecord {
    /// How much.
    pub amount: Amount,
    /// When, by the processor's clock.
    pub at: UnixTime,
    /// The payee's request and the processor's signed answer, opaque here.
    pub statement: Vec<u8>,
}
fields!(CaptureRecord { amount, at, statement });

impl Record for CaptureRecord {
    const VERSION: u8 = 1;
}

/// What a processor gives for a mandate of the signed lane: the published MVP's `spEnqueueSig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnqueueReceipt {
    /// The mandate's digest.
    pub mandate_digest: B256,
    /// By when it is settled.
    pub enqueue_deadline: UnixTime,
    /// The processor's signature on both.
    pub signature: EcdsaSignature,
}
fields!(EnqueueReceipt { mandate_digest, enqueue_deadline, signature });

/// A processor's signed word on a mandate of either lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuedReceipt {
    /// Of the proved lane.
    Proved {
        /// The receipt.
        receipt: SignedReceipt,
    },
    /// Of the signed lane.
    Signed {
        /// The receipt.
        receipt: EnqueueReceipt,
    },
}
alternatives!(IssuedReceipt, "receipt" {
    0 => Proved { receipt },
    1 => Signed { receipt },
});

impl Record for IssuedReceipt {
    const VERSION: u8 = 1;
}

/// How a receipt differs from the mandate that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the receipt's {field} is not its mandate's")]
pub struct ReceiptMismatch {
    /// The field.
    pub field: &'static str,
}

impl IssuedReceipt {
    /// By when it promises to settle.
    pub fn settle_by(&self) -> UnixTime {
        match self {
            Self::Proved { receipt } => receipt.receipt.settle_by,
            Self::Signed { receipt } => receipt.enqueue_deadline,
        }
    }

    /// Checks that it is for this mandate.
    ///
    /// # Errors
    /// The first field that differs.
    pub fn check(&self, hash: MandateHash, promise: &Promise) -> Result<(), ReceiptMismatch> {
        match (self, promise) {
            (Self::Proved { .. }, Promise::Proved { signed }) => {
                self.check_proved(hash, &signed.mandate)
            }
            (Self::Signed { receipt }, Promise::Signed { .. }) => {
                first_that_differs([("mandateDigest", receipt.mandate_digest == hash.bytes())])
            }
            _ => Err(ReceiptMismatch { field: "lane" }),
        }
    }

    /// Checks that it is for this mandate of the proved lane.
    pub(crate) fn check_proved(
        &self,
        hash: MandateHash,
        mandate: &Mandate,
    ) -> Result<(), ReceiptMismatch> {
        let Self::Proved { receipt: SignedReceipt { receipt, .. } } = self else {
            return Err(ReceiptMismatch { field: "lane" });
        };
        first_that_differs([
            ("mandateId", MandateHash::from(receipt.mandate_id) == hash),
            ("account", receipt.account == mandate.account),
            ("nonce", receipt.nonce == mandate.nonce),
            ("token", receipt.token == mandate.token),
            ("payee", receipt.payee == mandate.payee),
            ("amount", receipt.amount == mandate.amount),
        ])
    }
}

fn first_that_differs<const N: usize>(
    agreements: [(&'static str, bool); N],
) -> Result<(), ReceiptMismatch> {
    match agreements.into_iter().find(|(_, agrees)| !agrees) {
        Some((field, _)) => Err(ReceiptMismatch { field }),
        None => Ok(()),
    }
}

impl Field for SignedReceipt {
    fn put(&self, to: &mut Vec<u8>) {
        let Receipt { mandate_id, account, nonce, token, payee, amount, settle_by } = &self.receipt;
        mandate_id.put(to);
        account.put(to);
        nonce.put(to);
        token.put(to);
        payee.put(to);
        amount.put(to);
        settle_by.put(to);
        self.signature.put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        let receipt = Receipt {
            mandate_id: from.field()?,
            account: from.field()?,
            nonce: from.field()?,
            token: from.field()?,
            payee: from.field()?,
            amount: from.field()?,
            settle_by: from.field()?,
        };
        Ok(Self { receipt, signature: from.field()? })
    }
}
