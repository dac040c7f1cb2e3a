//! What is sealed in the store, and its keys, which lie apart: what is destroyed is a key.
//!
//! ```text
//! key written over, content deleted, "unerased" noted ─▶ the family of the keys compacted ─▶ note removed
//! ```
//!
//! A process that is killed before the second step leaves the note, and the next sweep does what is missing.

use aep2_journal::ColumnFamily;
use aep2_mandate::units::UnixTime;
use aep2_vault::{Context, MayDestroy, RecordMeta, Sealed, Vault, WrappedKey};

use crate::{
    error::ArbiterError,
    family::Family,
    store::{self, Source, Tx},
};

/// The key of the note that keys may be on disk which were written over.
const UNERASED: &[u8] = b"unerased";

/// Where something sealed is, and what it is sealed as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The family of its content.
    pub(crate) family: Family,
    /// What it is sealed as.
    pub(crate) kind: &'static str,
    /// Its key there.
    pub(crate) id: &'a [u8],
}

/// What there is at a place.
#[derive(Debug)]
pub(crate) enum Opened {
    /// This.
    Content(Vec<u8>),
    /// Something that was destroyed.
    Destroyed,
    /// Nothing, from the beginning.
    Nothing,
}

impl Place<'_> {
    fn context(&self) -> Context<'_> {
        Context { kind: self.kind, id: self.id }
    }

    /// Where its key is: no two families' keys are in one place.
    fn of_key(&self) -> Vec<u8> {
        [self.family.name().as_bytes(), &[0], self.id].concat()
    }

    /// Seals something for this place. Not in the journal's writer: the vault's key may be a program's.
    pub(crate) fn seal(&self, vault: &Vault, content: &[u8]) -> Result<Sealed, ArbiterError> {
        Ok(vault.seal(self.context(), content)?)
    }

    /// Writes what was sealed for this place.
    pub(crate) fn put(&self, tx: &mut Tx<'_>, sealed: Sealed) {
        tx.put(Family::Keys, self.of_key(), sealed.key.to_bytes());
        tx.put(self.family, self.id.to_vec(), sealed.ciphertext);
    }

    /// What is there, opened.
    pub(crate) fn open(&self, vault: &Vault, on: &impl Source) -> Result<Opened, ArbiterError> {
        let Some(key) = on.value(Family::Keys, &self.of_key())? else { return Ok(Opened::Nothing) };
        let key = WrappedKey::from_bytes(&key)?;
        if key.is_destroyed() {
            return Ok(Opened::Destroyed);
        }
        let Some(ciphertext) = on.value(self.family, self.id)? else { return Ok(Opened::Nothing) };
        let content = vault.open(self.context(), &Sealed { key, ciphertext })?;
        Ok(Opened::Content(content.to_vec()))
    }

    /// Destroys what is there. Until the family of the keys is compacted, its key is in files that had it.
    pub(crate) fn destroy(&self, tx: &mut Tx<'_>, allowed: MayDestroy) -> Result<(), ArbiterError> {
        tx.put(Family::Keys, self.of_key(), WrappedKey::destroyed(allowed).to_bytes());
        tx.delete(self.family, self.id.to_vec());
        let count = unerased(tx)?.unwrap_or(0);
        store::put(tx, Family::Sequences, UNERASED.to_vec(), &count.wrapping_add(1))
    }
}

/// That something may be destroyed which was to be kept until then.
pub(crate) fn allowed(kept_until: UnixTime, now: UnixTime) -> Result<MayDestroy, ArbiterError> {
    let meta = RecordMeta { kept_until, legal_hold: false };
    meta.may_destroy(now).map_err(|error| ArbiterError::Internal(error.to_string()))
}

/// The note that keys may be on disk which were written over, if that is so: another one each time.
pub(crate) fn unerased(on: &impl Source) -> Result<Option<u64>, ArbiterError> {
    on.record(Family::Sequences, UNERASED)
}

/// Removes the note, unless others were written over meanwhile.
pub(crate) fn were_erased(tx: &mut Tx<'_>, note: u64) -> Result<(), ArbiterError> {
    if unerased(tx)? == Some(note) {
        tx.delete(Family::Sequences, UNERASED.to_vec());
    }
    Ok(())
}
