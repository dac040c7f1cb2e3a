//! Taking up what a process left that was killed, or stopped.
//!
//! There is no clean-up, and no state but the ledger's: an open batch is taken up where it stands, by the
//! same task that would have gone on with it.
//!
//! | found | done | why nothing is lost or done twice |
//! | --- | --- | --- |
//! | sealed | proved | a proof that was not stored was not sent |
//! | proved | submitted | the stored bytes are sent, no others |
//! | submitted, not in the journal | sent | what is not in the journal was not broadcast |
//! | submitted, in the journal | looked up, and sent again if the node has forgotten it | all that is ever sent for it has one nonce |
//! | confirmed | nothing; if its block is reorged out, it is open again | the ledger has the last block applied |
//!
//! Mandates that a batch was to hold and does not are queued: sealing is one write. So is aborting
//! a batch. The follower goes on behind the last block applied; the cursor is written with it.

use aep2_ledger::{BatchNumber, Ledger, LedgerError};

/// An open batch, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Its number.
    pub number: BatchNumber,
    /// Its step's name.
    pub step: &'static str,
}

/// The batches that something is to be done for, in order. The scheduler asks each time: a batch
/// that a reorg opens again is taken up in the same way.
///
/// # Errors
/// When the ledger cannot be read.
pub fn open_batches(ledger: &Ledger) -> Result<Vec<OpenBatch>, LedgerError> {
    let unfinished = ledger.unfinished_batches()?.into_iter();
    let open = unfinished.filter(|(_, record)| record.step.is_open());
    Ok(open.map(|(number, record)| OpenBatch { number, step: record.step.name() }).collect())
}
