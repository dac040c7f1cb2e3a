//! Batches: queued mandates are sealed into one, which is proved, submitted, and in the end
//! confirmed by the chain or aborted.
//!
//! Each step is one synced write, made before it is acted on: a process killed anywhere finds here
//! what it was about to do. Confirming is not a step that anybody calls: it is what
//! [`Ledger::apply_block`](crate::Ledger::apply_block) finds on chain, in the same write as the
//! balances that it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aep2_mandate::units::{Amount, UnixTime};
use alloy_primitives::{Address, B256};
use thiserror::Error;

use crate::{
    chain::{chain_time, members},
    error::{LedgerError, by_way_of_ledger_error},
    life::Entry,
    limits,
    records::{
        BatchRecord, FailureReason, MandateRecord, MemberRecord, SettlementPath, Status, Step,
        UndoRecord,
    },
    schema::{self, Family},
    source::Source,
    tx::Tx,
    units::{Balance, BatchNumber, MandateHash},
};

/// What a batch is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The path of all its members.
    pub path: SettlementPath,
    /// The token of all its members.
    pub token: Address,
    /// The latest second at which it may settle; no member's deadline lies before.
    pub valid_until: UnixTime,
    /// The circuit's shape, by the wallet's number; 0 in the direct path.
    pub shape: u32,
    /// The verifiers by which it is checked; 0 in the direct path.
    pub verifier_set: B256,
    /// The secret from which its segments' blinds and salts are drawn; 0 in the direct path.
    pub blinding: B256,
    /// Its members in order of acceptance, with what each pays. A capture that came in between is
    /// found out by that.
    pub members: Vec<(MandateHash, Amount)>,
}

/// What becomes of a mandate that is taken out of its batch, or out of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It waits for another batch, at its old place in the order.
    Requeue,
    /// It waits for a decision.
    Quarantined {
        /// Why.
        reason: String,
    },
    /// It ends, because the processor gives it up. Its receipt still stands.
    GiveUp {
        /// Why.
        reason: String,
    },
    /// It ends, because the chain's time has passed its deadline.
    Expire,
}

/// Why a batch did not go on.
#[derive(Clone, Debug, Error)]
pub enum BatchError {
    /// No such batch.
    #[error("batch {0} is not known")]
    UnknownBatch(BatchNumber),
    /// A batch has members.
    #[error("a batch without members")]
    Empty,
    /// More members than the chain counts.
    #[error("{0} members are more than a batch can have")]
    TooMany(usize),
    /// The batch is not where this could follow.
    #[error("batch {batch} is {}, it cannot be {to}", step.name())]
    WrongStep {
        /// The batch.
        batch: BatchNumber,
        /// Where it is.
        step: Step,
        /// Where it was to go.
        to: &'static str,
    },
    /// A mandate is not known.
    #[error("mandate {0} is not known")]
    UnknownMandate(MandateHash),
    /// A mandate is named twice.
    #[error("mandate {0} is named twice")]
    Repeated(MandateHash),
    /// A mandate is not where it could be dealt with so.
    #[error("mandate {mandate} is {}, not {expected}", status.name())]
    WrongStatus {
        /// The mandate.
        mandate: MandateHash,
        /// Where it is.
        status: Status,
        /// Where it would have to be.
        expected: &'static str,
    },
    /// A mandate that is held.
    #[error("mandate {0} is held")]
    Held(MandateHash),
    /// A mandate of another token or path.
    #[error("mandate {0} is of another token or path than the batch")]
    OtherTokenOrPath(MandateHash),
    /// A mandate that expires before the batch does.
    #[error("mandate {mandate} expires at {deadline}, before the batch at {valid_until}")]
    Expires {
        /// The mandate.
        mandate: MandateHash,
        /// Its deadline.
        deadline: UnixTime,
        /// When the batch expires.
        valid_until: UnixTime,
    },
    /// A mandate that pays something else than was thought.
    #[error("mandate {mandate} pays {due}, not {expected}")]
    OtherAmount {
        /// The mandate.
        mandate: MandateHash,
        /// What it pays.
        due: Amount,
        /// What was thought.
        expected: Amount,
    },
    /// A live member of which nobody said what becomes of it.
    #[error("nothing was said of mandate {0}, a live member of the batch")]
    Unsaid(MandateHash),
    /// A mandate whose deadline the chain's time has not passed may still settle.
    #[error(
        "mandate {mandate} may settle until {deadline}, and {}",
        chain_time.map_or("no block was applied".into(), |time| format!("the last block is of {time}"))
    )]
    NotExpired {
        /// The mandate.
        mandate: MandateHash,
        /// Its deadline.
        deadline: UnixTime,
        /// The time of the last block applied.
        chain_time: Option<UnixTime>,
    },
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(BatchError);

/// Makes a batch of queued mandates. `read` has those records of them that were read beforehand, on
/// another thread: they never change, and everybody waits for this one.
pub(crate) fn seal(
    tx: &mut Tx<'_, '_>,
    seal: Seal,
    mut read: HashMap<MandateHash, MandateRecord>,
) -> Result<BatchNumber, BatchError> {
    let count =
        u32::try_from(seal.members.len()).map_err(|_| BatchError::TooMany(seal.members.len()))?;
    if count == 0 {
        return Err(BatchError::Empty);
    }
    let number = tx.counters().next_batch;
    let mut total = Balance::ZERO;
    for (index, (hash, expected)) in (0u32..).zip(&seal.members) {
        let mut entry = match read.remove(hash) {
            Some(mandate) => Entry::of(tx, *hash, mandate)?,
            None => find(tx, *hash)?,
        };
        check_member(&entry, &seal, number, *expected)?;
        let due = entry.due();
        total = total.checked_add(due.into()).ok_or(BatchError::TooMany(count as usize))?;
        entry.move_to(tx, Status::InBatch { batch: number })?;
        let member = MemberRecord { mandate: *hash, captured: due };
        tx.put_record(Family::Members, schema::member(number, index), &member);
    }
    let Seal { path, token, valid_until, shape, verifier_set, blinding, members: _ } = seal;
    let batch = BatchRecord {
        path,
        token,
        valid_until,
        shape,
        verifier_set,
        blinding,
        count,
        total,
        batch_id: None,
        step: Step::Sealed,
    };
    tx.put_record(Family::Batches, schema::batch(number), &batch);
    tx.put(Family::Unfinished, schema::batch(number), Vec::new());
    tx.counters_mut().next_batch = number.next();
    Ok(number)
}

/// A member must be queued, of the batch's path and token, must not expire before the batch, and pay
/// what is expected of it.
fn check_member(
    entry: &Entry,
    seal: &Seal,
    number: BatchNumber,
    expected: Amount,
) -> Result<(), BatchError> {
    let hash = entry.hash;
    match &entry.state.status {
        Status::Queued if entry.state.holds.is_empty() => {}
        Status::Queued => return Err(BatchError::Held(hash)),
        Status::InBatch { batch } if *batch == number => return Err(BatchError::Repeated(hash)),
        status => return Err(wrong_status(hash, status, "queued")),
    }
    let promise = &entry.mandate.promise;
    if promise.path() != seal.path || promise.token() != seal.token {
        return Err(BatchError::OtherTokenOrPath(hash));
    }
    let (deadline, valid_until) = (promise.deadline(), seal.valid_until);
    if deadline < valid_until {
        return Err(BatchError::Expires { mandate: hash, deadline, valid_until });
    }
    let due = entry.due();
    if due != expected {
        return Err(BatchError::OtherAmount { mandate: hash, due, expected });
    }
    Ok(())
}

/// Notes the proof of one segment of a sealed batch. The same segment again replaces it.
pub(crate) fn segment_proved(
    tx: &mut Tx<'_, '_>,
    number: BatchNumber,
    segment: u32,
    proof: Vec<u8>,
) -> Result<(), BatchError> {
    limits::within("the segment's proof", &proof, limits::SEGMENT_BYTES_MAX)?;
    let batch = batch_record(tx, number)?;
    if batch.step != Step::Sealed || batch.path != SettlementPath::Proved {
        return Err(wrong_step(number, batch.step, "proved in part"));
    }
    tx.put(Family::Segments, schema::segment(number, segment), proof);
    Ok(())
}

/// Notes the proofs of a sealed batch, of all its segments, in place of those noted one by one.
pub(crate) fn proved(
    tx: &mut Tx<'_, '_>,
    number: BatchNumber,
    batch_id: B256,
    proof: Vec<u8>,
) -> Result<(), BatchError> {
    limits::within("the proof", &proof, limits::PROOF_BYTES_MAX)?;
    let mut batch = batch_record(tx, number)?;
    if batch.step != Step::Sealed || batch.path != SettlementPath::Proved {
        return Err(wrong_step(number, batch.step, "proved"));
    }
    batch.step = Step::Proved;
    batch.batch_id = Some(batch_id);
    tx.put_record(Family::Batches, schema::batch(number), &batch);
    tx.put(Family::Proofs, schema::batch(number), proof);
    tx.put(Family::BatchIds, schema::batch_id(batch_id), schema::batch(number));
    forget_segments(tx, number)
}

/// What was noted of single segments is not needed any more.
fn forget_segments(tx: &mut Tx<'_, '_>, number: BatchNumber) -> Result<(), BatchError> {
    let prefix = schema::batch(number);
    let noted = tx.scan(Family::Segments, &prefix, schema::after(&prefix).as_deref())?;
    for key in noted.into_keys() {
        tx.delete(Family::Segments, key);
    }
    Ok(())
}

/// Notes that a batch's transaction is about to be sent, or another in its place.
pub(crate) fn submitted(
    tx: &mut Tx<'_, '_>,
    number: BatchNumber,
    reference: Vec<u8>,
) -> Result<(), BatchError> {
    limits::within("the reference", &reference, limits::REFERENCE_BYTES_MAX)?;
    let mut batch = batch_record(tx, number)?;
    let ready = match (&batch.step, batch.path) {
        (Step::Proved | Step::Submitted { .. }, _) | (Step::Sealed, SettlementPath::Direct) => true,
        (Step::Sealed, SettlementPath::Proved) => false,
        (Step::Confirmed { .. } | Step::Final { .. } | Step::Aborted { .. }, _) => false,
    };
    if !ready {
        return Err(wrong_step(number, batch.step, "submitted"));
    }
    batch.step = Step::Submitted { reference };
    tx.put_record(Family::Batches, schema::batch(number), &batch);
    Ok(())
}

/// Ends a batch that will not settle: every live member goes its way.
pub(crate) fn abort(
    tx: &mut Tx<'_, '_>,
    number: BatchNumber,
    reason: String,
    dispositions: Vec<(MandateHash, Disposition)>,
) -> Result<(), BatchError> {
    limits::within("the reason", reason.as_bytes(), limits::REASON_BYTES_MAX)?;
    let mut batch = batch_record(tx, number)?;
    if !batch.step.is_open() {
        return Err(wrong_step(number, batch.step, "aborted"));
    }
    let mut said = BTreeMap::new();
    for (hash, disposition) in dispositions {
        if said.insert(hash, disposition).is_some() {
            return Err(BatchError::Repeated(hash));
        }
    }
    let mut expired = Vec::new();
    for member in members(tx, number)? {
        let hash = member.mandate;
        let entry = find(tx, hash)?;
        // What the chain ended, or another batch has by now, is not this batch's any more.
        if entry.state.status != (Status::InBatch { batch: number }) {
            continue;
        }
        let disposition = said.remove(&hash).ok_or(BatchError::Unsaid(hash))?;
        dispose_of(tx, entry, disposition, &mut expired)?;
    }
    end_with_tip(tx, expired)?;
    if let Some((hash, _)) = said.into_iter().next() {
        let entry = find(tx, hash)?;
        return Err(wrong_status(hash, &entry.state.status, "in this batch"));
    }
    batch.step = Step::Aborted { reason };
    tx.put_record(Family::Batches, schema::batch(number), &batch);
    tx.delete(Family::Unfinished, schema::batch(number));
    forget_segments(tx, number)
}

/// Deals with mandates that are queued or quarantined.
pub(crate) fn dispose(
    tx: &mut Tx<'_, '_>,
    dispositions: Vec<(MandateHash, Disposition)>,
) -> Result<(), BatchError> {
    let mut seen = BTreeSet::new();
    let mut expired = Vec::new();
    for (hash, disposition) in dispositions {
        if !seen.insert(hash) {
            return Err(BatchError::Repeated(hash));
        }
        let entry = find(tx, hash)?;
        if !matches!(entry.state.status, Status::Queued | Status::Quarantined { .. }) {
            return Err(wrong_status(hash, &entry.state.status, "queued or quarantined"));
        }
        dispose_of(tx, entry, disposition, &mut expired)?;
    }
    Ok(end_with_tip(tx, expired)?)
}

/// Fails those of the candidates that are queued or quarantined and can never settle: the chain's time
/// has passed their deadlines.
pub(crate) fn expire(
    tx: &mut Tx<'_, '_>,
    candidates: Vec<MandateHash>,
) -> Result<Vec<MandateHash>, LedgerError> {
    let now = chain_time(tx);
    let mut expired = Vec::new();
    for hash in candidates {
        let mut entry = Entry::expect(tx, hash, "the queue")?;
        let waiting = matches!(entry.state.status, Status::Queued | Status::Quarantined { .. });
        if waiting && now.is_some_and(|now| entry.mandate.promise.deadline() < now) {
            expired.push((hash, entry.state.status.clone()));
            entry.move_to(tx, Status::Failed { reason: FailureReason::Expired })?;
        }
    }
    let hashes = expired.iter().map(|(hash, _)| *hash).collect();
    end_with_tip(tx, expired)?;
    Ok(hashes)
}

/// Has mandates live again if the last block applied is undone: they expired by its time.
fn end_with_tip(
    tx: &mut Tx<'_, '_>,
    expired: Vec<(MandateHash, Status)>,
) -> Result<(), LedgerError> {
    let Some(tip) = tx.counters().tip.filter(|_| !expired.is_empty()) else {
        return Ok(());
    };
    let key = schema::block(tip.number);
    // There is none when the block cannot be undone any more.
    if let Some(mut undo) = tx.record::<UndoRecord>(Family::Undo, &key)? {
        undo.ended.extend(expired);
        tx.put_record(Family::Undo, key, &undo);
    }
    Ok(())
}

/// Moves a mandate as it was said. One that expires is noted in `expired`, with its status before.
fn dispose_of(
    tx: &mut Tx<'_, '_>,
    mut entry: Entry,
    disposition: Disposition,
    expired: &mut Vec<(MandateHash, Status)>,
) -> Result<(), BatchError> {
    let bounded = |reason: String| {
        limits::within("the reason", reason.as_bytes(), limits::REASON_BYTES_MAX).map(|()| reason)
    };
    let status = match disposition {
        Disposition::Requeue => Status::Queued,
        Disposition::Quarantined { reason } => Status::Quarantined { reason: bounded(reason)? },
        Disposition::GiveUp { reason } => {
            Status::Failed { reason: FailureReason::GivenUp { reason: bounded(reason)? } }
        }
        Disposition::Expire => {
            let (deadline, chain_time) = (entry.mandate.promise.deadline(), chain_time(tx));
            if chain_time.is_none_or(|now| now <= deadline) {
                let mandate = entry.hash;
                return Err(BatchError::NotExpired { mandate, deadline, chain_time });
            }
            expired.push((entry.hash, entry.state.status.clone()));
            Status::Failed { reason: FailureReason::Expired }
        }
    };
    Ok(entry.move_to(tx, status)?)
}

fn find(tx: &Tx<'_, '_>, hash: MandateHash) -> Result<Entry, BatchError> {
    Entry::find(tx, hash)?.ok_or(BatchError::UnknownMandate(hash))
}

fn batch_record(tx: &Tx<'_, '_>, number: BatchNumber) -> Result<BatchRecord, BatchError> {
    let record = tx.record(Family::Batches, &schema::batch(number))?;
    record.ok_or(BatchError::UnknownBatch(number))
}

fn wrong_step(batch: BatchNumber, step: Step, to: &'static str) -> BatchError {
    BatchError::WrongStep { batch, step, to }
}

fn wrong_status(mandate: MandateHash, status: &Status, expected: &'static str) -> BatchError {
    BatchError::WrongStatus { mandate, status: status.clone(), expected }
}
