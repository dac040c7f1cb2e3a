//! The gate before the receipt: what is closed is not accepted, for all, an account, a payee or a token.
//!
//! The gate is looked at in the write that accepts a mandate, so what is closed when a receipt is made is
//! closed. Receipts that were given before stand, and what was accepted settles.

use aep2_mandate::units::UnixTime;

use crate::{
    error::LedgerError,
    limits,
    records::{GateReason, GateRecord, GateScope, Gates},
    schema::{self, Family, meta},
    source::Source,
    tx::Tx,
};

/// Closes the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// For what.
    pub scope: GateScope,
    /// Why.
    pub reason: GateReason,
    /// Who closes it, at most [`limits::BY_BYTES_MAX`].
    pub by: String,
    /// What there is to say about it, at most [`limits::REASON_BYTES_MAX`]. It is for the operator, not
    /// for whoever is refused.
    pub note: String,
}

/// Closes it. For a reason for which it is closed already, nothing changes: who was first stays.
///
/// Returns whether it was open so far, as far as this reason goes.
pub(crate) fn close(tx: &mut Tx<'_, '_>, close: Close, now: UnixTime) -> Result<bool, LedgerError> {
    let Close { scope, reason, by, note } = close;
    limits::within("the name of who closes", by.as_bytes(), limits::BY_BYTES_MAX)?;
    limits::within("the note", note.as_bytes(), limits::REASON_BYTES_MAX)?;
    let key = schema::gate(&scope, reason);
    if tx.get(Family::Gate, &key)?.is_some() {
        return Ok(false);
    }
    let record = GateRecord { since: now, by, note };
    tx.put_record(Family::Gate, key, &record);
    tx.gates_mut().insert((scope, reason), record);
    Ok(true)
}

/// Takes a reason away.
///
/// Returns whether there was one.
pub(crate) fn open(
    tx: &mut Tx<'_, '_>,
    scope: GateScope,
    reason: GateReason,
) -> Result<bool, LedgerError> {
    let key = schema::gate(&scope, reason);
    if tx.get(Family::Gate, &key)?.is_none() {
        return Ok(false);
    }
    tx.delete(Family::Gate, key);
    tx.gates_mut().remove(&(scope, reason));
    Ok(true)
}

/// Marks a ledger as restored from a backup now, whether it was one before or not: nothing is accepted, nor to be
/// sealed.
///
/// Disputes have numbers from here on that none can have had which was opened after the backup. Arbiters ask for those
/// after the last number that they know.
pub(crate) fn mark_restored(
    tx: &mut Tx<'_, '_>,
    (by, note): (String, String),
    now: UnixTime,
) -> Result<(), LedgerError> {
    limits::within("the name of who closes", by.as_bytes(), limits::BY_BYTES_MAX)?;
    limits::within("the note", note.as_bytes(), limits::REASON_BYTES_MAX)?;
    let (scope, reason) = (GateScope::All, GateReason::Restored);
    let record = GateRecord { since: now, by, note };
    tx.put_record(Family::Gate, schema::gate(&scope, reason), &record);
    tx.gates_mut().insert((scope, reason), record);
    // Nobody opens a thousand disputes a second from 1970 on.
    let floor = now.get().saturating_mul(1_000);
    let next = tx.counters().next_dispute.max(floor);
    tx.counters_mut().next_dispute = next;
    tx.put(Family::Meta, meta::DISPUTE_FLOOR.to_vec(), next.to_be_bytes().to_vec());
    Ok(())
}

/// The first of these scopes that is closed for a reason that counts, and why.
pub(crate) fn closed(
    gates: &Gates,
    scopes: impl IntoIterator<Item = GateScope>,
    counts: impl Fn(GateReason) -> bool,
) -> Option<(GateScope, GateReason)> {
    if gates.is_empty() {
        return None;
    }
    scopes.into_iter().find_map(|scope| {
        let of_scope = gates.range((scope, GateReason::Paused)..).map(|(found, _)| *found);
        let mut of_scope = of_scope.take_while(|(found, _)| *found == scope);
        of_scope.find(|(_, reason)| counts(*reason))
    })
}
