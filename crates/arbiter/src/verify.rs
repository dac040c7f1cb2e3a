//! Whether a dispute is what a processor shows: every signature, every hash, every time that has to fit.
//!
//! A processor is not believed. What it alone says, and nobody can check: when it took the dispute, that
//! there is no answer, and who the account's owner is (a node says the last, see
//! [`Accounts`](crate::accounts::Accounts)).

use aep2_mandate::{
    mandate::MandateId,
    typed_data::{
        TypedData,
        dispute::{SignedDispute, SignedDisputeAnswer},
        keyed::AnySigner,
    },
    units::{Amount, UnixTime},
    wire::Strict,
};
use aep2_processor_client::dispute_view::{DisputeView, OpenedBy};
use aep2_x402::{
    disputes::Disputes,
    purchase::{Signatories, Venue},
    receipt::{self, IssueTimes, ReceiptError},
};
use alloy_primitives::{Address, B256};
use thiserror::Error;

pub use aep2_x402::receipt::SKEW_S;

/// Why a dispute is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// The mandate's key did not sign the mandate.
    #[error("the mandate's signature is not its key's, or it is another mandate than is named")]
    Mandate,
    /// The receipt is of something else, or of somebody else.
    #[error(transparent)]
    Receipt(ReceiptError),
    /// The mandate's `ref` is not the hash of the terms.
    #[error("the mandate's ref is not the hash of the terms that are shown")]
    Terms,
    /// The terms name another arbiter.
    #[error("the terms name {0} as the arbiter, who is somebody else")]
    OtherArbiter(Address),
    /// The dispute is about another mandate.
    #[error("the dispute is about another mandate")]
    OtherDispute,
    /// The terms do not agree to that reason.
    #[error("the terms do not let the payer dispute for {0}")]
    Reason(&'static str),
    /// Somebody else signed the dispute.
    #[error("the dispute is not signed by the mandate's key, nor by an owner")]
    DisputeSigner,
    /// Somebody else signed what is shown as the agent's dispute.
    #[error("what is shown as the agent's dispute is not its mandate key's, before its owner's")]
    AgentsDispute,
    /// The capture is not the payee's.
    #[error("the capture is not the payee's, of this mandate and within its amount")]
    Capture,
    /// The answer is not the payee's.
    #[error("the answer is not the payee's to this dispute")]
    Answer,
    /// The times do not fit the receipt and the terms.
    #[error("the time {field} ({found}) does not fit the receipt, or the terms")]
    Time {
        /// Which.
        field: &'static str,
        /// What it is.
        found: UnixTime,
    },
    /// A time is still to come by the clock here. A clock is wrong, and it may be this one.
    #[error("the time {field} ({found}) is still to come by the clock here")]
    Clock {
        /// Which.
        field: &'static str,
        /// What it is.
        found: UnixTime,
    },
}

impl From<ReceiptError> for NotTaken {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::Clock { issued_at: found, .. } => {
                Self::Clock { field: "issuedAt", found }
            }
            error => Self::Receipt(error),
        }
    }
}

impl NotTaken {
    /// Its stable code, for the log and the metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Mandate => "mandate",
            Self::Receipt(_) => "receipt",
            Self::Terms => "terms",
            Self::OtherArbiter(_) => "other_arbiter",
            Self::OtherDispute => "other_dispute",
            Self::Reason(_) => "reason",
            Self::DisputeSigner => "dispute_signer",
            Self::AgentsDispute => "agents_dispute",
            Self::Capture => "capture",
            Self::Answer => "answer",
            Self::Time { .. } => "time",
            Self::Clock { .. } => "clock",
        }
    }
}

/// What came of checking a dispute: who signed it, and what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Who signed the dispute: the mandate's key, or an address that the processor says is the owner's.
    pub signer: AnySigner,
    /// What settles without a ruling, in base units.
    pub due: Amount,
    /// The most that the payee still asks for, in base units.
    pub owed: Amount,
    /// The dispute's struct hash.
    pub dispute: B256,
    /// The answer's struct hash, if there is an answer.
    pub answer: Option<B256>,
}

/// Checks all of a dispute that a processor shows to this arbiter.
///
/// # Errors
/// With the first thing that is not what it should be.
pub fn check(
    view: &DisputeView,
    venue: Venue,
    arbiter: Address,
    now: UnixTime,
) -> Result<Checked, NotTaken> {
    let (mandate, id) = (&view.mandate.mandate, mandate(view, venue)?);
    if view.terms.arbiter() != arbiter {
        return Err(NotTaken::OtherArbiter(view.terms.arbiter()));
    }
    let terms = view.terms.disputes.as_ref().ok_or(NotTaken::Terms)?;
    if view.terms.reference(&venue, mandate) != mandate.reference {
        return Err(NotTaken::Terms);
    }
    // Its processor's clock, which its payee believed.
    let issued = IssueTimes { from: UnixTime::MIN, now, skew_s: SKEW_S };
    receipt::check(&view.receipt, &view.mandate, id, &Signatories { venue, arbiter }, &issued)?;
    let signer = dispute(view, terms, venue)?;
    if let Some(agents) = &view.agents_dispute {
        agents_dispute(view, agents, venue)?;
    }
    times(view, terms, now)?;
    let due = due(view, venue)?;
    let hash = view.dispute.message().struct_hash();
    let answered = |answer: &SignedDisputeAnswer| {
        let domain = venue.typed_data_domain();
        let is_payees = answer.verify(&domain, mandate.payee).is_ok();
        (is_payees && answer.message.dispute == hash).then(|| answer.message.struct_hash())
    };
    let answer = view.answer.as_ref().map(|own| answered(own).ok_or(NotTaken::Answer));
    let answer = answer.transpose()?;
    let asked = view.answer.as_ref().map_or(due, |answer| answer.message.captured);
    Ok(Checked { signer, due, owed: due.min(asked), dispute: hash, answer })
}

/// What is due of a mandate whose payee is about to answer, in base units: by what was signed, and not by
/// what the processor says. A payee that signs for less than it is owed gives up the rest.
///
/// # Errors
/// When the mandate or the dispute is another one than is named, its key did not sign the mandate, or the
/// capture is not the payee's.
pub fn due_to_payee(view: &DisputeView, venue: Venue, named: B256) -> Result<Amount, NotTaken> {
    if mandate(view, venue)?.to_bytes() != named {
        return Err(NotTaken::Mandate);
    }
    is_about_it(view)?;
    due(view, venue)
}

/// The mandate's id, which is the one that is named.
fn mandate(view: &DisputeView, venue: Venue) -> Result<MandateId, NotTaken> {
    let id = view.mandate.verify(&venue.mandate_domain(view.mandate.mandate.token));
    let id = id.map_err(|_| NotTaken::Mandate)?;
    match id.to_bytes() == view.mandate_id.0 {
        true => Ok(id),
        false => Err(NotTaken::Mandate),
    }
}

fn is_about_it(view: &DisputeView) -> Result<(), NotTaken> {
    match view.dispute.message().mandate_id == view.mandate_id.0 {
        true => Ok(()),
        false => Err(NotTaken::OtherDispute),
    }
}

/// Who signed the dispute: the mandate's key, or an address that the processor says is the owner's.
fn dispute(view: &DisputeView, terms: &Disputes, venue: Venue) -> Result<AnySigner, NotTaken> {
    is_about_it(view)?;
    let dispute = view.dispute.message();
    if !terms.reasons().contains(&dispute.reason) {
        return Err(NotTaken::Reason(dispute.reason.name()));
    }
    let signer = view.dispute.signer(&venue.typed_data_domain());
    match (signer.ok_or(NotTaken::DisputeSigner)?, view.by) {
        (AnySigner::Key(key), OpenedBy::Key) if key == view.mandate.key => Ok(AnySigner::Key(key)),
        (AnySigner::Address(owner), OpenedBy::Owner) => Ok(AnySigner::Address(owner)),
        _ => Err(NotTaken::DisputeSigner),
    }
}

/// What the agent said before its owner did: the mandate's key signed it, about this mandate.
fn agents_dispute(
    view: &DisputeView,
    agents: &SignedDispute,
    venue: Venue,
) -> Result<(), NotTaken> {
    let signer = agents.signer(&venue.typed_data_domain());
    let is_agents = view.by == OpenedBy::Owner
        && agents.message().mandate_id == view.mandate_id.0
        && signer == Some(AnySigner::Key(view.mandate.key));
    is_agents.then_some(()).ok_or(NotTaken::AgentsDispute)
}

/// A dispute was opened within its window, not in the future, and ends no later than the terms say.
fn times(view: &DisputeView, terms: &Disputes, now: UnixTime) -> Result<(), NotTaken> {
    let from = view.receipt.message.issued_at;
    let after = |time: UnixTime, seconds: u64| {
        time.checked_add(seconds.saturating_add(SKEW_S)).unwrap_or(UnixTime::MAX)
    };
    let window_ends = after(from, terms.window_seconds());
    let ruling_ends = after(from, terms.window_seconds().saturating_add(terms.ruling_seconds()));
    let fits = [
        ("openedAt", view.opened_at, view.opened_at <= window_ends),
        ("openedAt", view.opened_at, after(view.opened_at, 0) >= from),
        ("decideBy", view.decide_by, view.decide_by <= ruling_ends),
        ("decideBy", view.decide_by, view.decide_by > view.opened_at),
    ];
    if let Some((field, found, _)) = fits.into_iter().find(|(_, _, fits)| !fits) {
        return Err(NotTaken::Time { field, found });
    }
    let (field, found) = ("openedAt", view.opened_at);
    match found <= after(now, 0) {
        true => Ok(()),
        false => Err(NotTaken::Clock { field, found }),
    }
}

/// What settles without a ruling. A capture that is not shown makes it larger than it is, and a ruling that
/// is larger changes nothing.
fn due(view: &DisputeView, venue: Venue) -> Result<Amount, NotTaken> {
    let mandate = &view.mandate.mandate;
    let Some(capture) = &view.capture else {
        return Ok(mandate.amount.amount());
    };
    let Strict(id) = view.mandate_id;
    let is_payees = capture.verify(&venue.typed_data_domain(), mandate.payee).is_ok();
    let captured = capture.message.amount;
    if is_payees && capture.message.mandate_id == id && captured <= mandate.amount.amount() {
        Ok(captured)
    } else {
        Err(NotTaken::Capture)
    }
}
