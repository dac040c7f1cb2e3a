//! A rule of an operator's, and what it is asked about.

use aep2_ledger::{
    Ledger, MandateHash,
    records::{MandateRecord, NonceKey, Promise},
};
use aep2_mandate::units::{AccountId, Ceiling, UnixTime};
use aep2_x402::preimage::Preimage;
use alloy::primitives::{Address, B256};
use thiserror::Error;

/// What a policy is asked about: a mandate whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id or digest.
    pub mandate: MandateHash,
    /// Who pays.
    pub account: AccountId,
    /// Whose the account is; nothing where that is not known any more.
    pub owner: Option<Address>,
    /// The hash of the key that signed, an agent's as a rule; nothing on the direct path, where the owner
    /// signs.
    pub key_hash: Option<B256>,
    /// What may be spent once: of an account and token in the proved path, of an owner on the direct
    /// one.
    pub nonce: NonceKey,
    /// The token paid in.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// The most that is paid.
    pub amount: Ceiling,
    /// What is paid for.
    pub reference: B256,
    /// Whether its payee's terms, as far as they are known, agree to disputes: it is held for a while.
    pub is_disputable: bool,
    /// When it was accepted, or is about to be.
    pub at: UnixTime,
}

impl Request {
    /// The one that a mandate was when it was accepted, by an account as the ledger knows it now.
    pub fn of(mandate: MandateHash, record: &MandateRecord, ledger: &Ledger) -> Self {
        let promise = &record.promise;
        let (owner, key_hash) = parties(ledger, promise.account(), promise.nonce());
        let reference = match promise {
            Promise::Proved { signed } => signed.mandate.reference,
            Promise::Direct { signed } => signed.signed.message.reference,
        };
        Self {
            mandate,
            account: promise.account(),
            owner,
            key_hash,
            nonce: promise.nonce(),
            token: promise.token(),
            payee: promise.payee(),
            amount: promise.amount(),
            reference,
            is_disputable: is_disputable(record),
            at: record.accepted_at,
        }
    }
}

/// Whether an accepted mandate was held for disputes: only then its processor was told the arbiter.
fn is_disputable(record: &MandateRecord) -> bool {
    let preimage = record.terms.as_deref().and_then(|terms| serde_json::from_slice(terms).ok());
    preimage.is_some_and(|own: Preimage| own.disputes.is_some())
}

/// Why a policy refuses a mandate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PolicyRefusal {
    /// Whether it is over a limit, which may pass, or refused as such.
    pub kind: RefusalKind,
    /// What the payer reads.
    pub message: String,
}

/// What sort of a refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Over a limit.
    Limit,
    /// Not served.
    Refused,
    /// Not decided yet: the same mandate may be accepted a little later.
    Pending {
        /// When it is worth another try, in seconds.
        retry_after_s: u64,
    },
    /// Something has to be handed in first, by the payer: the message says what and where.
    Missing,
}

/// Whose an account is, and the hash of the key that signs with this kind of nonce.
pub(crate) fn parties(
    ledger: &Ledger,
    account: AccountId,
    nonce: NonceKey,
) -> (Option<Address>, Option<B256>) {
    match nonce {
        NonceKey::Direct { owner, .. } => (Some(owner), None),
        NonceKey::Proved { .. } => {
            let known = ledger.parties(account).filter(|(owner, _)| !owner.is_zero());
            known.unzip()
        }
    }
}

/// A rule of the operator's. It is asked on several threads at the same time, and must answer at
/// once: what it needs to know it keeps in memory.
pub trait Policy: Send + Sync {
    /// Whether it would allow the mandate. Counts nothing.
    ///
    /// # Errors
    /// Why not.
    fn allow(&self, request: &Request) -> Result<(), PolicyRefusal>;

    /// Allows the mandate, and counts it.
    ///
    /// # Errors
    /// Why not.
    fn reserve(&self, request: &Request) -> Result<(), PolicyRefusal> {
        self.allow(request)
    }

    /// What was reserved is not accepted after all.
    fn release(&self, request: &Request) {
        let _ = request;
    }

    /// A mandate was accepted, or lives again: counted until it ends, whatever the policy says by
    /// now. One that was just accepted is released afterwards. May be called again for the same one.
    fn restore(&self, request: &Request) {
        let _ = request;
    }

    /// A mandate that lived is settled or failed.
    fn ended(&self, request: &Request) {
        let _ = request;
    }
}
