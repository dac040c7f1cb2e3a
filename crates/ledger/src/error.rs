//! What can go wrong with the ledger itself. What is wrong with a request has an error of its own
//! for each kind of request: [`crate::Refusal`], [`crate::CaptureError`], [`crate::ChainError`],
//! [`crate::BatchError`].

use std::{io, path::PathBuf, sync::Arc};

use alloy_primitives::hex;
use thiserror::Error;

use crate::{codec::Defect, records::Identity, schema::Family};

/// Why a directory cannot be opened as a ledger.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "{} is in use by {}: stop it first; two processes cannot keep one ledger",
        path.display(),
        pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, if it said so.
        pid: Option<u32>,
    },
    /// There is no ledger to look at.
    #[error("there is no ledger in {}", path.display())]
    NotABook {
        /// The directory.
        path: PathBuf,
    },
    /// A newer release wrote it.
    #[error(
        "{} has format {found}, this release knows formats up to {known}: use the release that \
         wrote it, or a later one",
        path.display()
    )]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one known.
        known: u32,
    },
    /// No path leads from its format to the present one.
    #[error("{} has format {found}, which cannot be brought to {known}", path.display())]
    NoMigration {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The one to bring it to.
        known: u32,
    },
    /// It is the ledger of another chain, wallet or processor.
    #[error(
        "{} is the ledger of chain {}, wallet {}, processor {}, not of chain {}, wallet {}, \
         processor {}: check the configuration, or use another directory",
        path.display(),
        found.chain_id, found.wallet, found.processor,
        expected.chain_id, expected.wallet, expected.processor
    )]
    OtherBook {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: Identity,
        /// Whose it was to be.
        expected: Identity,
    },
    /// Commits that were acknowledged are not there. Nothing was changed.
    #[error(
        "{} ends at commit {found}, but commit {acknowledged} was acknowledged: part of the log is \
         damaged or missing. Restore the directory from a copy; receipts may rest on what is missing",
        path.display()
    )]
    Truncated {
        /// The directory.
        path: PathBuf,
        /// The last commit that can be read.
        found: u64,
        /// The last commit that was acknowledged.
        acknowledged: u64,
    },
    /// RocksDB cannot read or write its files: the disk is full, say, or not to be written.
    #[error("cannot read or write the files in {}: {reason}. Is the disk full?", path.display())]
    Storage {
        /// The directory.
        path: PathBuf,
        /// RocksDB's words.
        reason: String,
    },
    /// RocksDB does not understand what it reads.
    #[error(
        "{} is damaged, restore it from a copy: {reason}",
        path.display()
    )]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// RocksDB's words.
        reason: String,
    },
    /// A record is not what it should be.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Why the ledger cannot serve a request, whatever the request.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// More requests wait than may. Try again in a moment.
    #[error("the ledger is busy: {waiting_max} requests wait for the disk already")]
    Busy {
        /// The most that may wait.
        waiting_max: usize,
    },
    /// A write failed, this one or one before. Nothing more is written until the ledger is opened
    /// again; what was acknowledged is safe, what was not may or may not be there.
    #[error("the ledger stopped after a write failed: {cause}. Mend that, and start again")]
    Failed {
        /// RocksDB's words.
        cause: Arc<str>,
    },
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// RocksDB could not read.
    #[error("cannot read {family:?}: {reason}", family = family.name())]
    Read {
        /// The column family.
        family: Family,
        /// RocksDB's words.
        reason: Arc<str>,
    },
    /// A record is not what it should be.
    #[error("the record at key {} of {:?} is damaged: {defect}", hex::encode(key), family.name())]
    Damaged {
        /// The column family.
        family: Family,
        /// The record's key.
        key: Vec<u8>,
        /// What is wrong with it.
        defect: Defect,
    },
    /// A text or a blob is longer than the ledger takes.
    #[error("{what} has {found} bytes, at most {max} are kept")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its length, bytes.
        found: usize,
        /// The greatest length, bytes.
        max: usize,
    },
}

impl LedgerError {
    pub(crate) fn damaged(family: Family, key: &[u8], defect: Defect) -> Self {
        Self::Damaged { family, key: key.to_vec(), defect }
    }
}
