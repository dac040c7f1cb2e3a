//! Whom and what an operator serves: asked after a mandate's signature holds, before anything is
//! promised.
//!
//! Policies are asked in a row, and the first refusal is the answer. One that counts (how much an
//! account spends in a day, say) counts a mandate as soon as it allows it, since many are asked at
//! the same time: it is [taken](Policy::take), and [let go](Policy::let_go) when it is known what
//! became of it. What was accepted is [restored](Policy::restore) before that, and counted until it
//! has [ended](Policy::ended); so is all that lives after a start, and what the chain brings back to
//! life.

pub mod words;

use std::sync::Arc;

use aep2_ledger::{
    Ledger, LedgerError, MandateHash, Sequence,
    records::{MandateRecord, NonceKey, Promise},
};
use aep2_mandate::units::{AccountId, Ceiling, UnixTime};
use alloy::primitives::{Address, B256};
use thiserror::Error;

use self::words::NonceWords;

/// How many mandates are read at a time when all that live are looked through.
const READ_TOGETHER: usize = 1_024;

/// What a policy is asked about: a mandate whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id or digest.
    pub mandate: MandateHash,
    /// Who pays.
    pub account: AccountId,
    /// What may be spent once: of an account and token in the proved path, of an owner in the signed
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
    /// When it was accepted, or is about to be.
    pub at: UnixTime,
}

impl Request {
    /// The one that a mandate was when it was accepted.
    pub fn of(mandate: MandateHash, record: &MandateRecord) -> Self {
        let promise = &record.promise;
        let reference = match promise {
            Promise::Proved { signed } => signed.mandate.reference,
            Promise::Direct { signed } => signed.signed.message.reference,
        };
        Self {
            mandate,
            account: promise.account(),
            nonce: promise.nonce(),
            token: promise.token(),
            payee: promise.payee(),
            amount: promise.amount(),
            reference,
            at: record.accepted_at,
        }
    }
}

/// Why a policy refuses a mandate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{words}")]
pub struct PolicyRefusal {
    /// Whether it is over a limit, which may pass, or refused as such.
    pub kind: RefusalKind,
    /// What the payer is told.
    pub words: String,
}

/// What sort of a refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Over a limit.
    Limit,
    /// Not served.
    Refused,
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
    fn take(&self, request: &Request) -> Result<(), PolicyRefusal> {
        self.allow(request)
    }

    /// What was taken is not accepted after all.
    fn let_go(&self, request: &Request) {
        let _ = request;
    }

    /// A mandate was accepted, or lives again: counted until it ends, whatever the policy says by
    /// now. One that was just accepted is let go afterwards. May be told again of the same one.
    fn restore(&self, request: &Request) {
        let _ = request;
    }

    /// A mandate that lived is settled or failed.
    fn ended(&self, request: &Request) {
        let _ = request;
    }
}

/// All policies, in their order.
#[derive(Clone)]
pub(crate) struct Policies(Arc<[Arc<dyn Policy>]>);

impl Policies {
    /// The built-in ones, then the operator's, with what lives restored in each.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn start(
        nonce_words_max: usize,
        others: Vec<Arc<dyn Policy>>,
        ledger: &Ledger,
    ) -> Result<Self, LedgerError> {
        let words: Arc<dyn Policy> = Arc::new(NonceWords::new(nonce_words_max));
        let this = Self([words].into_iter().chain(others).collect());
        for_each_live(ledger, |mandate, record| this.restore(&Request::of(mandate, record)))?;
        Ok(this)
    }

    /// Whether all would allow it.
    pub(crate) fn allow(&self, request: &Request) -> Result<(), PolicyRefusal> {
        self.0.iter().try_for_each(|policy| policy.allow(request))
    }

    /// Has all allow it and count it, or none.
    pub(crate) fn take(&self, request: Request) -> Result<Taken, PolicyRefusal> {
        let mut taken = Taken { policies: self.clone(), request, count: 0 };
        for policy in self.0.iter() {
            policy.take(&taken.request)?;
            taken.count += 1;
        }
        Ok(taken)
    }

    pub(crate) fn restore(&self, request: &Request) {
        self.0.iter().for_each(|policy| policy.restore(request));
    }

    pub(crate) fn ended(&self, request: &Request) {
        self.0.iter().for_each(|policy| policy.ended(request));
    }
}

/// A mandate that policies count. Let go when it is dropped, unless it is kept.
pub(crate) struct Taken {
    policies: Policies,
    request: Request,
    /// How many of them count it.
    count: usize,
}

impl Taken {
    /// It was accepted: counted until it ends.
    pub(crate) fn keep(self) {
        self.policies.restore(&self.request);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.policies.0[..self.count].iter().for_each(|policy| policy.let_go(&self.request));
    }
}

/// Looks at every mandate that has not ended. For a ledger that nobody writes to meanwhile.
fn for_each_live(
    ledger: &Ledger,
    mut look: impl FnMut(MandateHash, &MandateRecord),
) -> Result<(), LedgerError> {
    for (path, token) in ledger.queues()? {
        let mut from = Sequence::new(0);
        loop {
            let entries = ledger.window(path, token, from, READ_TOGETHER)?;
            entries.iter().for_each(|entry| look(entry.hash, &entry.mandate));
            match entries.last() {
                Some(last) if entries.len() == READ_TOGETHER => {
                    from = Sequence::new(last.mandate.sequence.get() + 1);
                }
                _ => break,
            }
        }
    }
    for mandate in ledger.quarantined()? {
        if let Some(view) = ledger.mandate(mandate)? {
            look(mandate, &view.mandate);
        }
    }
    for batch in ledger.unfinished()? {
        for member in batch.members.iter().filter(|member| member.status.is_live()) {
            look(member.hash, &member.mandate);
        }
    }
    Ok(())
}
