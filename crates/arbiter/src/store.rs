//! Reading and writing records.

use aep2_journal::{ColumnFamily, JournalError, Transaction, View};
use alloy_primitives::hex;
use serde::{Serialize, de::DeserializeOwned};

use crate::{error::ArbiterError, family::Family};

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
    ) -> Result<Option<R>, ArbiterError> {
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
) -> Result<(), ArbiterError> {
    tx.put(family, key, serde_json::to_vec(record)?);
    Ok(())
}

pub(crate) fn read<R: DeserializeOwned>(
    family: Family,
    key: &[u8],
    value: &[u8],
) -> Result<R, ArbiterError> {
    serde_json::from_slice(value).map_err(|error| ArbiterError::Damaged {
        family: family.name(),
        key: hex::encode(key),
        reason: error.to_string(),
    })
}

/// The key of what belongs to a number.
pub(crate) fn of_number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The key of what belongs to a time and a number: in order of the times.
pub(crate) fn of_time(time: u64, number: u64) -> Vec<u8> {
    [time.to_be_bytes(), number.to_be_bytes()].concat()
}
