//! A sealed record's bytes.
//!
//! | | bytes | |
//! | --- | --- | --- |
//! | version | 1 | 1 |
//! | KEK | 16 | the id of the KEK that wrapped the data key; zeros in a destroyed one |
//! | length | 2 | of the wrapped key, big-endian; 0 in a destroyed one |
//! | wrapped key | as said | by a KEK in this process: 32 of salt, 32 of ciphertext, 16 of tag |
//! | ciphertext | as many as the content | |
//! | tag | 16 | |
//!
//! The first four are a [`WrappedKey`]. It may be stored apart from the ciphertext, so that it can be
//! replaced, and destroyed, without touching that.

use crate::{error::FormatError, key::KekId, retention::MayDestroy};

/// The most bytes of a wrapped key.
pub const WRAPPED_BYTES_MAX: usize = u16::MAX as usize;

const VERSION: u8 = 1;
const KEK_BYTES: usize = 16;

/// A record's data key, wrapped. Whoever lacks the KEK learns nothing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    kek: KekId,
    wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Nothing when it is too long.
    pub(crate) fn new(kek: KekId, wrapped: Vec<u8>) -> Option<Self> {
        (1..=WRAPPED_BYTES_MAX).contains(&wrapped.len()).then_some(Self { kek, wrapped })
    }

    /// What is written over the wrapped key of a record to destroy it: says that it was destroyed.
    /// What the caller's store does with the bytes that were there before is told in
    /// `docs/vault.md`.
    pub fn destroyed(_allowed: MayDestroy) -> Self {
        Self { kek: KekId::from_bytes([0; KEK_BYTES]), wrapped: Vec::new() }
    }

    /// Whether the record was destroyed.
    pub fn is_destroyed(&self) -> bool {
        self.wrapped.is_empty()
    }

    /// The KEK that wrapped it.
    pub fn kek(&self) -> KekId {
        self.kek
    }

    pub(crate) fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // It is made of at most that many.
        let length = u16::try_from(self.wrapped.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[VERSION], self.kek.as_bytes().as_slice(), &length, &self.wrapped].concat()
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// When they are not exactly a wrapped key's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        match Self::take(bytes)? {
            (key, []) => Ok(key),
            (_, rest) => Err(FormatError::Trailing(rest.len())),
        }
    }

    /// Reads it off the front of some bytes.
    fn take(bytes: &[u8]) -> Result<(Self, &[u8]), FormatError> {
        let (version, rest) = bytes.split_first().ok_or(FormatError::Short)?;
        if *version != VERSION {
            return Err(FormatError::Version(*version));
        }
        let (kek, rest) = rest.split_first_chunk::<KEK_BYTES>().ok_or(FormatError::Short)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(FormatError::Short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (wrapped, rest) = rest.split_at_checked(length).ok_or(FormatError::Short)?;
        Ok((Self { kek: KekId::from_bytes(*kek), wrapped: wrapped.to_vec() }, rest))
    }
}

/// A sealed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its data key, wrapped.
    pub key: WrappedKey,
    /// Its content under that key, and the tag.
    pub ciphertext: Vec<u8>,
}

impl Sealed {
    /// Its bytes: the wrapped key's, then the ciphertext.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.key.to_bytes();
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    /// Reads its bytes. Whether they were altered is told by opening it.
    ///
    /// # Errors
    /// When they are no sealed record's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let (key, ciphertext) = WrappedKey::take(bytes)?;
        Ok(Self { key, ciphertext: ciphertext.to_vec() })
    }
}
