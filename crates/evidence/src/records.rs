//! What is stored of pieces and disputes beside the sealed bytes, and how it is read and written.

use std::collections::BTreeMap;

use aep2_journal::{ColumnFamily, JournalError, Transaction, View};
use aep2_mandate::units::UnixTime;
use aep2_vault::RecordMeta;
use alloy_primitives::{B256, hex};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{error::EvidenceError, family::Family};

/// The most bytes of a media type.
pub const MEDIA_TYPE_BYTES_MAX: usize = 100;

/// A dispute of which a piece is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Its id.
    pub id: B256,
    /// In whose room the piece is, by ids that are opaque here: each of these has a share of all the room.
    pub shares: Vec<B256>,
    /// When it ends at the latest. Afterwards its evidence gives way to that of others, where there is no
    /// room.
    pub open_until: UnixTime,
}

/// A piece as a party signed it, before its bytes came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// keccak256 of the bytes.
    pub hash: B256,
    /// How many bytes they are.
    pub size: u64,
    /// What they are, as `text/plain`: visible ASCII, [`MEDIA_TYPE_BYTES_MAX`] bytes at most. Nothing is
    /// done by it.
    pub media_type: String,
}

/// What is known of a piece without opening it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Piece {
    /// keccak256 of the bytes.
    pub hash: B256,
    /// How many bytes they are.
    pub size: u64,
    /// What they are, as whoever handed them in first named it.
    pub media_type: String,
    /// When they came.
    pub at: UnixTime,
}

/// What is known of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct DisputeRecord {
    /// How much there is of it.
    pub(crate) usage: Usage,
    /// How long it is kept.
    pub(crate) retention: RecordMeta,
    /// When its pieces' keys were destroyed, if they were.
    pub(crate) destroyed_at: Option<UnixTime>,
    /// When it ends at the latest.
    pub(crate) open_until: UnixTime,
    /// Until when somebody wants it kept, whoever needs the room.
    pub(crate) wanted_until: UnixTime,
    /// How much of it is in each share.
    pub(crate) shares: BTreeMap<B256, Usage>,
}

impl DisputeRecord {
    /// A dispute without evidence.
    pub(crate) fn new() -> Self {
        Self {
            usage: Usage::default(),
            retention: RecordMeta { kept_until: UnixTime::MIN, legal_hold: false },
            destroyed_at: None,
            open_until: UnixTime::MIN,
            wanted_until: UnixTime::MIN,
            shares: BTreeMap::new(),
        }
    }

    /// How long it is kept where its room is needed.
    pub(crate) fn gives_way(&self) -> RecordMeta {
        RecordMeta { kept_until: self.open_until.max(self.wanted_until), ..self.retention }
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Pieces whose bytes are there.
    pub pieces: u64,
    /// Their bytes, before they are sealed.
    pub bytes: u64,
}

impl Usage {
    /// With one piece more.
    pub(crate) fn with(self, bytes: u64) -> Self {
        Self { pieces: self.pieces.saturating_add(1), bytes: self.bytes.saturating_add(bytes) }
    }

    /// Without these.
    pub(crate) fn without(self, other: Self) -> Self {
        Self {
            pieces: self.pieces.saturating_sub(other.pieces),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// A request at work.
pub(crate) type Tx<'a> = Transaction<'a, ()>;

/// Where values are read from: the disk, or the disk with changes that are not written yet.
pub(crate) trait Source {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, JournalError>;

    /// The record at a key.
    fn record<R: DeserializeOwned>(
        &self,
        family: Family,
        key: &[u8],
    ) -> Result<Option<R>, EvidenceError> {
        self.value(family, key)?.map(|value| read(family, key, &value)).transpose()
    }
}

impl Source for View<'_> {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, JournalError> {
        self.get(family, key)
    }
}

impl Source for Tx<'_> {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, JournalError> {
        self.get(family, key)
    }
}

/// What is known of a dispute.
pub(crate) fn dispute_in(on: &impl Source, dispute: B256) -> Result<DisputeRecord, EvidenceError> {
    let record = on.record(Family::Disputes, dispute.as_slice())?;
    Ok(record.unwrap_or_else(DisputeRecord::new))
}

/// Reads a record.
pub(crate) fn read<R: DeserializeOwned>(
    family: Family,
    key: &[u8],
    value: &[u8],
) -> Result<R, EvidenceError> {
    serde_json::from_slice(value).map_err(|error| damaged(family, key, error.to_string()))
}

/// Writes a record.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    family: Family,
    key: &[u8],
    record: &impl Serialize,
) -> Result<(), EvidenceError> {
    let value =
        serde_json::to_vec(record).map_err(|error| damaged(family, key, error.to_string()))?;
    tx.put(family, key.to_vec(), value);
    Ok(())
}

/// That a record is not what it should be.
pub(crate) fn damaged(family: Family, key: &[u8], reason: impl Into<String>) -> EvidenceError {
    EvidenceError::Damaged { family: family.name(), key: hex::encode(key), reason: reason.into() }
}
