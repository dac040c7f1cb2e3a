//! A key-encryption key that this process holds.

use std::fmt;

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, Salt},
    rand,
};
use zeroize::Zeroizing;

use crate::{
    aead,
    key::{self, DataKey, KekError, KekId},
    wrap::{KeyWrapper, WrapError},
};

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
        Self::from_bytes(key::random()?)
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
        DataKey::from_bytes(&key).ok_or(WrapError::Refused)
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({}, …)", self.id)
    }
}

fn no_random_numbers() -> WrapError {
    WrapError::Unavailable(KekError::Random.to_string())
}
