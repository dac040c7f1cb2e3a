//! What is requested in blocks that are not applied yet.
//!
//! A request for a withdrawal or for other terms limits what is accepted as soon as it is seen,
//! though its block may be reorged out. It is dropped when its block is applied, whose facts say it
//! better, or when it is not stated again.

use std::sync::Arc;

use crate::{
    error::LedgerError,
    records::{UnconfirmedKind, UnconfirmedRequest},
    schema::{self, Family},
    tx::Tx,
    units::Balance,
};

/// Replaces all that was stated. See [`Ledger::set_unconfirmed`](crate::Ledger::set_unconfirmed).
pub(crate) fn set_unconfirmed(
    tx: &mut Tx<'_, '_>,
    requests: Vec<UnconfirmedRequest>,
) -> Result<(), LedgerError> {
    let applied = tx.counters().tip.map(|tip| tip.number);
    let ahead =
        |request: &UnconfirmedRequest| applied.is_none_or(|applied| request.block > applied);
    replace(tx, requests.into_iter().filter(ahead).collect());
    Ok(())
}

/// Drops the requests of blocks that are applied.
pub(super) fn forget_up_to(tx: &mut Tx<'_, '_>, block: u64) {
    let unconfirmed = tx.counters().unconfirmed;
    if unconfirmed.iter().any(|request| request.block <= block) {
        replace(tx, unconfirmed.iter().filter(|request| request.block > block).copied().collect());
    }
}

fn replace(tx: &mut Tx<'_, '_>, new: Vec<UnconfirmedRequest>) {
    let old = tx.counters().unconfirmed;
    if *old == new {
        return;
    }
    for (index, request) in (0u32..).zip(old.iter()) {
        match request.kind {
            UnconfirmedKind::Withdrawal { token, .. } => {
                tx.purse_mut(request.account, token).unconfirmed_withdrawal = Balance::ZERO;
            }
            UnconfirmedKind::Change { .. } => {
                tx.account_mut(request.account).unconfirmed_change = None
            }
        }
        tx.delete(Family::Unconfirmed, schema::unconfirmed(index));
    }
    for (index, request) in (0u32..).zip(&new) {
        match request.kind {
            UnconfirmedKind::Withdrawal { token, amount } => {
                tx.purse_mut(request.account, token).limit_by(amount);
            }
            UnconfirmedKind::Change { in_force_from } => {
                tx.account_mut(request.account).limit_by(in_force_from);
            }
        }
        tx.put_record(Family::Unconfirmed, schema::unconfirmed(index), request);
    }
    tx.counters_mut().unconfirmed = Arc::new(new);
}
