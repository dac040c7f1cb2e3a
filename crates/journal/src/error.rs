//! What can go wrong with a journal.

use std::{io, path::PathBuf, sync::Arc};

use thiserror::Error;

/// Why a directory cannot be opened as a journal.
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
        "{} is in use by {}: stop it first; two processes cannot write one journal",
        path.display(),
        pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, if it said so.
        pid: Option<u32>,
    },
    /// There is nothing to look at.
    #[error("there is no journal in {}", path.display())]
    NotAJournal {
        /// The directory.
        path: PathBuf,
    },
    /// There is a database that no released program wrote.
    #[error(
        "{} holds a database without a format, with the column family {family:?}: it was written \
         by something else, or before the first release. Use another directory",
        path.display()
    )]
    UnknownFormat {
        /// The directory.
        path: PathBuf,
        /// A column family that the journal does not have.
        family: String,
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
    /// A step from one format to the next failed. The steps before it are done.
    #[error("{} cannot be brought from format {from} to the next: {reason}", path.display())]
    Migration {
        /// The directory.
        path: PathBuf,
        /// The format that the step starts from.
        from: u32,
        /// What the step said.
        reason: String,
    },
    /// It is somebody else's.
    #[error("{} is another's: check the configuration, or use another directory", path.display())]
    OtherIdentity {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: Vec<u8>,
        /// Whose it was to be.
        expected: Vec<u8>,
    },
    /// Commits that were acknowledged are not there. Nothing was changed.
    #[error(
        "{} ends at commit {found}, but commit {acknowledged} was acknowledged: part of the log is \
         damaged or missing. Restore the directory from a copy; promises may rest on what is missing",
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
        /// RocksDB's message.
        reason: String,
    },
    /// RocksDB does not understand what it reads.
    #[error("{} is damaged, restore it from a copy: {reason}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// RocksDB's message.
        reason: String,
    },
    /// Something in it cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why there is no copy, or nothing is made of one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The directory that was to be restored has a journal, or had one.
    #[error(
        "{} has a journal, or had one: nothing is written over it. Restore into another directory",
        path.display()
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// Files cannot be read or written, or are not what they were.
    #[error("cannot {action} {}: {reason}", path.display())]
    Failed {
        /// What was tried.
        action: &'static str,
        /// The folder of copies, or the directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Why a journal cannot serve a request, whatever the request.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// More requests wait than may. Try again in a moment.
    #[error("the journal is busy: {waiting_max} requests wait for the disk already")]
    Busy {
        /// The most that may wait.
        waiting_max: usize,
    },
    /// A write failed, this one or one before. Nothing more is written until the journal is opened
    /// again; what was acknowledged is safe, what was not may or may not be there.
    #[error("the journal stopped after a write failed: {cause}. Mend that, and start again")]
    Failed {
        /// What failed.
        cause: Arc<str>,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// RocksDB could not read.
    #[error("cannot read {family:?}: {reason}")]
    Read {
        /// The column family.
        family: &'static str,
        /// RocksDB's message.
        reason: Arc<str>,
    },
    /// RocksDB could not rewrite the files.
    #[error("cannot rewrite the files of {family:?}: {reason}")]
    Compact {
        /// The column family.
        family: &'static str,
        /// RocksDB's message.
        reason: Arc<str>,
    },
    /// One of the journal's own records is not what it should be.
    #[error("the journal's record {key:?} is damaged: it has {bytes} bytes")]
    Damaged {
        /// The record's key.
        key: String,
        /// Its length.
        bytes: usize,
    },
}
