//! Mandates: what was promised, what was received for it, and what became of it.

use aep2_mandate::{
    eddsa::{PublicKey, Signature},
    field,
    mandate::{Mandate, SignedMandate},
    typed_data::{
        EcdsaSignature,
        direct::{DirectMandate, SignedDirectMandate},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256, U256};
use thiserror::Error;

use crate::{
    codec::{Defect, Record, alternatives, fields},
    records::HoldRecord,
    units::{BatchNumber, MandateHash, Sequence},
};

/// By which way a mandate settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SettlementPath {
    /// In a batch with a proof.
    Proved,
    /// Directly, by its owner's ordinary signature.
    Direct,
}
alternatives!(SettlementPath, "path" {
    0 => Proved,
    1 => Direct,
});

/// What may be spent once. The wallet keeps the nonces of the proved path by account and token,
/// those of the direct path by owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NonceKey {
    /// Of the proved path.
    Proved {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// The nonce.
        nonce: Nonce,
    },
    /// Of the direct path.
    Direct {
        /// The owner.
        owner: Address,
        /// The nonce.
        nonce: U256,
    },
}
alternatives!(NonceKey, "nonce" {
    0 => Proved { account, token, nonce },
    1 => Direct { owner, nonce },
});

/// A signed mandate of either path, as accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Of the proved path.
    Proved {
        /// The mandate and its signature.
        signed: ProvedPromise,
    },
    /// Of the direct path.
    Direct {
        /// The mandate, its signature and the account that it debits.
        signed: DirectPromise,
    },
}
alternatives!(Promise, "promise" {
    0 => Proved { signed },
    1 => Direct { signed },
});

impl Promise {
    /// The path.
    pub fn path(&self) -> SettlementPath {
        match self {
            Self::Proved { .. } => SettlementPath::Proved,
            Self::Direct { .. } => SettlementPath::Direct,
        }
    }

    /// The account that pays.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Proved { signed } => signed.mandate.account,
            Self::Direct { signed } => signed.account,
        }
    }

    /// The token paid in.
    pub fn token(&self) -> Address {
        match self {
            Self::Proved { signed } => signed.mandate.token,
            Self::Direct { signed } => signed.signed.message.token,
        }
    }

    /// Who is paid.
    pub fn payee(&self) -> Address {
        match self {
            Self::Proved { signed } => signed.mandate.payee,
            Self::Direct { signed } => signed.signed.message.payee,
        }
    }

    /// The most that the payee may capture.
    pub fn amount(&self) -> Ceiling {
        match self {
            Self::Proved { signed } => signed.mandate.amount,
            Self::Direct { signed } => signed.amount,
        }
    }

    /// The last second at which it settles.
    pub fn deadline(&self) -> UnixTime {
        match self {
            Self::Proved { signed } => signed.mandate.deadline,
            Self::Direct { signed } => signed.deadline,
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
            Self::Direct { signed } => NonceKey::Direct {
                owner: signed.signed.message.owner,
                nonce: signed.signed.message.nonce,
            },
        }
    }
}

/// A mandate on the proved path with its key and signature as bytes: making a [`PublicKey`] of
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

fields!(ProvedPromise { mandate, key, signature });
fields!(Mandate { account, token, payee, amount, nonce, deadline, reference, prev });

/// A direct mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectPromise {
    /// The mandate and its owner's signature.
    pub signed: SignedDirectMandate,
    /// The account that it debits: the one that its owner had marked at acceptance.
    pub account: AccountId,
    /// Its amount, which must fit what the wallet can hold.
    pub amount: Ceiling,
    /// Its deadline; later ones than 40 bits hold are that of 40 bits.
    pub deadline: UnixTime,
}
fields!(DirectPromise { signed, account, amount, deadline });

fields!(DirectMandate { owner, token, payee, amount, nonce, deadline, reference });

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
    /// The payee's terms whose hash the mandate's `ref` is, as they were handed in, if they were. Opaque
    /// here: whoever hands them in has compared the hash.
    pub terms: Option<Vec<u8>>,
}
fields!(MandateRecord { sequence, accepted_at, settle_by, promise, terms });

impl Record for MandateRecord {
    const VERSION: u8 = 2;
}

/// Where a mandate is in its life, what its payee captured of it, and what an arbiter ruled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRecord {
    /// Where it is.
    pub status: Status,
    /// What was captured; all of it when nothing was said.
    pub captured: Option<Amount>,
    /// The most that its payee gets, where an arbiter ruled.
    pub ruled: Option<Amount>,
    /// Whether it ever was in a batch. From then on its capture is fixed.
    pub was_sealed: bool,
    /// What keeps it out of windows while it is queued, by kind.
    pub holds: Vec<HoldRecord>,
}
fields!(StateRecord { status, captured, ruled, was_sealed, holds });

impl Record for StateRecord {
    const VERSION: u8 = 3;
}

impl StateRecord {
    /// What the mandate pays when it settles: what was captured, or else the ceiling, and no more than
    /// was ruled.
    pub fn due(&self, ceiling: Ceiling) -> Amount {
        let due = self.captured.unwrap_or(ceiling.amount());
        self.ruled.map_or(due, |ruled| due.min(ruled))
    }

    /// Until when it is held: when the last of its holds ends.
    pub fn held_until(&self) -> Option<UnixTime> {
        self.holds.iter().map(|hold| hold.until).max()
    }
}

/// Where a mandate is. It begins queued, and ends settled or failed.
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
    Quarantined {
        /// Why.
        reason: String,
    },
    /// Was settled on chain.
    Settled {
        /// The batch that settled it; none when a direct transaction did that is not
        /// this ledger's.
        batch: Option<BatchNumber>,
        /// What was paid.
        amount: Amount,
        /// The block's number.
        block: u64,
    },
    /// Will not be settled.
    Failed {
        /// Why.
        reason: FailureReason,
    },
}
alternatives!(Status, "status" {
    0 => Queued,
    1 => InBatch { batch },
    2 => Quarantined { reason },
    3 => Settled { batch, amount, block },
    4 => Failed { reason },
});

impl Status {
    /// Whether money is reserved for it: it has not ended.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Queued | Self::InBatch { .. } | Self::Quarantined { .. })
    }

    /// The status' name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InBatch { .. } => "in a batch",
            Self::Quarantined { .. } => "quarantined",
            Self::Settled { .. } => "settled",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Why a mandate will not be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// The chain's time passed its deadline.
    Expired,
    /// Its payee was paid from a bond, and its nonce spent with that.
    GuaranteeClaimed {
        /// The block's number.
        block: u64,
    },
    /// Its nonce was spent on chain by something that is not this ledger's.
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
alternatives!(FailureReason, "reason" {
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

/// What a processor gives for a direct mandate: the published MVP's `spEnqueueSig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DirectReceipt {
    /// The mandate's digest.
    pub mandate_digest: B256,
    /// By when it is settled.
    pub settle_by: UnixTime,
    /// The processor's signature on both.
    pub signature: EcdsaSignature,
}
fields!(DirectReceipt { mandate_digest, settle_by, signature });

/// A processor's signed promise for a mandate of either path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuedReceipt {
    /// Of the proved path.
    Proved {
        /// The receipt.
        receipt: SignedReceipt,
    },
    /// Of the direct path.
    Direct {
        /// The receipt.
        receipt: DirectReceipt,
    },
}
alternatives!(IssuedReceipt, "receipt" {
    0 => Proved { receipt },
    1 => Direct { receipt },
});

impl Record for IssuedReceipt {
    const VERSION: u8 = 2;
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
            Self::Proved { receipt } => receipt.message.settle_by,
            Self::Direct { receipt } => receipt.settle_by,
        }
    }

    /// Whether this processor is the one that answers for it. A direct one names nobody.
    pub fn is_of(&self, processor: Address) -> bool {
        match self {
            Self::Proved { receipt } => receipt.message.processor == processor,
            Self::Direct { .. } => true,
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
            (Self::Direct { receipt }, Promise::Direct { .. }) => {
                first_that_differs([("mandateDigest", receipt.mandate_digest == hash.bytes())])
            }
            _ => Err(ReceiptMismatch { field: "path" }),
        }
    }

    /// Checks that it is for this mandate of the proved path.
    pub(crate) fn check_proved(
        &self,
        hash: MandateHash,
        mandate: &Mandate,
    ) -> Result<(), ReceiptMismatch> {
        let Self::Proved { receipt: SignedReceipt { message: receipt, .. } } = self else {
            return Err(ReceiptMismatch { field: "path" });
        };
        first_that_differs([
            ("mandateId", MandateHash::from(receipt.mandate_id) == hash),
            ("account", receipt.account == mandate.account),
            ("nonce", receipt.nonce == mandate.nonce),
            ("token", receipt.token == mandate.token),
            ("payee", receipt.payee == mandate.payee),
            ("amount", receipt.amount == mandate.amount),
            ("deadline", receipt.deadline == mandate.deadline),
            ("issuedAt", receipt.issued_at <= receipt.settle_by),
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

fields!(Receipt {
    mandate_id,
    processor,
    account,
    nonce,
    token,
    payee,
    arbiter,
    amount,
    issued_at,
    deadline,
    settle_by
});
