//! Destroying what must be kept no longer.
//!
//! ```text
//! keys written over, contents deleted, "unerased" noted ─▶ the family of the keys compacted ─▶ note removed
//! ```
//!
//! The first step is one write for each dispute. A process that is killed before the second leaves the
//! note, and the next call does what is missing.

use aep2_journal::Durable;
use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;

use crate::{
    error::EvidenceError,
    family::{Family, UNERASED},
    records::{self, DisputeRecord, Tx, Usage},
    room,
    store::EvidenceStore,
};

/// What was destroyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many disputes' evidence.
    pub disputes: u64,
    /// Their pieces, and the bytes of these.
    pub usage: Usage,
}

impl EvidenceStore {
    /// Destroys the evidence of all disputes that must be kept no longer by now and are under no legal
    /// hold: their pieces' keys are written over, and the files that have them are rewritten. What copies
    /// and backups of the store have is not in its power: `docs/vault.md` says what reaches them.
    ///
    /// Blocks until it is done: not for an async thread.
    ///
    /// # Errors
    /// When the store cannot be read or written. What was destroyed until then stays so; call it again for
    /// the rest.
    pub fn forget(&self) -> Result<Forgotten, EvidenceError> {
        let now = self.now();
        let mut forgotten = Forgotten::default();
        for dispute in self.due(now)? {
            let writing = self.inner.journal.submit(move |tx| destroy(tx, dispute, now));
            let usage = writing.wait().map(Durable::into_inner)?;
            // It is kept after all, if that was said meanwhile.
            let Some(usage) = usage else { continue };
            forgotten.disputes += 1;
            forgotten.usage.pieces += usage.pieces;
            forgotten.usage.bytes += usage.bytes;
        }
        self.erase()?;
        Ok(forgotten)
    }

    /// The disputes whose evidence may be destroyed.
    fn due(&self, now: UnixTime) -> Result<Vec<B256>, EvidenceError> {
        let mut due = Vec::new();
        for entry in self.view().entries(Family::Disputes, &[]) {
            let (key, value) = entry?;
            let record: DisputeRecord = records::read(Family::Disputes, &key, &value)?;
            if is_due(&record, now) {
                let dispute = B256::try_from(&*key)
                    .map_err(|_| records::damaged(Family::Disputes, &key, "it is no dispute's"))?;
                due.push(dispute);
            }
        }
        Ok(due)
    }

    /// Rewrites the files of the keys, where some were written over since that was done last.
    pub(crate) fn erase(&self) -> Result<(), EvidenceError> {
        let Some(note) = room::unerased(&self.view())? else { return Ok(()) };
        self.inner.journal.compact(Family::Keys)?;
        let writing = self.inner.journal.submit(move |tx| {
            // Others may have been written over meanwhile.
            if room::unerased(tx)? == Some(note) {
                tx.delete(Family::Whole, UNERASED.to_vec());
            }
            Ok::<_, EvidenceError>(())
        });
        writing.wait().map(Durable::into_inner)
    }
}

/// Whether a dispute's evidence may be destroyed, and there is any: one without may still get some.
fn is_due(record: &DisputeRecord, now: UnixTime) -> bool {
    record.usage.pieces > 0 && record.retention.may_destroy(now).is_ok()
}

/// Destroys a dispute's evidence. Nothing where it is to be kept.
fn destroy(tx: &mut Tx<'_>, dispute: B256, now: UnixTime) -> Result<Option<Usage>, EvidenceError> {
    let record = records::dispute_in(tx, dispute)?;
    let retention = record.retention;
    room::destroy(tx, dispute, record, (retention, now))
}

#[cfg(test)]
mod tests {
    use aep2_mandate::clock::Clock;
    use aep2_testkit::disk;
    use alloy_primitives::keccak256;

    use super::*;
    use crate::{
        config::EvidenceLimits,
        family::piece_key,
        key_file::KeyFrom,
        records::{Disputed, Named},
    };

    #[tokio::test]
    async fn killed_between_destroying_keys_and_erasing_them_it_erases_them_the_next_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let limits = EvidenceLimits::default();
        let clock = Clock::system();
        let open = |clock: &Clock| {
            EvidenceStore::open(directory.path(), KeyFrom::BesideTheStore, limits, clock.clone())
                .expect("opens")
        };
        let store = open(&clock);
        let (dispute, bytes) = (B256::repeat_byte(1), vec![5; 100]);
        let hash = keccak256(&bytes);
        let named = Named { hash, size: 100, media_type: "text/plain".to_owned() };
        let disputed = Disputed { id: dispute, shares: Vec::new(), open_until: clock.now() };
        store.put(disputed, named, bytes).await.expect("taken");
        let key = piece_key(dispute, hash);
        let wrapped = store.view().get(Family::Keys, &key).expect("reads").expect("there");
        // What nothing compresses: salt and ciphertext.
        let secret = &wrapped[wrapped.len() - 40..];

        clock.advance(i64::try_from(limits.kept_s_min).expect("fits") + 1);
        let now = store.now();
        let destroyed = store.inner.journal.submit(move |tx| destroy(tx, dispute, now));
        assert_eq!(destroyed.wait().expect("destroyed").expect("due").pieces, 1);
        // Killed here.
        drop(store);
        let files = directory.path().join("store").join("rocksdb");
        assert!(
            disk::holds(&files, secret),
            "the key was written over, and is in the old file still"
        );

        let store = open(&clock);
        assert_eq!(store.forget().expect("done"), Forgotten::default(), "nothing more is due");
        assert!(disk::lets_go(&files, secret), "the wrapped key stays");
        assert!(store.view().get(Family::Whole, UNERASED).expect("reads").is_none());
    }
}
