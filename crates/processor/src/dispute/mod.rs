//! Disputes: payers that object before their mandate settles, payees that answer, arbiters that rule.
//!
//! The processor judges nothing. It looks at who signed, whether the terms agree to it, and whether
//! there is time; keeps what was said; holds the mandate meanwhile; and settles what the ruling leaves.
//! Whose ruling counts is in the payee's terms, which the mandate's `ref` covers, and in the receipt:
//! on chain nothing else lowers what is owed. So a payee that gives in by word of mouth is not enough,
//! and silence is not either: the arbiter rules by it.
//!
//! `docs/disputes.md` describes it for those who take part.

mod error;

use std::sync::Arc;

use aep2_ledger::{
    Close, Durable, GateReason, GateScope, Ledger, MandateHash, MandateView, Open,
    records::{DisputeRecord, Promise, RulingRecord},
};
use aep2_mandate::{
    field,
    mandate::SignedMandate,
    typed_data::{
        TypedData,
        capture::SignedCapture,
        dispute::{Reason, SignedDispute, SignedDisputeAnswer},
        keyed::AnySigner,
        ruling::SignedRuling,
    },
    units::{AccountId, UnixTime},
};
use aep2_x402::{disputes::Disputes, preimage::Preimage};
use alloy::{primitives::B256, sol_types::Eip712Domain};
use serde::{Serialize, de::DeserializeOwned};

pub use self::error::DisputeError;
use crate::{capture, emitter::Emitter, event::Event};

/// A mandate with its dispute, as it stands: everything that was signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispute {
    /// The mandate, and what the ledger has of it.
    pub mandate: MandateView,
    /// The mandate as its payer signed it.
    pub signed: SignedMandate,
    /// What its `ref` was made of.
    pub preimage: Preimage,
    /// When what happened, and what was said, as it was kept.
    pub record: DisputeRecord,
    /// What the payer signed.
    pub opening: SignedDispute,
    /// What the payee captured before, if it did.
    pub capture: Option<SignedCapture>,
    /// What the payee answered, if it did.
    pub answer: Option<SignedDisputeAnswer>,
    /// What the arbiter ruled, if it did.
    pub ruling: Option<SignedRuling>,
}

/// A dispute after something was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The dispute.
    pub dispute: Dispute,
    /// Whether the same had been said before.
    pub again: bool,
}

/// What is opened, and what follows from it.
struct Opening {
    open: Open,
    reason: Reason,
    account: AccountId,
    /// The hash of the key that signed the mandate.
    key_hash: B256,
}

/// What dealing with disputes needs.
#[derive(Clone)]
pub(crate) struct DisputeContext {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) events: Arc<Emitter>,
    /// In which messages are signed.
    pub(crate) domain: Eip712Domain,
}

impl DisputeContext {
    /// Opens a dispute, and holds its mandate.
    pub(crate) async fn open(
        &self,
        signed: SignedDispute,
        now: UnixTime,
    ) -> Result<Said, DisputeError> {
        let mandate = MandateHash::from_bytes(signed.message().mandate_id);
        let this = self.clone();
        let Opening { open, reason, account, key_hash } =
            blocking(move || this.opening(mandate, &signed)).await?;
        let opened = self.ledger.open_dispute(open, now).await.map(Durable::into_inner)?;
        if !opened.again {
            self.events.emit(Event::Disputed { mandate, decide_by: opened.record.decide_by });
        }
        // Also when it is said again: a process that ended in between left it undone.
        if reason == Reason::Unauthorized {
            let close = Close {
                scope: GateScope::Key { account, key_hash },
                reason: GateReason::Unauthorized,
                by: "dispute".to_owned(),
                note: format!("mandate {mandate} is disputed as unauthorized"),
            };
            self.ledger.close_gate(close, now).await?;
        }
        self.said(mandate, opened.again).await
    }

    /// Who opens what, and until when there is time.
    fn opening(
        &self,
        mandate: MandateHash,
        signed: &SignedDispute,
    ) -> Result<Opening, DisputeError> {
        let view = self.ledger.mandate(mandate)?;
        let view = view.ok_or(DisputeError::UnknownMandate { mandate })?;
        let account = view.mandate.promise.account();
        if !self.is_payer(&view, signed.signer(&self.domain))? {
            return Err(DisputeError::NotThePayer);
        }
        let Preimage { disputes, .. } =
            preimage(&view)?.ok_or(DisputeError::NotAgreed { mandate })?;
        let disputes = disputes.ok_or(DisputeError::NotAgreed { mandate })?;
        let reason = signed.message().reason;
        if !disputes.reasons().contains(&reason) {
            return Err(DisputeError::OtherReason { reason, agreed: named(&disputes) });
        }
        let after =
            |seconds: u64| view.mandate.accepted_at.checked_add(seconds).unwrap_or(UnixTime::MAX);
        let (window_s, ruling_s) = (disputes.window_seconds(), disputes.ruling_seconds());
        let (before, decide_by) = (after(window_s), after(window_s.saturating_add(ruling_s)));
        let statement = written(signed)?;
        let key_hash = key_hash_of(&view)?;
        let named = [view.mandate.promise.payee(), disputes.arbiter()];
        let owner = self.ledger.parties(account).map(|(owner, _)| owner);
        let addresses = named.into_iter().chain(owner).map(|address| address.into_word());
        let parties = addresses.chain([key_hash]).collect();
        let open = Open { mandate, statement, parties, before, decide_by };
        Ok(Opening { open, reason, account, key_hash })
    }

    /// Whether who signed is the mandate's key, or the owner of its account.
    fn is_payer(
        &self,
        view: &MandateView,
        signer: Option<AnySigner>,
    ) -> Result<bool, DisputeError> {
        Ok(match (signer, &view.mandate.promise) {
            (Some(AnySigner::Key(key)), Promise::Proved { signed }) => {
                signed.signed_mandate().map_err(damaged)?.key == key
            }
            (Some(AnySigner::Address(address)), promise) => {
                let owner = self.ledger.parties(promise.account());
                owner.is_some_and(|(owner, _)| !owner.is_zero() && owner == address)
            }
            _ => false,
        })
    }

    /// Notes what the payee says.
    pub(crate) async fn answer(
        &self,
        mandate: MandateHash,
        signed: SignedDisputeAnswer,
        now: UnixTime,
    ) -> Result<Said, DisputeError> {
        let this = self.clone();
        let statement = blocking(move || {
            let dispute = this.expect(mandate)?;
            let payee = dispute.mandate.mandate.promise.payee();
            let by = signed.verify(&this.domain, payee);
            by.map_err(|reason| DisputeError::OtherSigner { who: "payee", reason })?;
            if signed.message.dispute != dispute.opening.message().struct_hash() {
                return Err(DisputeError::OtherDispute);
            }
            written(&signed)
        })
        .await?;
        let noted = self.ledger.answer_dispute(mandate, statement, now).await?.into_inner();
        if !noted.again {
            self.events.emit(Event::DisputeAnswered { mandate });
        }
        self.said(mandate, noted.again).await
    }

    /// Has a mandate pay what an arbiter leaves of it.
    pub(crate) async fn rule(
        &self,
        signed: SignedRuling,
        now: UnixTime,
    ) -> Result<Said, DisputeError> {
        let mandate = MandateHash::from_bytes(signed.message.mandate_id);
        let captured = signed.message.captured;
        let this = self.clone();
        let statement = blocking(move || {
            let dispute = this.expect(mandate)?;
            let by = signed.verify(&this.domain, dispute.preimage.arbiter());
            by.map_err(|reason| DisputeError::OtherSigner { who: "arbiter", reason })?;
            written(&signed)
        })
        .await?;
        let noted = self.ledger.rule(mandate, captured, statement, now).await?.into_inner();
        if !noted.again {
            self.events.emit(Event::DisputeRuled { mandate, captured });
        }
        self.said(mandate, noted.again).await
    }

    async fn said(&self, mandate: MandateHash, again: bool) -> Result<Said, DisputeError> {
        let this = self.clone();
        let dispute = blocking(move || this.expect(mandate)).await?;
        Ok(Said { dispute, again })
    }

    fn expect(&self, mandate: MandateHash) -> Result<Dispute, DisputeError> {
        match self.find(mandate)? {
            Some(dispute) => Ok(dispute),
            None if self.ledger.mandate(mandate)?.is_some() => {
                Err(DisputeError::NotDisputed { mandate })
            }
            None => Err(DisputeError::UnknownMandate { mandate }),
        }
    }

    /// A mandate's dispute, with all that was signed.
    pub(crate) fn find(&self, mandate: MandateHash) -> Result<Option<Dispute>, DisputeError> {
        let Some(record) = self.ledger.dispute(mandate)? else { return Ok(None) };
        let Some(view) = self.ledger.mandate(mandate)? else { return Ok(None) };
        let Promise::Proved { signed } = &view.mandate.promise else {
            return Err(DisputeError::Internal(format!("direct mandate {mandate} is disputed")));
        };
        let preimage = preimage(&view)?.ok_or(DisputeError::NotAgreed { mandate })?;
        let capture = view.capture.as_ref().map(capture::signed_of).transpose().map_err(damaged)?;
        let (answer, ruling) = (record.answer.as_ref(), record.ruling.as_ref());
        Ok(Some(Dispute {
            signed: signed.signed_mandate().map_err(damaged)?,
            preimage,
            opening: read(&record.opening)?,
            capture,
            answer: answer.map(|own| read(&own.statement)).transpose()?,
            ruling: ruling.map(|own| read(&own.statement)).transpose()?,
            mandate: view,
            record,
        }))
    }

    /// The disputes above a number that concern who signed, at most `limit`, and the number to go on after;
    /// nothing where there is none.
    pub(crate) fn concerning(
        &self,
        signer: &AnySigner,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Dispute>, Option<u64>), DisputeError> {
        let found = self.ledger.disputes_of(party(signer), after, limit)?;
        let last = found.last().map(|(number, _)| *number);
        let disputes = found.into_iter().map(|(_, mandate)| self.expect(mandate));
        Ok((disputes.collect::<Result<_, _>>()?, last))
    }

    /// Whether a dispute concerns who signed: the payer, the payee, the arbiter.
    pub(crate) fn concerns(
        &self,
        dispute: &Dispute,
        signer: &AnySigner,
    ) -> Result<bool, DisputeError> {
        let is_named = |address| {
            address == dispute.mandate.mandate.promise.payee()
                || address == dispute.preimage.arbiter()
        };
        Ok(match signer {
            AnySigner::Address(address) if is_named(*address) => true,
            signer => self.is_payer(&dispute.mandate, Some(*signer))?,
        })
    }
}

/// What somebody's disputes are found by.
fn party(signer: &AnySigner) -> B256 {
    match signer {
        AnySigner::Address(address) => address.into_word(),
        AnySigner::Key(key) => B256::from(field::to_be_bytes(&key.hash())),
    }
}

/// The hash of the key that signed a mandate.
fn key_hash_of(view: &MandateView) -> Result<B256, DisputeError> {
    match &view.mandate.promise {
        Promise::Proved { signed } => {
            let key = signed.signed_mandate().map_err(damaged)?.key;
            Ok(B256::from(field::to_be_bytes(&key.hash())))
        }
        Promise::Direct { .. } => Err(DisputeError::NotAgreed { mandate: view.hash }),
    }
}

/// The reasons of an agreement, for people.
fn named(disputes: &Disputes) -> String {
    disputes.reasons().iter().map(|reason| reason.name()).collect::<Vec<_>>().join(", ")
}

/// What a mandate's `ref` was made of, where it was handed in.
pub(crate) fn preimage(view: &MandateView) -> Result<Option<Preimage>, DisputeError> {
    view.mandate.terms.as_deref().map(read).transpose()
}

/// What an arbiter signed.
///
/// # Errors
/// When what was kept is not what this software keeps.
pub(crate) fn ruling_of(record: &RulingRecord) -> Result<SignedRuling, serde_json::Error> {
    serde_json::from_slice(&record.statement)
}

fn written(statement: &impl Serialize) -> Result<Vec<u8>, DisputeError> {
    serde_json::to_vec(statement).map_err(|error| DisputeError::Internal(error.to_string()))
}

/// What was kept, which this software wrote.
fn read<T: DeserializeOwned>(statement: &[u8]) -> Result<T, DisputeError> {
    serde_json::from_slice(statement).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> DisputeError {
    DisputeError::Internal(format!("what was kept is damaged: {error}"))
}

/// Runs what reads the disk and checks signatures where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DisputeError> + Send + 'static,
) -> Result<T, DisputeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(DisputeError::Internal(error.to_string())))
}
