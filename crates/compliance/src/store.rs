//! Reading and writing records.

use aep2_journal::{JournalError, Transaction, View};
use alloy_primitives::hex;
use serde::{Serialize, de::DeserializeOwned};

use crate::{error::ComplianceError, family::Family, subject::Subject};

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
    ) -> Result<Option<R>, ComplianceError> {
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

/// Writes a record.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    family: Family,
    key: Vec<u8>,
    record: &impl Serialize,
) -> Result<(), ComplianceError> {
    tx.put(family, key, serde_json::to_vec(record)?);
    Ok(())
}

/// All records whose keys begin with `prefix`, in the order of their keys.
pub(crate) fn all<R: DeserializeOwned>(
    view: &View<'_>,
    family: Family,
    prefix: &[u8],
) -> Result<Vec<R>, ComplianceError> {
    view.entries_of(family, prefix.to_vec())
        .map(|entry| {
            let (key, value) = entry?;
            read(family, &key, &value)
        })
        .collect()
}

pub(crate) fn read<R: DeserializeOwned>(
    family: Family,
    key: &[u8],
    value: &[u8],
) -> Result<R, ComplianceError> {
    use aep2_journal::ColumnFamily;

    serde_json::from_slice(value).map_err(|error| ComplianceError::Damaged {
        family: family.name(),
        key: hex::encode(key),
        reason: error.to_string(),
    })
}

/// A subject's key.
pub(crate) fn subject_key(subject: &Subject) -> Vec<u8> {
    subject.to_string().into_bytes()
}
