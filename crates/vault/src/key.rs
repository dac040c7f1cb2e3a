//! Data keys, what KEKs are called, and where new keys come from.

use std::fmt;

use alloy_primitives::hex;
use aws_lc_rs::{
    digest::{Context, SHA256},
    rand,
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why 32 bytes are not taken for a key, or there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KekError {
    /// All its bytes are the same: a placeholder.
    #[error("a key of 32 equal bytes is a placeholder: make a random one")]
    Placeholder,
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// Which KEK wrapped a key: the first half of a hash of it, or of what a KMS calls it. Not secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId([u8; 16]);

impl KekId {
    /// The id of a KEK that somebody else keeps, from the name that they have for it.
    pub fn of_name(name: &str) -> Self {
        Self::hash(b"aep2-vault/1 kek name", name.as_bytes())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn hash(domain: &[u8], of: &[u8]) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(&(domain.len() as u64).to_be_bytes());
        hash.update(domain);
        hash.update(of);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finish().as_ref()[..16]);
        Self(id)
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}

/// A record's own key. Wiped when it is dropped, and never printed.
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new one.
    pub(crate) fn random() -> Result<Self, KekError> {
        random().map(Self)
    }

    /// The key with these bytes, as it was unwrapped. Nothing when they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// Its bytes, to be wrapped.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// 32 random bytes, for a new key.
pub(crate) fn random() -> Result<Zeroizing<[u8; 32]>, KekError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(&mut *bytes).map_err(|_| KekError::Random)?;
    Ok(bytes)
}
