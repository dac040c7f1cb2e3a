//! An issuer: its settings, and its keys.

use std::sync::Arc;

use crate::{
    error::CredentialError, keys::source::KeySource, settings::IssuerSettings, token::Unverified,
};

/// An issuer whose word counts.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    pub(crate) settings: Arc<IssuerSettings>,
    /// Its own: the names of keys are unique only within an issuer.
    pub(crate) keys: Arc<KeySource>,
}

impl Issuer {
    /// Checks that this issuer signed the token. The algorithm must be one that the settings allow
    /// it, and one that the key is for: the token's word alone decides nothing.
    ///
    /// # Errors
    /// When it did not, or its keys cannot be had.
    pub(crate) async fn verify(&self, token: &Unverified<'_>) -> Result<(), CredentialError> {
        if !self.settings.algorithms.contains(&token.algorithm) {
            return Err(CredentialError::Algorithm);
        }
        let keys = self.keys.find(|keys| keys.named(&token.kid, token.algorithm)).await?;
        let signed = |key| {
            let key: &Arc<crate::keys::key::Key> = key;
            key.verifies(token.algorithm, token.signed, &token.signature)
        };
        if keys.iter().any(signed) { Ok(()) } else { Err(CredentialError::Signature) }
    }
}
