//! Why something could not be done with a log.

use std::io;

use aep2_journal::JournalError;
use thiserror::Error;

use crate::{fault::Fault, head::HeadDefect, line::LineDefect};

/// Why nothing could be appended. The transaction has to fail with it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The journal's own.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The record of the head is damaged.
    #[error(transparent)]
    Head(#[from] HeadDefect),
    /// The end of the log is not what its head says. Nothing is appended to it: verify the log.
    #[error("the log does not end as its head says, at entry {number}: verify it")]
    Damaged {
        /// The last entry, as the head says.
        number: u64,
    },
    /// There are as many entries as a log can have.
    #[error("the log is full")]
    Full,
    /// The line cannot be written.
    #[error("the entry cannot be written: {0}")]
    Unwritten(#[from] serde_json::Error),
}

/// Why a log could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The journal's own.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The record of the head is damaged.
    #[error(transparent)]
    Head(#[from] HeadDefect),
    /// A stored line is none.
    #[error("entry {number}: {defect}")]
    Line {
        /// Its number.
        number: u64,
        /// What is wrong.
        defect: LineDefect,
    },
}

/// Why a log was not found to be whole.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file could not be read.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}

/// Why a log could not be exported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It is not whole. What comes before the fault was written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file could not be written.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
}
