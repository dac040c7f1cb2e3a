//! Blocks on their way to the ledger's facts.

use aep2_chain::BlockRef;
use aep2_ledger::{ChainFact, records::SettledDebit};

use super::facts::BatchEvent;

/// A block whose facts are not all known yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) block: BlockRef,
    pub(super) facts: Vec<DraftFact>,
}

/// A fact, or a batch of which it is not known what it took.
#[derive(Debug)]
pub(super) enum DraftFact {
    Known(ChainFact),
    Opaque(BatchEvent),
}

/// The fact of a batch, with what it took.
pub(super) fn fact_of(batch: &BatchEvent, debits: Vec<SettledDebit>) -> ChainFact {
    let BatchEvent { batch_id, token, processor, count, transaction, .. } = *batch;
    ChainFact::BatchSettled { batch_id, token, processor, count, debits, transaction }
}
