//! Keys: those that wrap others, and those that are wrapped.

use std::fmt;

use alloy_primitives::hex;
use aws_lc_rs::{
    digest::{Context, SHA256},
    hkdf::{HKDF_SHA256, Salt},
    rand,
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    aead,
    wrap::{KeyWrapper, WrapError},
};

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

    fn hash(domain: &[u8], of: &[u8]) -> Self {
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

    /// The key with these bytes, as it was unwrapped.
    ///
    /// # Errors
    /// [`WrapError::Refused`] when they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrapError> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(WrapError::Refused);
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
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

/// A key-encryption key that this process holds. Wiped when it is dropped, and never printed.
pub struct Kek {
    id: KekId,
    key: Zeroizing<[u8; 32]>,
}

/// The bytes of the salt before a wrapped key.
const SALT_BYTES: usize = 32;

impl Kek {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn random() -> Result<Self, KekError> {
        Self::from_bytes(random()?)
    }

    /// The key with these bytes, which must be random.
    ///
    /// # Errors
    /// When they are obviously not.
    pub fn from_bytes(key: Zeroizing<[u8; 32]>) -> Result<Self, KekError> {
        // In constant time: all of them are looked at.
        let differs = key.iter().fold(0, |differs, byte| differs | (byte ^ key[0]));
        if differs == 0 {
            return Err(KekError::Placeholder);
        }
        Ok(Self { id: KekId::hash(b"aep2-vault/1 kek", &*key), key })
    }

    /// Its bytes, to be written into a file.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// The key that wraps one data key: HKDF-SHA256 with a salt of its own.
    fn derived(&self, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, WrapError> {
        let mut key = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, salt)
            .extract(&*self.key)
            .expand(&[b"aep2-vault/1 wrap"], HKDF_SHA256)
            .and_then(|derived| derived.fill(&mut *key))
            .map_err(|_| WrapError::Refused)?;
        Ok(key)
    }
}

impl KeyWrapper for Kek {
    fn id(&self) -> KekId {
        self.id
    }

    /// A random salt of 32 bytes, then the data key under the key that is derived with it.
    fn wrap_key(&self, key: &DataKey, bound_to: &[u8]) -> Result<Vec<u8>, WrapError> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| no_random_numbers())?;
        let wrapped = aead::seal_once(&*self.derived(&salt)?, bound_to, key.as_bytes())
            .map_err(|aead::Refused| WrapError::Refused)?;
        Ok([&salt[..], &wrapped].concat())
    }

    fn unwrap_key(&self, wrapped: &[u8], bound_to: &[u8]) -> Result<DataKey, WrapError> {
        let (salt, wrapped) = wrapped.split_at_checked(SALT_BYTES).ok_or(WrapError::Refused)?;
        let key = aead::open(&*self.derived(salt)?, bound_to, wrapped)
            .map_err(|aead::Refused| WrapError::Refused)?;
        DataKey::from_bytes(&key)
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({}, …)", self.id)
    }
}

fn random() -> Result<Zeroizing<[u8; 32]>, KekError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(&mut *bytes).map_err(|_| KekError::Random)?;
    Ok(bytes)
}

fn no_random_numbers() -> WrapError {
    WrapError::Unavailable(KekError::Random.to_string())
}
