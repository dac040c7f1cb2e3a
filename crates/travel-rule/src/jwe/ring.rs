//! The processor's keys: the one that is shown, and older ones that are still opened with.

use std::fmt;

use zeroize::Zeroizing;

use super::{error::JweError, key::ProcessorKey, public::PublicKey, token::Token};

/// The key that is shown, and older ones, whose tokens may still be on their way.
pub struct KeyRing {
    newest: ProcessorKey,
    previous: Vec<ProcessorKey>,
}

impl KeyRing {
    /// With one key.
    pub fn new(newest: ProcessorKey) -> Self {
        Self { newest, previous: Vec::new() }
    }

    /// The same, able to open what was sealed to this older key.
    #[must_use]
    pub fn with_previous(mut self, key: ProcessorKey) -> Self {
        self.previous.push(key);
        self
    }

    /// The key that payers seal to.
    pub fn newest(&self) -> &PublicKey {
        self.newest.public()
    }

    /// Opens a token. What it gives is wiped when it is dropped.
    ///
    /// # Errors
    /// When it is not of the profile, sealed to another key, or altered.
    pub fn open(&self, token: &str) -> Result<Zeroizing<Vec<u8>>, JweError> {
        let token = Token::read(token)?;
        let keys = std::iter::once(&self.newest).chain(&self.previous);
        let key = keys.into_iter().find(|key| key.public().thumbprint() == token.header.kid);
        token.open(key.ok_or(JweError::UnknownKey)?)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("newest", &self.newest)
            .field("previous", &self.previous)
            .finish()
    }
}
