//! What was seen in blocks that are not applied yet.
//!
//! A request for money or for other terms limits what is accepted from its first sight, though the
//! block that it is in may fall away. It is dropped when its block is applied, whose facts say it
//! better, or when it is not seen any more.

use std::sync::Arc;

use crate::{
    error::LedgerError,
    records::{Sighting, SightingKind},
    schema::{self, Family},
    tx::Tx,
    units::Balance,
};

/// Replaces all that was seen. See [`Ledger::sight`](crate::Ledger::sight).
pub(crate) fn sight(tx: &mut Tx<'_, '_>, sightings: Vec<Sighting>) -> Result<(), LedgerError> {
    let applied = tx.counters().tip.map(|tip| tip.number);
    let ahead = |sighting: &Sighting| applied.is_none_or(|applied| sighting.block > applied);
    replace(tx, sightings.into_iter().filter(ahead).collect());
    Ok(())
}

/// Drops what was seen in blocks that are applied.
pub(super) fn forget_up_to(tx: &mut Tx<'_, '_>, block: u64) {
    let sightings = tx.counters().sightings;
    if sightings.iter().any(|sighting| sighting.block <= block) {
        replace(tx, sightings.iter().filter(|sighting| sighting.block > block).copied().collect());
    }
}

fn replace(tx: &mut Tx<'_, '_>, new: Vec<Sighting>) {
    let old = tx.counters().sightings;
    if *old == new {
        return;
    }
    for (index, sighting) in (0u32..).zip(old.iter()) {
        match sighting.kind {
            SightingKind::Withdrawal { token, .. } => {
                tx.purse_mut(sighting.account, token).sighted_leaving = Balance::ZERO;
            }
            SightingKind::Change { .. } => tx.account_mut(sighting.account).sighted_change = None,
        }
        tx.delete(Family::Restrictions, schema::restriction(index));
    }
    for (index, sighting) in (0u32..).zip(&new) {
        match sighting.kind {
            SightingKind::Withdrawal { token, amount } => {
                tx.purse_mut(sighting.account, token).see(amount);
            }
            SightingKind::Change { in_force_from } => {
                tx.account_mut(sighting.account).see(in_force_from);
            }
        }
        tx.put_record(Family::Restrictions, schema::restriction(index), sighting);
    }
    tx.counters_mut().sightings = Arc::new(new);
}
