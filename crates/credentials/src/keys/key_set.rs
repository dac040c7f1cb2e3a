//! A set of keys (RFC 7517, section 5).

use std::sync::Arc;

use serde_json::Value;

use super::key::Key;
use crate::{algorithm::Algorithm, json, subject::Thumbprint};

/// How many keys of a set are read. More are no set of an issuer's signing keys.
const KEYS_MAX: usize = 100;

/// The keys of one issuer or agent.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Arc<Key>>);

impl KeySet {
    /// Reads a set. Keys that cannot be used are passed over, so that an issuer may publish, beside
    /// ours, keys of kinds that are not known here.
    ///
    /// # Errors
    /// When the bytes are no set of keys.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut document = json::object(bytes).ok_or("not an object of JSON")?;
        let Some(Value::Array(jwks)) = document.remove("keys") else {
            return Err("not a set of keys: it has no array `keys`");
        };
        if jwks.len() > KEYS_MAX {
            return Err("a set of more than 100 keys");
        }
        let mut keys = Vec::new();
        for (index, jwk) in jwks.iter().enumerate() {
            match jwk.as_object().ok_or("it is not an object").and_then(Key::read) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(reason) => tracing::debug!(index, reason, "a key of the set is passed over"),
            }
        }
        Ok(Self(keys))
    }

    /// The keys of this name for this algorithm. Names need not be unique in a set.
    pub(crate) fn named(&self, kid: &str, algorithm: Algorithm) -> Vec<Arc<Key>> {
        let fits = |key: &&Arc<Key>| key.kid.as_deref() == Some(kid) && key.fits(algorithm);
        self.0.iter().filter(fits).cloned().collect()
    }

    /// The Ed25519 key with this thumbprint, whatever its name.
    pub(crate) fn ed25519(&self, thumbprint: &Thumbprint) -> Vec<Arc<Key>> {
        let fits = |key: &&Arc<Key>| key.thumbprint == *thumbprint && key.fits(Algorithm::EdDsa);
        self.0.iter().filter(fits).cloned().collect()
    }
}
