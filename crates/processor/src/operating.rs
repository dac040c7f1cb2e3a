//! What an operator asks of a processor: to stop accepting and go on, how much there is to be done yet, copies of
//! the ledger.

use std::sync::Arc;

use aep2_ledger::{
    Backup, BackupError, Backups, Close, GateReason, GateRecord, GateScope, LedgerError,
};
use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{batch::recovery::open_batches, processor::Processor, view::ViewError};

/// How much there is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Mandates accepted so far.
    pub accepted: u64,
    /// Mandates that wait for a window.
    pub queued: u64,
    /// Mandates that are held: for a capture, for a dispute, by an officer.
    pub held: u64,
    /// Mandates that cannot be settled as they are.
    pub quarantined: u64,
    /// Batches that are not settled.
    pub open_batches: u64,
}

impl Standing {
    /// Whether nothing is left of what was promised, but for what cannot be settled.
    pub fn is_done(&self) -> bool {
        self.queued == 0 && self.held == 0 && self.open_batches == 0
    }
}

/// Why a processor that was restored does not go on.
#[derive(Debug, Error)]
pub enum GoOnError {
    /// Something may have been promised that is not known here.
    #[error("what was promised after the backup may stand until {until}, and is not known here")]
    StillPromised {
        /// When all of it is over.
        until: UnixTime,
    },
    /// The ledger cannot take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Processor {
    /// How much there is to be done.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn standing(&self) -> Result<Standing, ViewError> {
        let ledger = Arc::clone(self.ledger());
        let reading = tokio::task::spawn_blocking(move || {
            Ok(Standing {
                accepted: ledger.stats().accepted,
                queued: ledger.metrics().queued.values().sum(),
                held: ledger.held_count(),
                quarantined: ledger.quarantined()?.len() as u64,
                open_batches: open_batches(&ledger)?.len() as u64,
            })
        });
        reading.await.unwrap_or_else(|error| Err(ViewError::Internal(error.to_string())))
    }

    /// How many mandates were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.ledger().stats().accepted
    }

    /// Why nothing is accepted from anybody, if that is so: for each reason since when, and who said so.
    pub fn closed_to_all(&self) -> Vec<(GateReason, GateRecord)> {
        let gates = self.gates().into_iter();
        let of_all = gates.filter(|(scope, ..)| *scope == GateScope::All);
        of_all.map(|(_, reason, record)| (reason, record)).collect()
    }

    /// Accepts nothing any more. What was accepted is settled. It stays so when the process is started again. Says
    /// whether it was not so before.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub async fn pause(&self, by: String, note: String) -> Result<bool, LedgerError> {
        let (scope, reason) = (GateScope::All, GateReason::Paused);
        self.close_gate(Close { scope, reason, by, note }).await
    }

    /// Accepts again what was paused. Says whether it was.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub async fn resume(&self) -> Result<bool, LedgerError> {
        self.open_gate(GateScope::All, GateReason::Paused).await
    }

    /// Until when promises can stand that a ledger knows nothing of which was restored from a backup; nothing where
    /// it was not. They were given before it was started on, and the guarantee takes none that is longer than its
    /// contract says, whatever the settings were.
    pub fn promised_until(&self) -> Option<UnixTime> {
        let closed = self.closed_to_all();
        let (_, restored) = closed.iter().find(|(reason, _)| *reason == GateReason::Restored)?;
        let longest_s = self.deployment().wallet.periods.promise_seconds;
        Some(restored.since.checked_add(longest_s).unwrap_or(UnixTime::MAX))
    }

    /// Goes on after it was restored from a backup: mandates are accepted and sealed again. Says whether it was
    /// restored. `at_once` does not wait until what was promised since the backup is over: over by the clock here,
    /// and by that of the chain, so that one clock that is ahead does not end it.
    ///
    /// # Errors
    /// See [`GoOnError`].
    pub async fn go_on(&self, at_once: bool) -> Result<bool, GoOnError> {
        let Some(until) = self.promised_until() else { return Ok(false) };
        let chains = self.ledger().tip().map_or(UnixTime::MIN, |tip| tip.time);
        if !at_once && self.now().min(chains) < until {
            return Err(GoOnError::StillPromised { until });
        }
        Ok(self.open_gate(GateScope::All, GateReason::Restored).await?)
    }

    /// Copies the ledger to a folder of copies. It is used meanwhile as ever.
    ///
    /// # Errors
    /// When files cannot be read or written. Then there is no copy. Blocks: not for an async thread.
    pub fn back_up(&self, to: &mut Backups) -> Result<Backup, BackupError> {
        self.ledger().back_up(to)
    }
}
