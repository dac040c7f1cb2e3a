//! Sealing records, opening them, wrapping their keys anew.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::{
    aead,
    context::Context,
    error::VaultError,
    key::{DataKey, KekId},
    sealed::{Sealed, WrappedKey},
    wrap::{KeyWrapper, WrapError},
};

/// Seals records under the newest KEK, and opens those of older ones too. Clones share the keys.
#[derive(Clone)]
pub struct Vault {
    newest: Arc<dyn KeyWrapper>,
    previous: Vec<Arc<dyn KeyWrapper>>,
}

impl Vault {
    /// A vault with one KEK.
    pub fn new(kek: impl KeyWrapper + 'static) -> Self {
        Self { newest: Arc::new(kek), previous: Vec::new() }
    }

    /// The same, able to open what this older KEK wrapped.
    #[must_use]
    pub fn with_previous(mut self, kek: impl KeyWrapper + 'static) -> Self {
        self.previous.push(Arc::new(kek));
        self
    }

    /// The same with a newer KEK. The one that was the newest is kept for reading.
    #[must_use]
    pub fn rotated(mut self, kek: impl KeyWrapper + 'static) -> Self {
        let older = std::mem::replace(&mut self.newest, Arc::new(kek));
        self.previous.insert(0, older);
        self
    }

    /// The KEK that wraps new keys.
    pub fn newest(&self) -> KekId {
        self.newest.id()
    }

    /// Seals a record, so that it opens in this context and in no other. Its length can be told.
    ///
    /// # Errors
    /// When the KEK cannot be used at present, and when nothing can be encrypted.
    pub fn seal(&self, context: Context<'_>, content: &[u8]) -> Result<Sealed, VaultError> {
        let key = DataKey::random().map_err(|_| VaultError::Encrypt)?;
        let ciphertext = aead::seal_once(key.as_bytes(), &context.of_data(), content)
            .map_err(|aead::Refused| VaultError::Encrypt)?;
        Ok(Sealed { key: self.wrap(context, &key)?, ciphertext })
    }

    /// Opens a sealed record. What it gives is wiped when it is dropped.
    ///
    /// # Errors
    /// When it was altered, destroyed, or sealed in another context; and when its KEK is not there,
    /// or cannot be used at present.
    pub fn open(
        &self,
        context: Context<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = self.unwrap(context, &sealed.key)?;
        aead::open(key.as_bytes(), &context.of_data(), &sealed.ciphertext)
            .map_err(|aead::Refused| VaultError::Refused)
    }

    /// Wraps a record's key by the newest KEK; the record's ciphertext stays as it is. Nothing when
    /// the newest KEK wrapped it already.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rewrap(
        &self,
        context: Context<'_>,
        key: &WrappedKey,
    ) -> Result<Option<WrappedKey>, VaultError> {
        let unwrapped = self.unwrap(context, key)?;
        if key.kek() == self.newest() {
            return Ok(None);
        }
        self.wrap(context, &unwrapped).map(Some)
    }

    fn wrap(&self, context: Context<'_>, key: &DataKey) -> Result<WrappedKey, VaultError> {
        let kek = self.newest();
        let wrapped = self
            .newest
            .wrap_key(key, &context.of_key(kek))
            .map_err(|error| explained(kek, error, VaultError::Encrypt))?;
        WrappedKey::new(kek, wrapped).ok_or_else(|| {
            let reason = "what it wraps a key to is empty or too long".to_owned();
            VaultError::Unavailable { kek, reason }
        })
    }

    fn unwrap(&self, context: Context<'_>, key: &WrappedKey) -> Result<DataKey, VaultError> {
        if key.is_destroyed() {
            return Err(VaultError::Destroyed);
        }
        let kek = key.kek();
        let keks = std::iter::once(&self.newest).chain(&self.previous);
        let wrapper = keks.into_iter().find(|wrapper| wrapper.id() == kek);
        let wrapper = wrapper.ok_or(VaultError::UnknownKek(kek))?;
        wrapper
            .unwrap_key(key.wrapped(), &context.of_key(kek))
            .map_err(|error| explained(kek, error, VaultError::Refused))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous: Vec<_> = self.previous.iter().map(|kek| kek.id()).collect();
        f.debug_struct("Vault")
            .field("newest", &self.newest())
            .field("previous", &previous)
            .finish()
    }
}

fn explained(kek: KekId, error: WrapError, refused: VaultError) -> VaultError {
    match error {
        WrapError::Refused => refused,
        WrapError::Unavailable(reason) => VaultError::Unavailable { kek, reason },
    }
}
