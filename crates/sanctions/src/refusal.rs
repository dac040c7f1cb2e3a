//! Why a file does not become the list in force.

use thiserror::Error;

use crate::{dated::Dated, hash::FileHash};

/// Why a file does not become the list in force.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is missing, or may not be read.
    #[error("the file cannot be read: {0}")]
    CannotRead(String),
    /// It is a folder, a pipe or a device.
    #[error("it is not a file")]
    NotAFile,
    /// It is larger than the settings allow.
    #[error("it has more than {bytes_max} bytes, which is bytes_max of the settings")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// Somebody wrote to it meanwhile.
    #[error("it changed while it was read: write a new file beside it, then move it here")]
    ChangedWhileRead,
    /// The file `.sha256` beside it is missing or not one, or it is another file's.
    #[error("its .sha256 file: {0}")]
    Sha256File(String),
    /// No well-formed XML, or more of it at once than any such list has.
    #[error("it is not well-formed XML, at byte {at}: {what}")]
    NotWellFormed {
        /// How many bytes are in order.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// XML of another kind.
    #[error("it is not in the structure of OFAC's advanced lists: {0}")]
    NotInStructure(String),
    /// A line of a plain list that is neither an address nor a comment.
    #[error("line {line}: {what}")]
    Line {
        /// Which one, counted from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// A plain list that states another number of addresses.
    #[error("it states {stated} addresses and has {found}: it was cut off or altered")]
    CountDiffers {
        /// What its line `#@count` states.
        stated: u64,
        /// How many lines have an address.
        found: u64,
    },
    /// No address in it.
    #[error("it has no address of an EVM chain")]
    Empty,
    /// More entries than are kept.
    #[error("it has more than {max} entries")]
    TooManyEntries {
        /// The limit.
        max: usize,
    },
    /// Its date is more than a day ahead.
    #[error("it is of {dated}, which lies in the future")]
    InFuture {
        /// Its date.
        dated: Dated,
    },
    /// It is older than the one in force.
    #[error("it is of {dated}, and the list before it is of {before}")]
    Older {
        /// Its date.
        dated: Dated,
        /// That of the list before it.
        before: Dated,
    },
    /// It lacks more of the entries in force than the settings allow.
    #[error(
        "it lacks {removed} of {before} addresses, more than {percent_max} percent; if that is \
         right, an officer accepts the file with SHA-256 {sha256}"
    )]
    Shrinks {
        /// How many addresses are gone.
        removed: usize,
        /// How many addresses there are.
        before: usize,
        /// The limit.
        percent_max: u8,
        /// Which file it is about.
        sha256: FileHash,
    },
}

impl Refusal {
    /// A stable name, for metrics and interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CannotRead(_) => "cannot_read",
            Self::NotAFile => "not_a_file",
            Self::TooLarge { .. } => "too_large",
            Self::ChangedWhileRead => "changed_while_read",
            Self::Sha256File(_) => "sha256_file",
            Self::NotWellFormed { .. } => "not_well_formed",
            Self::NotInStructure(_) => "not_in_structure",
            Self::Line { .. } => "line",
            Self::CountDiffers { .. } => "count_differs",
            Self::Empty => "empty",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::InFuture { .. } => "in_future",
            Self::Older { .. } => "older",
            Self::Shrinks { .. } => "shrinks",
        }
    }
}
