//! Commitments: what is personal is not in a log, but the log can prove it later.
//!
//! A log is never shortened, so what is in it cannot be deleted. A bare hash of a name is the name:
//! names are few, and whoever has the hash tries them all. With a random salt it says nothing to
//! whoever lacks the salt. The caller keeps the salt with the data. Whoever is shown both can check
//! them against the log; when the salt is deleted, what is left in the log is noise.

use std::fmt;

use alloy_primitives::{B256, hex};
use rand::{RngCore, rngs::OsRng};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What makes a commitment say nothing: 32 random bytes, kept beside the data and deleted with it.
/// One salt is for one text. Wiped when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// One that was kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be kept.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// `SHA-256(salt || text)`, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Commitment(B256);

impl Commitment {
    /// Commits to a text under a new salt.
    pub fn to(text: impl AsRef<[u8]>) -> (Self, Salt) {
        let salt = Salt::random();
        (Self::with(&salt, text), salt)
    }

    /// The commitment to a text under a salt that is there already.
    pub fn with(salt: &Salt, text: impl AsRef<[u8]>) -> Self {
        let hash = Sha256::new().chain_update(salt.as_bytes()).chain_update(text);
        Self(B256::from(<[u8; 32]>::from(hash.finalize())))
    }

    /// The commitment with this hash.
    pub const fn from_hash(hash: B256) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn hash(&self) -> B256 {
        self.0
    }

    /// Whether it is a commitment to this text under this salt.
    pub fn is_to(&self, salt: &Salt, text: impl AsRef<[u8]>) -> bool {
        *self == Self::with(salt, text)
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
