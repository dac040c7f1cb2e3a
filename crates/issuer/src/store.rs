//! Reading and writing records.

use aep2_journal::{ColumnFamily, JournalError, Transaction, View};
use alloy_primitives::hex;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::IssuerError,
    family::Family,
    records::{
        ApprovalRecord, BudgetRecord, CardRecord, HostRecord, OwnerRecord, PaymentRecord,
        WalletRecord,
    },
};

/// A request at work.
pub(crate) type Tx<'a> = Transaction<'a, ()>;

/// Something that is kept as JSON.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Where.
    const FAMILY: Family;
}

macro_rules! records {
    ($($record:ty => $family:ident),+ $(,)?) => {
        $(impl Record for $record { const FAMILY: Family = Family::$family; })+
    };
}

records! {
    OwnerRecord => Owners,
    WalletRecord => Wallets,
    CardRecord => Cards,
    BudgetRecord => Budgets,
    PaymentRecord => Payments,
    ApprovalRecord => Approvals,
    HostRecord => Hosts,
}

/// Where values are read from: the disk, or the disk with changes that are not written yet.
pub(crate) trait Source {
    fn value(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, JournalError>;

    /// The record at a key.
    fn record<R: Record>(&self, key: &[u8]) -> Result<Option<R>, IssuerError> {
        self.value(R::FAMILY, key)?.map(|value| read(key, &value)).transpose()
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
pub(crate) fn put<R: Record>(tx: &mut Tx<'_>, key: Vec<u8>, record: &R) -> Result<(), IssuerError> {
    let value = serde_json::to_vec(record);
    let value = value.map_err(|error| IssuerError::Internal(error.to_string()))?;
    tx.put(R::FAMILY, key, value);
    Ok(())
}

/// All records whose keys begin with `prefix`, in the order of their keys.
pub(crate) fn all<R: Record>(view: &View<'_>, prefix: &[u8]) -> Result<Vec<R>, IssuerError> {
    let entries = view.entries_of(R::FAMILY, prefix.to_vec());
    entries
        .map(|entry| {
            let (key, value) = entry?;
            read(&key, &value)
        })
        .collect()
}

pub(crate) fn read<R: Record>(key: &[u8], value: &[u8]) -> Result<R, IssuerError> {
    serde_json::from_slice(value).map_err(|error| IssuerError::Damaged {
        family: R::FAMILY.name(),
        key: hex::encode(key),
        reason: error.to_string(),
    })
}

/// A key of several parts.
pub(crate) fn key(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A record that another says is there.
pub(crate) fn expect<R: Record>(
    on: &impl Source,
    key: &[u8],
    whose: &str,
) -> Result<R, IssuerError> {
    let missing =
        || IssuerError::Internal(format!("{whose} record {} is missing", hex::encode(key)));
    on.record(key)?.ok_or_else(missing)
}

/// The next number of a sequence, which is taken with this.
pub(crate) fn next(tx: &mut Tx<'_>, sequence: &[u8; 16]) -> Result<u64, IssuerError> {
    let damaged =
        || IssuerError::Internal(format!("the sequence {} is damaged", hex::encode(sequence)));
    let number = match tx.value(Family::Sequences, sequence)? {
        None => 0,
        Some(value) => u64::from_be_bytes(<[u8; 8]>::try_from(value).map_err(|_| damaged())?),
    };
    set_sequence(tx, sequence, number.checked_add(1).ok_or_else(damaged)?);
    Ok(number)
}

/// Lets a sequence go on with `number`.
pub(crate) fn set_sequence(tx: &mut Tx<'_>, sequence: &[u8; 16], number: u64) {
    tx.put(Family::Sequences, sequence.to_vec(), number.to_be_bytes().to_vec());
}
