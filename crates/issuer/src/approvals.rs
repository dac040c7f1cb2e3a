//! Approvals: an owner decides whether a card may make one payment.
//!
//! One is about a card with its blocks and about the payment's terms, and good for one payment. Asking
//! twice for the same is one question. Few wait at a time, so that nobody answers without reading.

use aep2_journal::ColumnFamily;
use aep2_mandate::units::UnixTime;
use alloy_primitives::{B256, hex, keccak256};

use crate::{
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::{ApprovalId, CardId, OwnerId},
    keys,
    records::{ApprovalRecord, ApprovalState},
    store::{Source, Tx, put},
};

/// How many of a card may wait, with those of all cards that were made of it.
const WAITING_MAX: usize = 5;
/// How many of one that was made of it: no sub-agent takes all places.
const WAITING_OF_ONE_MAX: usize = 3;

/// The id of the approval of such a request of such a card.
pub(crate) fn id(card_hash: B256, request_hash: B256) -> ApprovalId {
    let hash = keccak256([card_hash.0, request_hash.0].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    ApprovalId::from_bytes(bytes)
}

/// Asks the owner.
///
/// # Errors
/// [`Code::TooManyApprovals`] when too many of the card wait. Nothing is changed then.
pub(crate) fn ask(
    tx: &mut Tx<'_>,
    record: &ApprovalRecord,
    now: UnixTime,
) -> Result<(), IssuerError> {
    let waiting = waiting(tx, record.owner, record.card)?;
    let (over, open): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| one.expires <= now);
    let of_one = open.iter().filter(|one| one.card_hash == record.card_hash).count();
    if open.len() >= WAITING_MAX || (record.is_of_narrower && of_one >= WAITING_OF_ONE_MAX) {
        let message = "as many requests of the card wait for its owner as may";
        return Err(Refusal::new(Code::TooManyApprovals, message).into());
    }
    for one in over {
        tx.delete(Family::Waiting, keys::waiting(one.card, one.id));
    }
    tx.put(Family::Waiting, keys::waiting(record.card, record.id), Vec::new());
    put(tx, keys::approval(record.owner, record.id), record)
}

/// What waits of a card, those included whose time is over.
fn waiting(tx: &Tx<'_>, owner: OwnerId, card: CardId) -> Result<Vec<ApprovalRecord>, IssuerError> {
    let from = card.bytes();
    let entries = tx.scan(Family::Waiting, from, keys::after(from).as_deref())?;
    let mut waiting = Vec::with_capacity(entries.len());
    for (key, _) in entries {
        let damaged = || IssuerError::Damaged {
            family: Family::Waiting.name(),
            key: hex::encode(&key),
            reason: "it names no approval".to_owned(),
        };
        let bytes = key.get(16..).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let id = ApprovalId::from_bytes(bytes.ok_or_else(damaged)?);
        waiting.push(tx.record(&keys::approval(owner, id))?.ok_or_else(damaged)?);
    }
    Ok(waiting)
}

/// A payment was issued on it: it is good for no other.
pub(crate) fn used(tx: &mut Tx<'_>, approval: &ApprovalRecord) -> Result<(), IssuerError> {
    let record = ApprovalRecord { state: ApprovalState::Used, ..approval.clone() };
    put(tx, keys::approval(record.owner, record.id), &record)
}

/// What the owner decided.
///
/// # Errors
/// [`Code::Conflict`] when a payment was issued on it, it was refused before, or its time is over. What
/// was agreed to and not used can still be refused.
pub(crate) fn decide(
    tx: &mut Tx<'_>,
    record: &ApprovalRecord,
    approved: bool,
    now: UnixTime,
) -> Result<ApprovalRecord, IssuerError> {
    if record.expires <= now {
        return Err(Refusal::new(Code::Conflict, "the request's time is over").into());
    }
    let is_open = match record.state {
        ApprovalState::Waiting => true,
        ApprovalState::Approved => !approved,
        ApprovalState::Refused | ApprovalState::Used => false,
    };
    if !is_open {
        return Err(Refusal::new(Code::Conflict, "the request was decided before").into());
    }
    let state = if approved { ApprovalState::Approved } else { ApprovalState::Refused };
    let decided = ApprovalRecord { state, ..record.clone() };
    tx.delete(Family::Waiting, keys::waiting(record.card, record.id));
    put(tx, keys::approval(record.owner, record.id), &decided)?;
    Ok(decided)
}
