//! The store as others use it: taking pieces, giving them, how long they are kept.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc};

use aep2_journal::{Backup, BackupError, Backups, Durable, Journal, JournalConfig, View};
use aep2_mandate::{clock::Clock, units::UnixTime};
use aep2_vault::{Context, KekId, RecordMeta, Sealed, Vault, VaultError, WrappedKey};
use alloy_primitives::{B256, keccak256};

use crate::{
    config::EvidenceLimits,
    error::EvidenceError,
    family::{Family, USAGE, last_in, piece_key},
    key_file::KeyFrom,
    migrating::MIGRATIONS,
    records::{
        self, DisputeRecord, Disputed, MEDIA_TYPE_BYTES_MAX, Named, Piece, Source, Tx, Usage,
    },
    room,
};

/// The format of all keys and values.
const FORMAT: u32 = 3;
/// Whose journal it is.
const IDENTITY: &[u8] = b"aep2-evidence";
/// What pieces are sealed as. Their id is their key in the store: the dispute, then the hash.
pub(crate) const KIND: &str = "aep2-evidence/piece";
/// How many pieces may wait for the disk: each holds its bytes in memory.
const WAITING_MAX: usize = 64;

/// A store of evidence. Clones are the same one. Methods that are not `async` read the disk.
#[derive(Clone)]
pub struct EvidenceStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) journal: Journal<()>,
    pub(crate) vault: Vault,
    limits: EvidenceLimits,
    clock: Clock,
}

impl fmt::Debug for EvidenceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceStore").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

impl EvidenceStore {
    /// Opens the store in a directory, or begins one there. In it are `store/`, and the key file where
    /// that is beside it.
    ///
    /// # Errors
    /// When it cannot be opened, another process has it, there is no key, or a piece in it was sealed with
    /// a key-encryption key that is not among those given.
    pub fn open(
        directory: &Path,
        key: KeyFrom,
        limits: EvidenceLimits,
        clock: Clock,
    ) -> Result<Self, EvidenceError> {
        let mut config = JournalConfig::new(Family::ALL, FORMAT, IDENTITY.to_vec());
        config.thread_name = "evidence-writer";
        config.waiting_max = WAITING_MAX;
        config.migrations = &MIGRATIONS;
        let store = directory.join("store");
        let journal = Journal::open(&store, config, |_| Ok::<_, EvidenceError>(()))?;
        let is_empty = living_keys(&journal.view()).next().transpose()?.is_none();
        let vault = key.open(directory, is_empty)?;
        check_keys(&journal.view(), &vault)?;
        Ok(Self { inner: Arc::new(Inner { journal, vault, limits, clock }) })
    }

    /// Takes a piece's bytes, when they are those that were named. The same piece again changes nothing,
    /// and answers what is known of it: the media type is the one that came
    /// first.
    ///
    /// Seals on the caller's thread, which takes milliseconds for a large piece.
    ///
    /// # Errors
    /// When the bytes are others, too many or none, the media type is none, the dispute, one of its shares
    /// or the store is full, or the dispute's evidence was destroyed already; and when it cannot be sealed
    /// or written.
    pub async fn put(
        &self,
        dispute: Disputed,
        named: Named,
        bytes: Vec<u8>,
    ) -> Result<Piece, EvidenceError> {
        let Inner { vault, limits, .. } = &*self.inner;
        check(&named, &bytes, limits)?;
        let key = piece_key(dispute.id, named.hash);
        let is_known = self.view().get(Family::Pieces, &key)?.is_some();
        // Not sealed again, for whoever sends the same bytes over and over.
        let sealed = match is_known {
            true => None,
            false => Some(vault.seal(Context { kind: KIND, id: &key }, &bytes)?),
        };
        drop(bytes);
        let (now, limits) = (self.inner.clock.now(), *limits);
        self.write(move |tx| put_in(tx, dispute, named, sealed, (now, &limits))).await
    }

    /// A piece, opened; and what is known of it. The bytes are those of the hash.
    ///
    /// # Errors
    /// When there is none, it was destroyed, or it does not open.
    pub fn get(&self, dispute: B256, hash: B256) -> Result<(Piece, Vec<u8>), EvidenceError> {
        let view = self.inner.journal.snapshot();
        let key = piece_key(dispute, hash);
        if let Some(at) = records::dispute_in(&view, dispute)?.destroyed_at {
            return Err(EvidenceError::Destroyed { dispute, at });
        }
        let unknown = || EvidenceError::Unknown { dispute, hash };
        let piece: Piece = view.record(Family::Pieces, &key)?.ok_or_else(unknown)?;
        let wrapped = view.get(Family::Keys, &key)?.ok_or_else(unknown)?;
        let wrapped = WrappedKey::from_bytes(&wrapped).map_err(VaultError::from)?;
        let ciphertext = view.get(Family::Contents, &key)?.ok_or_else(unknown)?;
        let sealed = Sealed { key: wrapped, ciphertext };
        let opened = self.inner.vault.open(Context { kind: KIND, id: &key }, &sealed)?;
        if keccak256(&*opened) != hash {
            return Err(records::damaged(Family::Contents, &key, "its bytes have another hash"));
        }
        Ok((piece, opened.to_vec()))
    }

    /// Whether a piece's bytes are here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has(&self, dispute: B256, hash: B256) -> Result<bool, EvidenceError> {
        let view = self.inner.journal.snapshot();
        let is_living = records::dispute_in(&view, dispute)?.destroyed_at.is_none();
        Ok(is_living && view.get(Family::Pieces, &piece_key(dispute, hash))?.is_some())
    }

    /// What is known of a dispute's pieces, by ascending hash: those whose bytes are here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, dispute: B256) -> Result<Vec<Piece>, EvidenceError> {
        let view = self.inner.journal.snapshot();
        if records::dispute_in(&view, dispute)?.destroyed_at.is_some() {
            return Ok(Vec::new());
        }
        let pieces = view.entries_of(Family::Pieces, dispute.to_vec());
        pieces
            .map(|entry| {
                let (key, value) = entry?;
                records::read(Family::Pieces, &key, &value)
            })
            .collect()
    }

    /// How much there is in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn usage(&self) -> Result<Usage, EvidenceError> {
        Ok(self.view().record(Family::Whole, USAGE)?.unwrap_or_default())
    }

    /// How long a dispute's evidence is kept, and whether it is under a legal hold.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn retention(&self, dispute: B256) -> Result<RecordMeta, EvidenceError> {
        Ok(records::dispute_in(&self.view(), dispute)?.retention)
    }

    /// Has a dispute's evidence kept until this time at least. It never shortens.
    ///
    /// # Errors
    /// When it was destroyed already, or the store cannot be written.
    pub async fn keep_until(
        &self,
        dispute: B256,
        until: UnixTime,
    ) -> Result<RecordMeta, EvidenceError> {
        self.change(dispute, move |record| {
            record.retention = record.retention.kept_until_at_least(until);
            record.wanted_until = record.wanted_until.max(until);
        })
        .await
    }

    /// Has a dispute's evidence kept whatever its age, or no longer.
    ///
    /// # Errors
    /// When it was destroyed already, or the store cannot be written.
    pub async fn set_legal_hold(
        &self,
        dispute: B256,
        on: bool,
    ) -> Result<RecordMeta, EvidenceError> {
        self.change(dispute, move |record| record.retention.legal_hold = on).await
    }

    async fn change(
        &self,
        dispute: B256,
        change: impl FnOnce(&mut DisputeRecord) + Send + 'static,
    ) -> Result<RecordMeta, EvidenceError> {
        self.write(move |tx| {
            let mut record = living_dispute(tx, dispute)?;
            change(&mut record);
            records::put(tx, Family::Disputes, dispute.as_slice(), &record)?;
            Ok(record.retention)
        })
        .await
    }

    /// Copies the store to a folder of copies, sealed as it is. The key that opens it is not in it. Blocks for as long
    /// as files are copied.
    ///
    /// # Errors
    /// When files cannot be read or written. Then there is no copy.
    pub fn back_up(&self, to: &mut Backups) -> Result<Backup, BackupError> {
        self.inner.journal.back_up(to)
    }

    /// What time it is.
    pub(crate) fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    pub(crate) fn view(&self) -> View<'_> {
        self.inner.journal.view()
    }

    /// A change, once it is on disk.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, EvidenceError> + Send + 'static,
    ) -> Result<T, EvidenceError> {
        self.inner.journal.submit(change).await.map(Durable::into_inner)
    }
}

/// Whether the bytes are those that were named, and may be kept. The cheap checks come first.
fn check(named: &Named, bytes: &[u8], limits: &EvidenceLimits) -> Result<(), EvidenceError> {
    let size = bytes.len() as u64;
    if size > limits.piece_bytes_max {
        return Err(EvidenceError::TooLarge { size, most: limits.piece_bytes_max });
    }
    if size == 0 {
        return Err(EvidenceError::Empty);
    }
    let text = named.media_type.as_bytes();
    let is_text = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if !(1..=MEDIA_TYPE_BYTES_MAX).contains(&text.len()) || !is_text {
        return Err(EvidenceError::MediaType { most: MEDIA_TYPE_BYTES_MAX });
    }
    if size != named.size {
        return Err(EvidenceError::OtherSize { expected: named.size, size });
    }
    let found = keccak256(bytes);
    if found != named.hash {
        return Err(EvidenceError::OtherBytes { expected: named.hash, found });
    }
    Ok(())
}

/// Stores a piece, sealed unless it was known.
fn put_in(
    tx: &mut Tx<'_>,
    dispute: Disputed,
    named: Named,
    sealed: Option<Sealed>,
    (now, limits): (UnixTime, &EvidenceLimits),
) -> Result<Piece, EvidenceError> {
    let mut record = living_dispute(tx, dispute.id)?;
    let key = piece_key(dispute.id, named.hash);
    // Whoever sends the same again has nothing kept any longer.
    if let Some(piece) = tx.record::<Piece>(Family::Pieces, &key)? {
        return Ok(piece);
    }
    let kept_until = now.checked_add(limits.kept_s_min).unwrap_or(UnixTime::MAX);
    record.retention = record.retention.kept_until_at_least(kept_until);
    // Pieces go only with their dispute's record, which was living just now.
    let sealed = sealed.ok_or_else(|| records::damaged(Family::Pieces, &key, "it disappeared"))?;
    if record.usage.pieces >= u64::from(limits.dispute_pieces_max) {
        return Err(EvidenceError::DisputeFull { most: limits.dispute_pieces_max });
    }
    room::take(tx, &dispute, &mut record, (named.size, now, limits))?;
    let Named { hash, size, media_type } = named;
    let piece = Piece { hash, size, media_type, at: now };
    records::put(tx, Family::Disputes, dispute.id.as_slice(), &record)?;
    records::put(tx, Family::Pieces, &key, &piece)?;
    tx.put(Family::Keys, key.clone(), sealed.key.to_bytes());
    tx.put(Family::Contents, key, sealed.ciphertext);
    Ok(piece)
}

/// The same, of one whose evidence was not destroyed.
fn living_dispute(on: &impl Source, dispute: B256) -> Result<DisputeRecord, EvidenceError> {
    let record = records::dispute_in(on, dispute)?;
    match record.destroyed_at {
        Some(at) => Err(EvidenceError::Destroyed { dispute, at }),
        None => Ok(record),
    }
}

/// The wrapped keys that were not destroyed, with their places.
fn living_keys(
    view: &View<'_>,
) -> impl Iterator<Item = Result<(Box<[u8]>, WrappedKey), EvidenceError>> {
    let entries = view.entries(Family::Keys, &[]).map(|entry| {
        let (key, value) = entry?;
        let wrapped = WrappedKey::from_bytes(&value).map_err(VaultError::from)?;
        match last_in(&key) {
            Some(_) => Ok((key, wrapped)),
            None => Err(records::damaged(Family::Keys, &key, "it is no piece's")),
        }
    });
    entries.filter(|entry| !entry.as_ref().is_ok_and(|(_, key)| key.is_destroyed()))
}

/// Whether the vault opens what is there: one key of each key-encryption key is tried. That keys were
/// altered one by one is told when they are used.
fn check_keys(view: &View<'_>, vault: &Vault) -> Result<(), EvidenceError> {
    let mut tried = BTreeSet::<KekId>::new();
    for entry in living_keys(view) {
        let (id, wrapped) = entry?;
        if tried.insert(wrapped.kek()) {
            let opened = vault.rewrap(Context { kind: KIND, id: &id }, &wrapped);
            opened.map_err(|source| EvidenceError::WrongKey { source })?;
        }
    }
    Ok(())
}
