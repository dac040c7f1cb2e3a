//! How a mandate ended, once nothing can change it any more.
//!
//! What a block ended is live again when the block is reorged out. So an ending is one only after its
//! block cannot be undone: below the horizon for what has a block, and for what expired, when no
//! block that can be undone had it expire.

use std::collections::BTreeSet;

use aep2_journal::View;
use aep2_mandate::units::Amount;
use alloy_primitives::B256;

use crate::{
    error::LedgerError,
    memory::value_of,
    records::{BatchRecord, FailureReason, StateRecord, Status, UndoRecord},
    schema::{self, Family},
    source::{Source, horizon},
    units::{BatchNumber, MandateHash},
};

/// How a mandate ended, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was settled.
    Settled {
        /// For how much.
        amount: Amount,
        /// The batch's name on chain; none where it was not settled in one of this ledger's.
        batch_id: Option<B256>,
    },
    /// Its nonce was spent by a claim on its receipt: the bond paid.
    NonceSpent,
    /// The chain's time passed its deadline.
    Expired,
}

/// How mandates ended, each in its place; nothing while that can still change, and for one that is not
/// known.
///
/// Nothing either for one that was given up, whose receipt still stands, and for one whose nonce was spent
/// by something that this ledger does not know: that may have been a batch of this processor's with the
/// very mandate in it, settled before a backup was restored.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn endings(
    view: &View<'_>,
    mandates: &[MandateHash],
) -> Result<Vec<Option<Ending>>, LedgerError> {
    let horizon = horizon(view)?;
    // Read once, and only where it is needed.
    let mut reviving: Option<BTreeSet<MandateHash>> = None;
    let mut endings = Vec::with_capacity(mandates.len());
    for mandate in mandates {
        let state = view.record::<StateRecord>(Family::States, &schema::mandate(*mandate))?;
        let ending = match state.map(|state| state.status) {
            Some(Status::Settled { batch, amount, block }) if block <= horizon => {
                Some(Ending::Settled { amount, batch_id: batch_id(view, batch)? })
            }
            Some(Status::Failed { reason: FailureReason::GuaranteeClaimed { block } })
                if block <= horizon =>
            {
                Some(Ending::NonceSpent)
            }
            Some(Status::Failed { reason: FailureReason::Expired }) => {
                let reviving = match &mut reviving {
                    Some(reviving) => reviving,
                    none => none.insert(revived_by_undoing(view, horizon)?),
                };
                (!reviving.contains(mandate)).then_some(Ending::Expired)
            }
            _ => None,
        };
        endings.push(ending);
    }
    Ok(endings)
}

fn batch_id(view: &View<'_>, batch: Option<BatchNumber>) -> Result<Option<B256>, LedgerError> {
    let Some(batch) = batch else { return Ok(None) };
    let record: BatchRecord = view.expect(Family::Batches, &schema::batch(batch), "its mandate")?;
    Ok(record.batch_id)
}

/// The ended mandates that undoing blocks would make live again.
fn revived_by_undoing(view: &View<'_>, horizon: u64) -> Result<BTreeSet<MandateHash>, LedgerError> {
    let mut mandates = BTreeSet::new();
    for entry in view.entries(Family::Undo, &schema::block(horizon)) {
        let (key, value) = entry?;
        let undo: UndoRecord = value_of(Family::Undo, &key, &value)?;
        mandates.extend(undo.ended.into_iter().map(|(mandate, _)| mandate));
    }
    Ok(mandates)
}
