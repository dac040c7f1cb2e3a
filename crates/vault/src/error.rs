//! Why something could not be sealed or opened. Nothing secret is in a message.

use thiserror::Error;

use crate::key::KekId;

/// Why bytes are no sealed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// They end too early.
    #[error("the sealed record is cut off")]
    Short,
    /// Another version of the format.
    #[error("the sealed record has version {0}, known is 1")]
    Version(u8),
    /// Bytes after the end of a wrapped key.
    #[error("the wrapped key has {0} bytes too many")]
    Trailing(usize),
}

/// Why the vault did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VaultError {
    /// No sealed record.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its key was destroyed: what is left of it is noise.
    #[error("the record was destroyed")]
    Destroyed,
    /// It is wrapped by a KEK that the vault does not have.
    #[error("the record is wrapped by the key-encryption key {0}, which is not among those given")]
    UnknownKek(KekId),
    /// It was altered, or belongs elsewhere.
    #[error("the record does not open: it was altered, or put in another's place")]
    Refused,
    /// Whoever has the KEK does not answer.
    #[error("the key-encryption key {kek} cannot be used at present: {reason}")]
    Unavailable {
        /// Which one.
        kek: KekId,
        /// Why.
        reason: String,
    },
    /// Nothing could be encrypted: no random numbers, no memory, or too much to encrypt.
    #[error("cannot encrypt: no random numbers, no memory, or too much at once")]
    Encrypt,
}
