//! How a mandate ended, once nothing can change it any more.
//!
//! What a block ended is live again when the block is reorged out. So an ending is one only after its
//! block cannot be undone: below the horizon for what has a block, and for what expired, when no
//! block that can be undone had it expire.

use aep2_journal::View;
use aep2_mandate::units::Amount;
use alloy_primitives::B256;

use crate::{
    error::LedgerError,
    memory::value_of,
    records::{BatchRecord, FailureReason, StateRecord, Status, UndoRecord},
    schema::{self, Family},
    source::{Source, horizon},
    units::MandateHash,
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
    /// Its nonce was spent by something else, a claim on its receipt included.
    NonceSpent,
    /// The chain's time passed its deadline.
    Expired,
}

/// How a mandate ended; nothing while that can still change, for one that was given up, whose receipt
/// still stands, and for one that is not known.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn ending(view: &View<'_>, mandate: MandateHash) -> Result<Option<Ending>, LedgerError> {
    let Some(state) = view.record::<StateRecord>(Family::States, &schema::mandate(mandate))? else {
        return Ok(None);
    };
    let is_final = |block: u64| Ok::<_, LedgerError>(block <= horizon(view)?);
    Ok(match state.status {
        Status::Settled { batch, amount, block } if is_final(block)? => {
            let record = batch.map(|batch| {
                view.expect::<BatchRecord>(Family::Batches, &schema::batch(batch), "its mandate")
            });
            let batch_id = record.transpose()?.and_then(|record| record.batch_id);
            Some(Ending::Settled { amount, batch_id })
        }
        Status::Failed {
            reason:
                FailureReason::GuaranteeClaimed { block } | FailureReason::SpentElsewhere { block },
        } if is_final(block)? => Some(Ending::NonceSpent),
        Status::Failed { reason: FailureReason::Expired } if !revives(view, mandate)? => {
            Some(Ending::Expired)
        }
        _ => None,
    })
}

/// Whether undoing blocks can make an ended mandate live again.
fn revives(view: &View<'_>, mandate: MandateHash) -> Result<bool, LedgerError> {
    for entry in view.entries(Family::Undo, &schema::block(horizon(view)?)) {
        let (key, value) = entry?;
        let undo: UndoRecord = value_of(Family::Undo, &key, &value)?;
        if undo.ended.iter().any(|(ended, _)| *ended == mandate) {
            return Ok(true);
        }
    }
    Ok(false)
}
