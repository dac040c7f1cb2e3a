//! Where submissions are remembered.
//!
//! A sender writes down every signed transaction before anyone else sees it. So after a crash it
//! knows of everything that may be on its way, and broadcasts it again instead of making another.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fmt,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;

use super::record::{Key, Record, SubmissionId};

/// Why a journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Its file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process uses it. Two senders with one key would take the same nonces.
    #[error("{} is in use by another process", .path.display())]
    InUse {
        /// The file that marks it as used.
        path: PathBuf,
    },
    /// The file is not a journal, or of another version.
    #[error("{} is not a journal of version {version}", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The version that this software reads.
        version: u32,
    },
    /// A record in the middle of the file is damaged: not by a crash, which damages the last.
    #[error(
        "{} is damaged at byte {offset}, with good records after it: restore it from a copy, or \
         make sure that nothing it lists is still on its way before removing it", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// An earlier write failed, and what of it is on disk is unknown. Opening the journal again
    /// finds out.
    #[error("the journal failed before and is closed; open it again")]
    Closed,
    /// The nonce is another submission's: a mistake in the software.
    #[error("nonce {nonce} of {} belongs to submission {holder}", .key.address)]
    Conflict {
        /// Whose nonce.
        key: Key,
        /// The nonce.
        nonce: u64,
        /// The submission that has it.
        holder: SubmissionId,
    },
    /// Another kind of store failed.
    #[error("{0}")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// Remembers submissions, durably.
///
/// **What an implementation promises.** When [`put`](Self::put) or [`remove`](Self::remove) returns
/// `Ok`, the change survives a crash of the process and of the machine: it is on disk, synced. When
/// it returns an error, the change may or may not survive, but is not torn; the sender closes itself
/// and a new one, on the journal opened again, takes what is there. Reads see all changes that
/// returned `Ok`. Records are never lost, but by [`remove`](Self::remove).
///
/// Calls may block for as long as a disk sync takes.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Adds a record, or replaces the one of the same key and nonce.
    ///
    /// # Errors
    /// Those of the store, and [`JournalError::Conflict`] when the nonce is another submission's.
    fn put(&self, record: &Record) -> Result<(), JournalError>;

    /// The record of a submission, finished or not.
    ///
    /// # Errors
    /// Those of the store.
    fn find(&self, key: Key, id: SubmissionId) -> Result<Option<Record>, JournalError>;

    /// The records that are not finished, by ascending nonce.
    ///
    /// # Errors
    /// Those of the store.
    fn unfinished(&self, key: Key) -> Result<Vec<Record>, JournalError>;

    /// The records from `nonce` up, finished or not, by ascending nonce.
    ///
    /// # Errors
    /// Those of the store.
    fn at_or_above(&self, key: Key, nonce: u64) -> Result<Vec<Record>, JournalError>;

    /// Forgets a record. No error if there is none.
    ///
    /// # Errors
    /// Those of the store.
    fn remove(&self, key: Key, nonce: u64) -> Result<(), JournalError>;
}

/// Records in memory, by nonce and by id.
#[derive(Debug, Default)]
pub(super) struct Records {
    by_nonce: BTreeMap<(Key, u64), Record>,
    by_id: HashMap<(Key, SubmissionId), u64>,
}

impl Records {
    /// Whether `put` would be a conflict.
    pub(super) fn check(&self, record: &Record) -> Result<(), JournalError> {
        let (key, nonce, id) = (record.key, record.nonce, record.id);
        if let Some(holder) = self.by_nonce.get(&(key, nonce)).filter(|holder| holder.id != id) {
            return Err(JournalError::Conflict { key, nonce, holder: holder.id });
        }
        if let Some(nonce) = self.by_id.get(&(key, id)).filter(|had| **had != nonce) {
            return Err(JournalError::Conflict { key, nonce: *nonce, holder: id });
        }
        Ok(())
    }

    /// Adds or replaces a record: the one it replaces.
    pub(super) fn put(&mut self, record: Record) -> Option<Record> {
        self.by_id.insert((record.key, record.id), record.nonce);
        self.by_nonce.insert((record.key, record.nonce), record)
    }

    pub(super) fn remove(&mut self, key: Key, nonce: u64) -> Option<Record> {
        let record = self.by_nonce.remove(&(key, nonce))?;
        self.by_id.remove(&(key, record.id));
        Some(record)
    }

    pub(super) fn find(&self, key: Key, id: SubmissionId) -> Option<&Record> {
        self.by_nonce.get(&(key, *self.by_id.get(&(key, id))?))
    }

    pub(super) fn at_or_above(&self, key: Key, nonce: u64) -> impl Iterator<Item = &Record> {
        self.by_nonce.range((key, nonce)..=(key, u64::MAX)).map(|(_, record)| record)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.by_nonce.values()
    }
}

/// A journal that forgets everything with the process. For tests, and for keys whose transactions
/// nobody minds losing.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Mutex<Records>,
}

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn put(&self, record: &Record) -> Result<(), JournalError> {
        let mut records = self.records();
        records.check(record)?;
        records.put(record.clone());
        Ok(())
    }

    fn find(&self, key: Key, id: SubmissionId) -> Result<Option<Record>, JournalError> {
        Ok(self.records().find(key, id).cloned())
    }

    fn unfinished(&self, key: Key) -> Result<Vec<Record>, JournalError> {
        let records = self.records();
        Ok(records.at_or_above(key, 0).filter(|record| record.finish.is_none()).cloned().collect())
    }

    fn at_or_above(&self, key: Key, nonce: u64) -> Result<Vec<Record>, JournalError> {
        Ok(self.records().at_or_above(key, nonce).cloned().collect())
    }

    fn remove(&self, key: Key, nonce: u64) -> Result<(), JournalError> {
        self.records().remove(key, nonce);
        Ok(())
    }
}
