//! What can be wrong with a log, and where.

use aep2_mandate::units::EntryNumber;
use alloy_primitives::{B256, hex};
use thiserror::Error;

use crate::{head::HeadDefect, line::LineDefect};

/// What is wrong with a log, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at entry {number}, byte {byte}: {defect}")]
pub struct Fault {
    /// The number of the entry that is at fault, as it should be.
    pub number: u64,
    /// Where its line begins, counted from the beginning of the file; of a stored log, where it
    /// would begin in an export of all of it.
    pub byte: u64,
    /// What is wrong.
    pub defect: Defect,
}

/// What can be wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Defect {
    /// The line is none.
    #[error(transparent)]
    Line(#[from] LineDefect),
    /// The last line has no end.
    #[error("the file ends within a line")]
    Unended,
    /// There is nothing.
    #[error("there is no entry")]
    Empty,
    /// Entries are missing.
    #[error("entry {found} stands here: those before it are missing, or out of order")]
    Gap {
        /// The number that was found.
        found: EntryNumber,
    },
    /// A number again that was there already.
    #[error("entry {found} stands here, whose number has been there already")]
    Repeated {
        /// The number that was found.
        found: EntryNumber,
    },
    /// The entry is not the one that the entry after it names.
    #[error(
        "its line hashes to {}, and the next entry names {}: one of the two was altered",
        hex::encode(hash),
        hex::encode(named)
    )]
    Altered {
        /// What it hashes to.
        hash: B256,
        /// What the next entry says.
        named: B256,
    },
    /// The first line does not continue what it is to continue.
    #[error(
        "it follows a line with the hash {}, not the one with {}",
        hex::encode(named),
        hex::encode(expected)
    )]
    OtherStart {
        /// What it says of the line before.
        named: B256,
        /// What that line hashes to.
        expected: B256,
    },
    /// Less is there than a head says.
    #[error("a head says that there are {head} entries: the last ones were cut off")]
    CutOff {
        /// How many the head says.
        head: EntryNumber,
    },
    /// Another line is there than a head says.
    #[error(
        "its line hashes to {}, and a head says {}: the log was rewritten",
        hex::encode(hash),
        hex::encode(head)
    )]
    Rewritten {
        /// What the line hashes to.
        hash: B256,
        /// What the head says.
        head: B256,
    },
    /// A head is another log's.
    #[error("this is the log {}, and the head is of {}", hex::encode(log), hex::encode(head))]
    OtherLog {
        /// This log's id.
        log: B256,
        /// The head's.
        head: B256,
    },
    /// A head is of an entry before the first one here.
    #[error(
        "the head of entry {head} says nothing about what begins here: show the entries before"
    )]
    BeforeStart {
        /// The entry that the head is about.
        head: EntryNumber,
    },
    /// A stored line is not where it should be.
    #[error("a line is stored under the key 0x{key}, where none should be")]
    Misplaced {
        /// The key, in hexadecimal digits.
        key: String,
    },
    /// A stored log has entries and no head.
    #[error("there are entries, and no record of the log's head")]
    NoHead,
    /// The record of the head is damaged.
    #[error(transparent)]
    Head(#[from] HeadDefect),
    /// A stored log goes on after its head.
    #[error("there are entries after the log's head, which is entry {head}")]
    AfterHead {
        /// The last entry, as the head says.
        head: EntryNumber,
    },
}
