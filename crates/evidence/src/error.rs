//! What goes wrong.

use std::{io, path::PathBuf};

use aep2_journal::{JournalError, OpenError};
use aep2_mandate::units::UnixTime;
use aep2_vault::{SourceError, VaultError};
use alloy_primitives::B256;
use thiserror::Error;

/// Why a store is not opened, or a piece is not taken or given. No message has content in it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key file beside the store cannot be read or made.
    #[error(transparent)]
    KeyFile(#[from] SourceError),
    /// The file system, when the key file is made.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is evidence, and the key file that opens it is gone.
    #[error(
        "{} is not there, and evidence was sealed already: bring the file back, or name the \
         key-encryption key in the settings. No new key is made, since it would open nothing",
        .0.display()
    )]
    KeyFileMissing(PathBuf),
    /// The key-encryption keys that were given do not open what is in the store.
    #[error(
        "the store has evidence that these key-encryption keys do not open: {source}. Give the key \
         that it was sealed with, as the newest or as a previous one"
    )]
    WrongKey {
        /// What the vault says of one piece's key.
        source: VaultError,
    },
    /// A record is not what it should be.
    #[error("the record {key} in {family} is damaged: {reason}")]
    Damaged {
        /// Where.
        family: &'static str,
        /// Its key, hexadecimal.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A piece has too many bytes.
    #[error("a piece of evidence has at most {most} bytes, and this one has {size}")]
    TooLarge {
        /// How many it has.
        size: u64,
        /// The most that are taken.
        most: u64,
    },
    /// A piece has none.
    #[error("a piece of evidence has at least one byte")]
    Empty,
    /// What is said about its type is not a media type's text.
    #[error("a media type is 1 to {most} bytes of visible ASCII")]
    MediaType {
        /// The most bytes of one.
        most: usize,
    },
    /// The bytes are not as many as was signed.
    #[error("{expected} bytes were named, and these are {size}")]
    OtherSize {
        /// How many were named.
        expected: u64,
        /// How many they are.
        size: u64,
    },
    /// The bytes are others than was signed.
    #[error("the bytes' hash is {found}, and the one that was named is {expected}")]
    OtherBytes {
        /// The hash that was named.
        expected: B256,
        /// The hash of what came.
        found: B256,
    },
    /// A dispute has as many pieces as it may.
    #[error("a dispute has at most {most} pieces of evidence")]
    DisputeFull {
        /// The most that are taken.
        most: u32,
    },
    /// Whoever signed the piece has no more room.
    #[error(
        "whoever signed this evidence, or the account that it is about, has evidence of {most} bytes here, of \
         disputes that are open, and no more room: {least} bytes of each dispute are taken all the same"
    )]
    ShareFull {
        /// The most bytes of one share.
        most: u64,
        /// How many bytes of a dispute are taken however full a share is.
        least: u64,
    },
    /// The store has as many bytes as it may.
    #[error(
        "the store of evidence is full: it has {used} of {most} bytes, and {size} more do not fit. What \
         is there is of disputes that are open, or has to be kept; the operator can raise the limit"
    )]
    Full {
        /// How many bytes there are.
        used: u64,
        /// How many the piece has.
        size: u64,
        /// The most that are kept.
        most: u64,
    },
    /// There is no such piece.
    #[error("there is no evidence {hash} of {dispute}")]
    Unknown {
        /// The dispute.
        dispute: B256,
        /// The piece.
        hash: B256,
    },
    /// It was there, and was destroyed after it had been kept as long as it must be.
    #[error("the evidence of {dispute} was destroyed at {at}, in unix seconds")]
    Destroyed {
        /// The dispute.
        dispute: B256,
        /// When.
        at: UnixTime,
    },
}
