//! Undoing blocks that were reorged out, the newest first.
//!
//! What is the chain's own (terms, balances, spent nonces) gets its bytes of before. A mandate
//! that such a block ended goes back to where it was; if it was in a batch that has been aborted since, to the queue.

use aep2_mandate::units::AccountId;
use alloy_primitives::Address;

use super::outcome::{ChainError, Rewound};
use crate::{
    error::LedgerError,
    life::Entry,
    limits,
    memory::{account_of_key, key_of, value_of},
    records::{BatchRecord, Status, UndoRecord},
    schema::{self, Family, meta},
    source::Source,
    tx::Tx,
};

/// Undoes every block after `to_block`. See [`Ledger::rewind`](crate::Ledger::rewind).
pub(crate) fn rewind(
    tx: &mut Tx<'_, '_>,
    to_block: u64,
    cursor: &[u8],
) -> Result<Rewound, ChainError> {
    limits::within("the cursor", cursor, limits::CURSOR_BYTES_MAX)?;
    let horizon = tx.counters().horizon;
    if to_block < horizon {
        return Err(ChainError::TooDeep { to: to_block, horizon });
    }
    let mut rewound = Rewound::default();
    let first = to_block.checked_add(1);
    let blocks = match first {
        Some(first) => tx.scan(Family::Undo, &schema::block(first), None)?,
        None => Default::default(),
    };
    for (key, value) in blocks.into_iter().rev() {
        let undo: UndoRecord = value_of(Family::Undo, &key, &value)?;
        undo_block(tx, undo, &mut rewound)?;
        tx.delete(Family::Undo, key);
        rewound.blocks += 1;
    }
    tx.put(Family::Meta, meta::CURSOR.to_vec(), cursor.to_vec());
    Ok(rewound)
}

fn undo_block(
    tx: &mut Tx<'_, '_>,
    undo: UndoRecord,
    rewound: &mut Rewound,
) -> Result<(), LedgerError> {
    for ((family, key), value) in undo.values {
        restore(tx, family, key, value)?;
    }
    for (number, step) in undo.confirmed {
        let key = schema::batch(number);
        let mut batch: BatchRecord = tx.expect(Family::Batches, &key, "an undo record")?;
        batch.step = step;
        if !batch.step.is_open() {
            tx.delete(Family::Unfinished, key.clone());
        }
        tx.delete(Family::Movements, key.clone());
        tx.put_record(Family::Batches, key, &batch);
        rewound.unconfirmed.push(number);
    }
    for (mandate, before) in undo.ended.into_iter().rev() {
        let mut entry = Entry::expect(tx, mandate, "an undo record")?;
        let status = match before {
            Status::InBatch { batch } => {
                let key = schema::batch(batch);
                let record: BatchRecord = tx.expect(Family::Batches, &key, "an undo record")?;
                if record.step.is_open() { Status::InBatch { batch } } else { Status::Queued }
            }
            other => other,
        };
        entry.move_to(tx, status)?;
        rewound.revived.push(mandate);
    }
    match undo.previous_tip {
        Some(tip) => tx.put_record(Family::Meta, meta::TIP.to_vec(), &tip),
        None => tx.delete(Family::Meta, meta::TIP.to_vec()),
    }
    tx.counters_mut().tip = undo.previous_tip;
    Ok(())
}

/// Gives a key its value of before, on disk and in memory.
fn restore(
    tx: &mut Tx<'_, '_>,
    family: Family,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
) -> Result<(), LedgerError> {
    match family {
        Family::Accounts => {
            let account = account_of_key(family, &key)?;
            let record = value.as_deref().map(|value| value_of(family, &key, value)).transpose()?;
            tx.account_mut(account).record = record;
        }
        Family::Purses => {
            let account = account_of_key(family, &key)?;
            let token = key_of::<(AccountId, Address)>(family, &key)?.1;
            let record = value.as_deref().map(|value| value_of(family, &key, value)).transpose()?;
            tx.purse_mut(account, token).record = record.unwrap_or_default();
        }
        _ => {}
    }
    match value {
        Some(value) => tx.put(family, key, value),
        None => tx.delete(family, key),
    }
    Ok(())
}
