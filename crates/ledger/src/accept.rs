//! Accepting a mandate: the promise to settle it, made only when it can be kept.
//!
//! What is checked, in this order, the first that applies being the answer:
//!
//! 1. the same mandate again gets the same receipt, whatever became of it;
//! 2. the view of the chain is too old;
//! 3. the account is not known (direct path: its owner marked none);
//! 4. the account's processor is another;
//! 5. the gate is closed for all, the account, the payee, the token or the key;
//! 6. the account came over or was contradicted, and was not read since;
//! 7. the account trusts verifiers that this processor does not have (proved path);
//! 8. the key is not the account's (proved path);
//! 9. the nonce is spent on chain, as far as that is known;
//! 10. the nonce was promised to another mandate, whatever became of that one: its receipt stands;
//! 11. `settleBy` is past, or the deadline lies before it;
//! 12. it is not to settle before a time that is too near to `settleBy`;
//! 13. the account's terms may change before `settleBy` and the margin;
//! 14. there is not enough left: balance, less the pending withdrawal, less what is reserved;
//! 15. the purse or the nonce is not known, of an account that was not followed from its beginning. It is
//!     read only for mandates whose signature holds, so this is the last check.

use aep2_mandate::{
    field,
    mandate::{Domain, MandateId, SignedMandate, VerifyError},
    typed_data::{SignerError, direct::SignedDirectMandate, receipt::SignedReceipt},
    units::{AccountId, Ceiling, UnixTime},
};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::Eip712Domain;
use thiserror::Error;

pub use crate::refusal::Refusal;
use crate::{
    chain::Unread,
    codec::Defect,
    config::LedgerConfig,
    error::{LedgerError, by_way_of_ledger_error},
    gate, hold,
    life::Entry,
    limits,
    records::{
        AccountRecord, DirectAccountRecord, DirectPromise, DirectReceipt, GateReason, GateScope,
        IssuedReceipt, MandateRecord, NonceKey, Promise, ProvedPromise, ReceiptMismatch, Standing,
        StateRecord, Status,
    },
    schema::{self, Family},
    source::Source,
    summary,
    tx::{Accounts, Tx},
    units::{Balance, MandateHash, Sequence},
};

/// A mandate with its hashes. Its signature is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<T> {
    signed: T,
    hash: MandateHash,
    terms: Terms,
}

impl Received<SignedMandate> {
    /// Of the proved path. `id` is the mandate's, in the domain of its token.
    pub fn proved(signed: SignedMandate, id: MandateId) -> Self {
        let key_hash = B256::from(field::to_be_bytes(&signed.key.hash()));
        let terms = Terms::Proved { signed: ProvedPromise::from(&signed), key_hash };
        Self { signed, hash: id.into(), terms }
    }
}

impl Received<SignedDirectMandate> {
    /// Of the direct path. `digest` is the mandate's, in the wallet's domain.
    pub fn direct(signed: SignedDirectMandate, digest: B256) -> Self {
        // No purse holds more than a ceiling can say: what exceeds it is never funded.
        let amount = u128::try_from(signed.message.amount).ok();
        let amount = amount.and_then(|amount| Ceiling::new(amount).ok());
        let deadline = u64::try_from(signed.message.deadline).ok();
        let deadline = deadline.and_then(|deadline| UnixTime::new(deadline).ok());
        let deadline = deadline.unwrap_or(UnixTime::MAX);
        let terms = Terms::Direct { signed, amount, deadline };
        Self { signed, hash: MandateHash::from_bytes(digest), terms }
    }
}

impl<T> Received<T> {
    /// The mandate.
    pub fn signed(&self) -> &T {
        &self.signed
    }

    /// Its id or digest.
    pub fn hash(&self) -> MandateHash {
        self.hash
    }

    /// The same, with what came with the mandate.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Received<U> {
        let Self { signed, hash, terms } = self;
        Received { signed: with(signed), hash, terms }
    }

    /// States that the caller checked the signature, in bulk perhaps, and that the id or digest is
    /// what it is on. The ledger relies on both.
    pub fn verified_by_caller(self) -> Verified<T> {
        Verified(self)
    }
}

/// A mandate whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(Received<T>);

impl Verified<SignedMandate> {
    /// Checks the signature of a mandate on the proved path.
    ///
    /// # Errors
    /// As [`SignedMandate::verify`].
    pub fn check(signed: SignedMandate, domain: &Domain) -> Result<Self, VerifyError> {
        let id = signed.verify(domain)?;
        Ok(Self::by_caller(signed, id))
    }

    /// States that the caller checked the signature, in bulk perhaps, and that `id` is what it is
    /// on. The ledger relies on both.
    pub fn by_caller(signed: SignedMandate, id: MandateId) -> Self {
        Self(Received::proved(signed, id))
    }
}

impl Verified<SignedDirectMandate> {
    /// Checks the signature of a direct mandate.
    ///
    /// # Errors
    /// As [`SignedDirectMandate::verify_owner`].
    pub fn check(signed: SignedDirectMandate, domain: &Eip712Domain) -> Result<Self, SignerError> {
        let digest = signed.verify_owner(domain)?;
        Ok(Self::by_caller(signed, digest))
    }

    /// States that the caller checked the signature, and that `digest` is what it is on.
    pub fn by_caller(signed: SignedDirectMandate, digest: B256) -> Self {
        Self(Received::direct(signed, digest))
    }
}

impl<T> Verified<T> {
    /// The mandate.
    pub fn signed(&self) -> &T {
        &self.0.signed
    }

    /// Its id or digest.
    pub fn hash(&self) -> MandateHash {
        self.0.hash
    }
}

/// A verified mandate with the receipt that is to be given for it. The receipt leaves only with an
/// [`Accepted`] that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptRequest {
    hash: MandateHash,
    terms: Terms,
    receipt: IssuedReceipt,
    payee_terms: Option<PayeeTerms>,
}

/// What a payee's terms, handed in with its mandate, ask of the processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeeTerms {
    /// The terms as they were handed in, at most [`limits::TERMS_BYTES_MAX`]. Their hash is the
    /// mandate's `ref`: the caller has compared it.
    pub bytes: Vec<u8>,
    /// When the mandate may be sealed at the earliest.
    pub not_before: Option<UnixTime>,
}

/// What is offered, by path. The account of the direct path is found at acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Terms {
    Proved { signed: ProvedPromise, key_hash: B256 },
    Direct { signed: SignedDirectMandate, amount: Option<Ceiling>, deadline: UnixTime },
}

impl Terms {
    fn payee_and_token(&self) -> (Address, Address) {
        match self {
            Self::Proved { signed, .. } => (signed.mandate.payee, signed.mandate.token),
            Self::Direct { signed, .. } => (signed.message.payee, signed.message.token),
        }
    }

    /// What the gate may be closed for that concerns this.
    fn scopes(&self, account: AccountId) -> impl Iterator<Item = GateScope> {
        let (payee, token) = self.payee_and_token();
        // On the direct path it is the owner who signs.
        let key = match self {
            Self::Proved { key_hash, .. } => Some(GateScope::Key { account, key_hash: *key_hash }),
            Self::Direct { .. } => None,
        };
        let scopes = [
            GateScope::All,
            GateScope::Account { account },
            GateScope::Payee { payee },
            GateScope::Token { token },
        ];
        scopes.into_iter().chain(key)
    }

    fn nonce(&self) -> NonceKey {
        match self {
            Self::Proved { signed, .. } => NonceKey::Proved {
                account: signed.mandate.account,
                token: signed.mandate.token,
                nonce: signed.mandate.nonce,
            },
            Self::Direct { signed, .. } => {
                NonceKey::Direct { owner: signed.message.owner, nonce: signed.message.nonce }
            }
        }
    }
}

impl AcceptRequest {
    /// Of the proved path.
    ///
    /// # Errors
    /// When the receipt is for another mandate.
    pub fn proved<T>(
        mandate: &Verified<T>,
        receipt: SignedReceipt,
    ) -> Result<Self, ReceiptMismatch> {
        let Received { hash, terms, .. } = &mandate.0;
        let receipt = IssuedReceipt::Proved { receipt };
        match terms {
            Terms::Proved { signed, .. } => receipt.check_proved(*hash, &signed.mandate)?,
            Terms::Direct { .. } => return Err(ReceiptMismatch { field: "path" }),
        }
        Ok(Self { hash: *hash, terms: terms.clone(), receipt, payee_terms: None })
    }

    /// Of the direct path.
    ///
    /// # Errors
    /// When the receipt is for another mandate.
    pub fn direct(
        mandate: &Verified<SignedDirectMandate>,
        receipt: DirectReceipt,
    ) -> Result<Self, ReceiptMismatch> {
        let Received { hash, terms, .. } = &mandate.0;
        if receipt.mandate_digest != hash.bytes() {
            return Err(ReceiptMismatch { field: "mandateDigest" });
        }
        let receipt = IssuedReceipt::Direct { receipt };
        Ok(Self { hash: *hash, terms: terms.clone(), receipt, payee_terms: None })
    }

    /// With the payee's terms, which are kept with the mandate.
    #[must_use]
    pub fn with_terms(mut self, terms: PayeeTerms) -> Self {
        self.payee_terms = Some(terms);
        self
    }

    /// The mandate's id or digest.
    pub fn hash(&self) -> MandateHash {
        self.hash
    }
}

/// A mandate that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The mandate.
    pub mandate: MandateHash,
    /// The receipt to give.
    pub receipt: IssuedReceipt,
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// Whether it had been accepted before, and this is the receipt of then.
    pub again: bool,
}

/// Why an acceptance failed.
#[derive(Clone, Debug, Error)]
pub enum AcceptError {
    /// The mandate is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger could not take it. No receipt exists.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(AcceptError);

/// What the ledger says of a mandate that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precheck {
    /// It was accepted before, and this is what was given for it. Whoever asks now may be somebody
    /// else, with a signature that was not looked at.
    Accepted(Box<Accepted>),
    /// It would be accepted now.
    Acceptable {
        /// The account that pays.
        account: AccountId,
        /// The most that the payee may capture.
        amount: Ceiling,
        /// What must be read first, if anything must: it would be refused with that. To be asked for
        /// only when the signature holds.
        unread: Option<Unread>,
        /// What is best read now, so that the next mandates need not wait for it.
        ahead: Option<Unread>,
    },
}

/// What acceptance found out.
enum Found {
    Again(Box<Accepted>),
    New { account: AccountId, amount: Ceiling, deadline: UnixTime, reads: Reads },
}

/// What is to be read.
#[derive(Clone, Copy, Default)]
struct Reads {
    unread: Option<Unread>,
    ahead: Option<Unread>,
}

/// Whether the request would be accepted. Changes nothing.
pub(crate) fn check(
    on: &impl Accounts,
    config: &LedgerConfig,
    request: &AcceptRequest,
    now: UnixTime,
) -> Result<(), AcceptError> {
    let found = admit(on, config, &Asked::from(request), now)?;
    found.read().map(drop)
}

/// Whether a mandate would be accepted with a receipt that is due at the first time, and settled no earlier
/// than the second. Changes nothing.
pub(crate) fn precheck<T>(
    on: &impl Accounts,
    config: &LedgerConfig,
    received: &Received<T>,
    (settle_by, not_before): (UnixTime, Option<UnixTime>),
    now: UnixTime,
) -> Result<Precheck, AcceptError> {
    let (hash, terms) = (received.hash, &received.terms);
    let asked = Asked { hash, terms, settle_by, not_before, is_signed: false };
    Ok(match admit(on, config, &asked, now)? {
        Found::Again(accepted) => Precheck::Accepted(accepted),
        Found::New { account, amount, reads: Reads { unread, ahead }, .. } => {
            Precheck::Acceptable { account, amount, unread, ahead }
        }
    })
}

/// What is asked of the ledger, with or without a receipt.
struct Asked<'a> {
    hash: MandateHash,
    terms: &'a Terms,
    settle_by: UnixTime,
    not_before: Option<UnixTime>,
    /// Whether the signature was looked at. Whom compliance denied is not told to whoever makes up a mandate.
    is_signed: bool,
}

impl<'a> From<&'a AcceptRequest> for Asked<'a> {
    fn from(request: &'a AcceptRequest) -> Self {
        let settle_by = request.receipt.settle_by();
        let not_before = request.payee_terms.as_ref().and_then(|terms| terms.not_before);
        let (hash, terms) = (request.hash, &request.terms);
        Self { hash, terms, settle_by, not_before, is_signed: true }
    }
}

fn admit(
    on: &impl Accounts,
    config: &LedgerConfig,
    asked: &Asked<'_>,
    now: UnixTime,
) -> Result<Found, AcceptError> {
    let nonce = asked.terms.nonce();
    let holder = on.get(Family::Nonces, &schema::nonce(&nonce))?;
    let holder = holder.map(|bytes| crate::memory::key_of(Family::Nonces, &bytes)).transpose()?;
    if holder == Some(asked.hash) {
        return again(on, asked.hash).map(|accepted| Found::Again(Box::new(accepted)));
    }
    check_view_age(on, config, now)?;
    let (id, direct) = account_of(on, asked.terms)?;
    let account = on.account(id);
    let Some((account, record)) =
        account.as_ref().and_then(|account| Some((account, account.record.as_ref()?)))
    else {
        return Err(Refusal::UnknownAccount { account: id }.into());
    };
    if record.processor != config.identity.processor {
        return Err(Refusal::OtherProcessor { account: id, processor: record.processor }.into());
    }
    let (_, token) = asked.terms.payee_and_token();
    let closed = gate::closed(&on.gates(), asked.terms.scopes(id), |reason| {
        asked.is_signed || reason != GateReason::Denied
    });
    if let Some((scope, reason)) = closed {
        return Err(Refusal::Closed { scope, reason }.into());
    }
    if record.standing != Standing::Followed {
        return Err(Refusal::BeingRead { account: id, unread: None }.into());
    }
    let (amount, deadline) = match asked.terms {
        Terms::Proved { signed, key_hash } => {
            check_proved(config, id, record, *key_hash)?;
            let mandate = &signed.mandate;
            (Some(mandate.amount), mandate.deadline)
        }
        Terms::Direct { amount, deadline, .. } => (*amount, *deadline),
    };
    let mut reads = check_nonce(on, record, &direct, &nonce)?;
    if let Some(mandate) = holder {
        return Err(Refusal::NonceConflict { mandate }.into());
    }
    let direct_changes_from = direct.pending.map(|(_, in_force_from)| in_force_from);
    let changes_from = account.changes_from().into_iter().chain(direct_changes_from).min();
    check_times(config, asked, changes_from, deadline, now)?;
    let free = on.purse(id, token).free();
    let purse_unread =
        !record.whole && on.get(Family::Purses, &schema::purse(id, token))?.is_none();
    if purse_unread {
        reads.unread = Some(Unread::Purse { account: id, token });
    }
    match amount {
        Some(amount) if purse_unread || Balance::from(amount.amount()) <= free => {
            Ok(Found::New { account: id, amount, deadline, reads })
        }
        _ => Err(Refusal::InsufficientFunds { free }.into()),
    }
}

/// The last block applied must not be too old.
fn check_view_age(on: &impl Accounts, config: &LedgerConfig, now: UnixTime) -> Result<(), Refusal> {
    let block_time = on.tip().map(|tip| tip.time);
    let too_old = config.view_age_s_max.is_some_and(|age_max| {
        block_time.is_none_or(|time| now.seconds_since(time).is_some_and(|age| age > age_max))
    });
    if too_old { Err(Refusal::ViewTooOld { block_time, now }) } else { Ok(()) }
}

impl Found {
    /// What was found, unless something must be read first.
    fn read(self) -> Result<Self, AcceptError> {
        match self {
            Self::New { account, reads: Reads { unread: unread @ Some(_), .. }, .. } => {
                Err(Refusal::BeingRead { account, unread }.into())
            }
            found => Ok(found),
        }
    }
}

/// What only the proved path asks: verifiers that this processor has, and the account's key.
fn check_proved(
    config: &LedgerConfig,
    account: AccountId,
    record: &AccountRecord,
    key_hash: B256,
) -> Result<(), AcceptError> {
    let verifier_set = record.verifier_set;
    if config.verifier_sets.as_ref().is_some_and(|sets| !sets.contains(&verifier_set)) {
        return Err(Refusal::OtherVerifiers { account, verifier_set }.into());
    }
    if record.key_hash != key_hash || record.key_hash == B256::ZERO {
        return Err(Refusal::OtherKey { account }.into());
    }
    Ok(())
}

/// The promise can be kept in time, and before the account's terms may change.
fn check_times(
    config: &LedgerConfig,
    asked: &Asked<'_>,
    changes_from: Option<UnixTime>,
    deadline: UnixTime,
    now: UnixTime,
) -> Result<(), Refusal> {
    let settle_by = asked.settle_by;
    if settle_by <= now {
        return Err(Refusal::SettleByPassed { settle_by, now });
    }
    if deadline < settle_by {
        return Err(Refusal::DeadlineTooNear { deadline, settle_by });
    }
    let latest = hold::limit(config, settle_by);
    if let Some(not_before) = asked.not_before.filter(|not_before| *not_before > latest) {
        return Err(Refusal::NotBeforeTooLate { not_before, latest, settle_by });
    }
    if let Some(in_force_from) = changes_from
        && config.safe_before(in_force_from).is_none_or(|safe| settle_by >= safe)
    {
        return Err(Refusal::ChangePending { in_force_from, settle_by });
    }
    Ok(())
}

/// The account that a mandate debits, and for a direct one what is known of its owner.
fn account_of(
    on: &impl Source,
    terms: &Terms,
) -> Result<(AccountId, DirectAccountRecord), AcceptError> {
    match terms {
        Terms::Proved { signed, .. } => Ok((signed.mandate.account, Default::default())),
        Terms::Direct { signed, .. } => {
            let owner = signed.message.owner;
            let direct: Option<DirectAccountRecord> =
                on.record(Family::DirectAccounts, &schema::owner(owner))?;
            let direct = direct.unwrap_or_default();
            let account = direct.account.ok_or(Refusal::NoDirectAccount { owner })?;
            Ok((account, direct))
        }
    }
}

/// The receipt of a mandate that was accepted before.
fn again(on: &impl Source, mandate: MandateHash) -> Result<Accepted, AcceptError> {
    let key = schema::mandate(mandate);
    let receipt = on.expect(Family::Receipts, &key, "its nonce")?;
    let MandateRecord { sequence, .. } = on.expect(Family::Mandates, &key, "its nonce")?;
    Ok(Accepted { mandate, receipt, sequence, again: true })
}

/// That the chain has not spent a nonce, or what must be read to know.
fn check_nonce(
    on: &impl Source,
    record: &AccountRecord,
    direct: &DirectAccountRecord,
    nonce: &NonceKey,
) -> Result<Reads, AcceptError> {
    match *nonce {
        NonceKey::Proved { account, token, nonce } => {
            let index = nonce.get() >> 8;
            let slot = |index| Unread::Slot { account, token, index };
            let unread = |index| -> Result<bool, LedgerError> {
                let key = schema::spent_slot(account, token, index);
                Ok(!record.whole && on.get(Family::Spent, &key)?.is_none())
            };
            if unread(index)? {
                return Ok(Reads { unread: Some(slot(index)), ahead: None });
            }
            if spent_slot(on, account, token, index)?.bit((nonce.get() & 255) as usize) {
                return Err(Refusal::NonceSpent.into());
            }
            let next = index.saturating_add(1);
            let ahead = unread(next)?.then(|| slot(next));
            Ok(Reads { unread: None, ahead })
        }
        NonceKey::Direct { .. } if direct.whole => Ok(Reads::default()),
        NonceKey::Direct { owner, nonce } => {
            let key = schema::direct_nonce(owner, nonce);
            match on.get(Family::DirectSpent, &key)?.as_deref() {
                None => {
                    let unread = Some(Unread::DirectNonce { owner, nonce });
                    Ok(Reads { unread, ahead: None })
                }
                Some([0]) => Ok(Reads::default()),
                Some(_) => Err(Refusal::NonceSpent.into()),
            }
        }
    }
}

/// The 256 bits of the wallet's bitmap at `index`.
pub(crate) fn spent_slot(
    on: &impl Source,
    account: AccountId,
    token: Address,
    index: u64,
) -> Result<U256, LedgerError> {
    let key = schema::spent_slot(account, token, index);
    let Some(bytes) = on.get(Family::Spent, &key)? else {
        return Ok(U256::ZERO);
    };
    let bits = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| LedgerError::damaged(Family::Spent, &key, Defect::Short("256 bits")))?;
    Ok(U256::from_be_bytes(bits))
}

/// Accepts a mandate, or finds out why not.
pub(crate) fn accept(
    tx: &mut Tx<'_, '_>,
    request: AcceptRequest,
    now: UnixTime,
) -> Result<Accepted, AcceptError> {
    let found = admit(tx, tx.config, &Asked::from(&request), now)?.read()?;
    let (account, amount, deadline) = match found {
        Found::Again(accepted) => return Ok(*accepted),
        Found::New { account, amount, deadline, .. } => (account, amount, deadline),
    };
    if let Some(terms) = &request.payee_terms {
        limits::within("the payee's terms", &terms.bytes, limits::TERMS_BYTES_MAX)?;
    }
    let nonce = schema::nonce(&request.terms.nonce());
    let AcceptRequest { hash, terms, receipt, payee_terms } = request;
    let promise = match terms {
        Terms::Proved { signed, .. } => Promise::Proved { signed },
        Terms::Direct { signed, .. } => {
            Promise::Direct { signed: DirectPromise { signed, account, amount, deadline } }
        }
    };
    let settle_by = receipt.settle_by();
    let (path, token) = (promise.path(), promise.token());

    let sequence = tx.counters().next_sequence;
    tx.counters_mut().next_sequence = sequence.next();
    tx.reserve(account, token, Balance::ZERO, amount.amount().into())?;
    let key = schema::mandate(hash);
    let hash_bytes = hash.bytes().to_vec();
    let not_before = payee_terms.as_ref().and_then(|terms| terms.not_before);
    let holds = not_before.and_then(|until| hold::of_terms(until, now)).into_iter().collect();
    let terms = payee_terms.map(|terms| terms.bytes);
    let mandate = MandateRecord { sequence, accepted_at: now, settle_by, promise, terms };
    let state = StateRecord {
        status: Status::Queued,
        captured: None,
        ruled: None,
        was_sealed: false,
        holds,
        released_at: None,
    };
    let entry = Entry { hash, mandate, state };
    tx.put_record(Family::Mandates, key.clone(), &entry.mandate);
    tx.put_record(Family::States, key.clone(), &entry.state);
    tx.put_record(Family::Receipts, key, &receipt);
    tx.put(Family::Nonces, nonce, hash_bytes.clone());
    tx.put(Family::Acceptances, schema::sequence(sequence), hash_bytes);
    entry.wait(tx);
    summary::accepted(tx, path, hash)?;
    Ok(Accepted { mandate: hash, receipt, sequence, again: false })
}
