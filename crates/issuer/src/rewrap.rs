//! Changing the key-encryption key: every key in the store is wrapped by the newest.

use aep2_audit_log::Name;
use aep2_vault::{Context, Sealed};
use alloy_primitives::hex;
use serde_json::json;

use crate::{
    audit::{self, Actor},
    error::IssuerError,
    family::Family,
    issuer::{Issuer, KEY_KIND, ROOT_CONTEXT, ROOT_KEY},
    records::WalletRecord,
    store::{self, Source, put},
};

const STORE: Name = Name::constant("store");
const REWRAPPED: Name = Name::constant("store.rewrapped");

impl Issuer {
    /// Wraps the keys that an older key-encryption key wrapped by the newest one. Gives how many there
    /// were. Once it is done, the older ones may be left out of the settings. They still open copies of
    /// the store that were made before.
    ///
    /// # Errors
    /// When a key does not open, or the store fails. Nothing is changed then.
    pub async fn rewrap(&self) -> Result<usize, IssuerError> {
        let (vault, now) = (self.vault().clone(), self.now());
        self.write(move |tx| {
            let mut anew = 0;
            for (key, value) in tx.scan(Family::Wallets, &[], None)? {
                let mut wallet: WalletRecord = store::read(&key, &value)?;
                let context = wallet.key_context();
                let context = Context { kind: KEY_KIND, id: &context };
                let mut sealed = wallet.sealed()?;
                if let Some(wrapped) = vault.rewrap(context, &sealed.key)? {
                    sealed.key = wrapped;
                    wallet.sealed_key = hex::encode(sealed.to_bytes());
                    put(tx, key, &wallet)?;
                    anew += 1;
                }
            }
            if let Some(root) = tx.value(Family::Keys, ROOT_KEY)? {
                let mut root = Sealed::from_bytes(&root).map_err(aep2_vault::VaultError::from)?;
                if let Some(wrapped) = vault.rewrap(ROOT_CONTEXT, &root.key)? {
                    root.key = wrapped;
                    tx.put(Family::Keys, ROOT_KEY.to_vec(), root.to_bytes());
                    anew += 1;
                }
            }
            let details = json!({ "keys": anew, "kek": vault.newest().to_string() });
            audit::note(tx, now, &Actor::Operator, REWRAPPED, (STORE, "keys"), details)?;
            Ok(anew)
        })
        .await
    }
}
