//! A store in a folder, and pieces for it.

use std::path::Path;

use aep2_evidence::{
    Disputed, EvidenceError, EvidenceLimits, EvidenceStore, KeyFrom, Named, Piece,
};
use aep2_journal::{ColumnFamily, Journal, JournalConfig, OpenError};
use aep2_mandate::{clock::Clock, units::UnixTime};
use alloy_primitives::{B256, keccak256};
use tempfile::TempDir;

/// Small, so that they are reached.
pub(crate) const LIMITS: EvidenceLimits = EvidenceLimits {
    piece_bytes_max: 1_000,
    dispute_pieces_max: 3,
    bytes_max: 3_500,
    share_bytes_max: 3_000,
    dispute_bytes_min: 200,
    kept_s_min: 1_000,
};

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: EvidenceStore,
}

impl World {
    pub(crate) fn begin() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::system();
        let store = open(directory.path(), KeyFrom::BesideTheStore, &clock).expect("opens");
        Self { directory, clock, store }
    }

    /// The same after its process ended and was started again.
    pub(crate) fn again(self) -> Self {
        let Self { directory, clock, store } = self;
        drop(store);
        let store = open(directory.path(), KeyFrom::BesideTheStore, &clock).expect("opens");
        Self { directory, clock, store }
    }

    pub(crate) async fn put(&self, dispute: u8, bytes: &[u8]) -> Result<Piece, EvidenceError> {
        self.put_named(dispute, named(bytes), bytes).await
    }

    pub(crate) async fn put_named(
        &self,
        dispute: u8,
        named: Named,
        bytes: &[u8],
    ) -> Result<Piece, EvidenceError> {
        self.store.put(self.disputed(dispute), named, bytes.to_vec()).await
    }

    /// A dispute with a share of its own, which ends in 500 seconds.
    pub(crate) fn disputed(&self, dispute: u8) -> Disputed {
        let open_until = UnixTime::new(self.clock.now().get() + 500).expect("in range");
        Disputed { id: dispute_id(dispute), shares: vec![dispute_id(dispute)], open_until }
    }

    /// A piece of a dispute, in the room of somebody.
    pub(crate) async fn put_by(
        &self,
        dispute: u8,
        by: u8,
        bytes: &[u8],
    ) -> Result<Piece, EvidenceError> {
        let disputed = Disputed { shares: vec![dispute_id(by)], ..self.disputed(dispute) };
        self.store.put(disputed, named(bytes), bytes.to_vec()).await
    }

    pub(crate) fn get(&self, dispute: u8, bytes: &[u8]) -> Result<Vec<u8>, EvidenceError> {
        self.store.get(dispute_id(dispute), keccak256(bytes)).map(|(_, bytes)| bytes)
    }
}

pub(crate) fn open(
    directory: &Path,
    key: KeyFrom,
    clock: &Clock,
) -> Result<EvidenceStore, EvidenceError> {
    EvidenceStore::open(directory, key, LIMITS, clock.clone())
}

pub(crate) fn dispute_id(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

pub(crate) fn named(bytes: &[u8]) -> Named {
    Named {
        hash: keccak256(bytes),
        size: bytes.len() as u64,
        media_type: "text/plain; charset=utf-8".to_owned(),
    }
}

/// A column family, by its name.
#[derive(Clone, Copy)]
pub(crate) struct Family(pub(crate) &'static str);

impl ColumnFamily for Family {
    fn name(self) -> &'static str {
        self.0
    }
}

/// The records of the store in a directory, for whoever writes them without it.
pub(crate) fn raw(directory: &Path) -> Journal<()> {
    let names = ["keys", "contents", "pieces", "disputes", "whole", "shares", "ends", "share_ends"];
    let config = JournalConfig::new(names.map(Family), 3, b"aep2-evidence".to_vec());
    Journal::open(&directory.join("store"), config, |_| Ok::<_, OpenError>(())).expect("opens")
}
