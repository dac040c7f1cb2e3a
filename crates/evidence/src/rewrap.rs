//! Replacing the key-encryption key: every piece's key is wrapped by the newest one.

use aep2_journal::Durable;
use aep2_vault::{Context, VaultError, WrappedKey};

use crate::{
    error::EvidenceError,
    family::Family,
    room,
    store::{EvidenceStore, KIND},
};

impl EvidenceStore {
    /// Wraps the keys that an older key-encryption key wrapped by the newest one, and rewrites the files
    /// that have them. Gives how many there were. Once it is done, the older ones may be left out of the
    /// settings. They still open copies of the store that were made before.
    ///
    /// Blocks until it is done, and nothing else is written meanwhile: not for an async thread.
    ///
    /// # Errors
    /// When a key does not open, or the store fails. No key is changed then.
    pub fn rewrap(&self) -> Result<usize, EvidenceError> {
        let vault = self.inner.vault.clone();
        let writing = self.inner.journal.submit(move |tx| {
            let mut anew = 0;
            for (id, value) in tx.scan(Family::Keys, &[], None)? {
                let key = WrappedKey::from_bytes(&value).map_err(VaultError::from)?;
                if key.is_destroyed() {
                    continue;
                }
                if let Some(key) = vault.rewrap(Context { kind: KIND, id: &id }, &key)? {
                    tx.put(Family::Keys, id, key.to_bytes());
                    anew += 1;
                }
            }
            if anew > 0 {
                room::note_unerased(tx)?;
            }
            Ok::<_, EvidenceError>(anew)
        });
        let anew = writing.wait().map(Durable::into_inner)?;
        self.erase()?;
        Ok(anew)
    }
}
