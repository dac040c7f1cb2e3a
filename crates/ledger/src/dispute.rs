//! Disputes: a payer objects to a mandate that waits, its payee answers, an arbiter rules.
//!
//! Opening one holds the mandate; the hold ends when the promise wants it, whoever asks for more
//! ([`hold`]). A ruling lowers what the mandate pays, never raises it, and ends the hold. Without one the
//! mandate settles when the hold ends, as if nobody had objected.
//!
//! Who may say what is the caller's to check: the terms are opaque here, and so are the statements.

use aep2_mandate::units::{Amount, UnixTime};
use alloy_primitives::B256;
use thiserror::Error;

use crate::{
    error::{LedgerError, by_way_of_ledger_error},
    gate::{self, Close},
    hold::{self, Hold, HoldError},
    life::Entry,
    limits,
    records::{
        DisputeRecord, GateReason, GateScope, HoldKind, RulingRecord, StatementRecord, Status,
    },
    schema::{self, Family},
    source::Source,
    tx::Tx,
    units::MandateHash,
};

/// Who a dispute's hold is by.
const BY: &str = "dispute";

/// What is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The mandate.
    pub mandate: MandateHash,
    /// What its payer signed, at most [`limits::DISPUTE_BYTES_MAX`].
    pub statement: Vec<u8>,
    /// Whether the account's owner says it. What its agent said stands beside it then: whoever has the
    /// agent's key does not keep the owner from speaking.
    pub by_owner: bool,
    /// What nothing more is accepted of from now on, if anything.
    pub freezes: Option<GateScope>,
    /// Whom it concerns: they find it by these, which are opaque here.
    pub parties: Vec<B256>,
    /// The first second at which it is too late.
    pub before: UnixTime,
    /// Until when there is time to decide, if the promise allows it.
    pub decide_by: UnixTime,
}

/// A dispute as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// The dispute.
    pub record: DisputeRecord,
    /// Whether this had been said before.
    pub again: bool,
}

/// What is done about a dispute that is not there yet, or is.
#[derive(Clone, Debug, Error)]
pub enum DisputeError {
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Nobody disputes it.
    #[error("mandate {mandate} is not disputed")]
    NotDisputed {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Something else was said in its place before.
    #[error("the mandate has another {what}, and there is one")]
    Conflict {
        /// What was said.
        what: &'static str,
    },
    /// The time for it is over.
    #[error("it was to come before {before}, and it is {now}")]
    TooLate {
        /// The first second at which it was too late.
        before: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// The mandate does not wait any more.
    #[error("too late: the mandate is {}", status.name())]
    NotWaiting {
        /// Where the mandate is.
        status: Status,
    },
    /// A ruling was made.
    #[error("the dispute is decided")]
    Decided,
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(DisputeError);

impl From<HoldError> for DisputeError {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::UnknownMandate { mandate } => Self::UnknownMandate { mandate },
            HoldError::NotQueued { status } => Self::NotWaiting { status },
            HoldError::TooLate { latest, now } => Self::TooLate { before: latest, now },
            // Nothing is released here.
            HoldError::NotHeld { .. } => Self::Decided,
            HoldError::Ledger(error) => Self::Ledger(error),
        }
    }
}

/// Opens a dispute, and holds its mandate.
pub(crate) fn open(
    tx: &mut Tx<'_, '_>,
    open: Open,
    now: UnixTime,
) -> Result<Disputed, DisputeError> {
    let Open { mandate, statement, by_owner, freezes, parties, before, decide_by } = open;
    limits::within("the dispute", &statement, limits::DISPUTE_BYTES_MAX)?;
    let entry = Entry::find(tx, mandate)?.ok_or(DisputeError::UnknownMandate { mandate })?;
    let key = schema::mandate(mandate);
    let record = tx.record::<DisputeRecord>(Family::Disputes, &key)?;
    if let Some(record) = record.as_ref().filter(|record| record.opening == statement) {
        return Ok(Disputed { record: record.clone(), again: true });
    }
    check_waits(&entry)?;
    if now >= before {
        return Err(DisputeError::TooLate { before, now });
    }
    if let Some(scope) = freezes {
        let note = format!("mandate {mandate} is disputed as unauthorized");
        let reason = GateReason::Unauthorized;
        gate::close(tx, Close { scope, reason, by: BY.to_owned(), note }, now)?;
    }
    if let Some(mut record) = record {
        let overrules = by_owner && record.agents_opening.is_none() && !record.by_owner;
        if !overrules || record.ruling.is_some() {
            return Err(DisputeError::Conflict { what: "dispute" });
        }
        let said = std::mem::replace(&mut record.opening, statement);
        (record.agents_opening, record.by_owner) = (Some(said), true);
        // It was an answer to something else.
        record.answer = None;
        tx.put_record(Family::Disputes, key, &record);
        return Ok(Disputed { record, again: false });
    }
    let hold = Hold { mandate, kind: HoldKind::Dispute, until: decide_by, by: BY.to_owned() };
    let decide_by = hold::hold(tx, hold, now)?.until;
    let number = tx.counters().next_dispute;
    tx.counters_mut().next_dispute = number.saturating_add(1);
    let (opened_at, opening) = (now, statement);
    let (agents_opening, answer, ruling) = (None, None, None);
    let record = DisputeRecord {
        number,
        opened_at,
        decide_by,
        by_owner,
        opening,
        agents_opening,
        answer,
        ruling,
    };
    tx.put(Family::DisputeNumbers, schema::dispute(number), mandate.bytes().to_vec());
    for party in parties {
        let key = schema::dispute_of(party, number);
        tx.put(Family::DisputeParties, key, mandate.bytes().to_vec());
    }
    tx.put_record(Family::Disputes, key, &record);
    Ok(Disputed { record, again: false })
}

/// Notes what the payee says.
pub(crate) fn answer(
    tx: &mut Tx<'_, '_>,
    mandate: MandateHash,
    statement: Vec<u8>,
    now: UnixTime,
) -> Result<Disputed, DisputeError> {
    limits::within("the answer", &statement, limits::DISPUTE_BYTES_MAX)?;
    let (entry, mut record) = disputed(tx, mandate)?;
    if let Some(own) = &record.answer {
        return match own.statement == statement {
            true => Ok(Disputed { record, again: true }),
            false => Err(DisputeError::Conflict { what: "answer" }),
        };
    }
    check_open(&entry, &record, now)?;
    record.answer = Some(StatementRecord { at: now, statement });
    tx.put_record(Family::Disputes, schema::mandate(mandate), &record);
    Ok(Disputed { record, again: false })
}

/// Notes what was decided: the payee gets at most `captured`. The mandate waits for nothing else of the
/// dispute.
pub(crate) fn rule(
    tx: &mut Tx<'_, '_>,
    mandate: MandateHash,
    (captured, statement): (Amount, Vec<u8>),
    now: UnixTime,
) -> Result<Disputed, DisputeError> {
    limits::within("the ruling", &statement, limits::STATEMENT_BYTES_MAX)?;
    let (mut entry, mut record) = disputed(tx, mandate)?;
    if let Some(own) = &record.ruling {
        return match own.statement == statement {
            true => Ok(Disputed { record, again: true }),
            false => Err(DisputeError::Conflict { what: "ruling" }),
        };
    }
    check_open(&entry, &record, now)?;
    entry.rule(tx, captured)?;
    entry.change_holds(tx, now, |holds| {
        holds.retain(|own| !matches!(own.kind, HoldKind::Dispute | HoldKind::NotBefore));
    });
    record.ruling = Some(RulingRecord { at: now, captured, statement });
    tx.put_record(Family::Disputes, schema::mandate(mandate), &record);
    Ok(Disputed { record, again: false })
}

/// A mandate with its dispute, wherever the mandate is.
fn disputed(tx: &Tx<'_, '_>, mandate: MandateHash) -> Result<(Entry, DisputeRecord), DisputeError> {
    let entry = Entry::find(tx, mandate)?.ok_or(DisputeError::UnknownMandate { mandate })?;
    let record = tx.record(Family::Disputes, &schema::mandate(mandate))?;
    Ok((entry, record.ok_or(DisputeError::NotDisputed { mandate })?))
}

fn check_open(entry: &Entry, record: &DisputeRecord, now: UnixTime) -> Result<(), DisputeError> {
    if record.ruling.is_some() {
        return Err(DisputeError::Decided);
    }
    check_waits(entry)?;
    match now < record.decide_by {
        true => Ok(()),
        false => Err(DisputeError::TooLate { before: record.decide_by, now }),
    }
}

/// What was in a batch once pays what was fixed then, whatever became of the batch.
fn check_waits(entry: &Entry) -> Result<(), DisputeError> {
    match entry.state.status {
        Status::Queued if !entry.state.was_sealed => Ok(()),
        _ => Err(DisputeError::NotWaiting { status: entry.state.status.clone() }),
    }
}
