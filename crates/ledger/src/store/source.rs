//! Reading what is on disk, now or as it was at some moment.

use aep2_mandate::units::AccountId;
use rocksdb::{DB, IteratorMode, ReadOptions, Snapshot};

use crate::{
    codec::{Defect, Record},
    error::LedgerError,
    records::Identity,
    schema::{Family, meta},
};

/// Where records are read from: the disk, or the disk with changes that are not written yet.
pub(crate) trait Source {
    /// The value at a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError>;

    /// The record at a key.
    fn record<R: Record>(&self, family: Family, key: &[u8]) -> Result<Option<R>, LedgerError> {
        self.get(family, key)?
            .map(|bytes| {
                R::from_bytes(&bytes).map_err(|defect| LedgerError::damaged(family, key, defect))
            })
            .transpose()
    }

    /// The record at a key that `referrer` says is there.
    fn expect<R: Record>(
        &self,
        family: Family,
        key: &[u8],
        referrer: &'static str,
    ) -> Result<R, LedgerError> {
        self.record(family, key)?
            .ok_or_else(|| LedgerError::damaged(family, key, Defect::Missing(referrer)))
    }
}

/// What is on disk.
pub(crate) struct View<'a> {
    db: &'a DB,
    snapshot: Option<Snapshot<'a>>,
}

impl<'a> View<'a> {
    /// As it is whenever it is read.
    pub(crate) fn of(db: &'a DB) -> Self {
        Self { db, snapshot: None }
    }

    /// As it is now.
    pub(crate) fn snapshot(db: &'a DB) -> Self {
        Self { db, snapshot: Some(db.snapshot()) }
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if let Some(snapshot) = &self.snapshot {
            options.set_snapshot(snapshot);
        }
        options
    }

    /// The entries from a key on, in order of their keys.
    pub(crate) fn entries(&self, family: Family, from: &[u8]) -> Entries<'_> {
        // A family that a ledger does not have yet is empty.
        let iterator = self.db.cf_handle(family.name()).map(|handle| {
            let mode = IteratorMode::From(from, rocksdb::Direction::Forward);
            self.db.iterator_cf_opt(handle, self.options(), mode)
        });
        Entries { family, iterator }
    }

    /// The entries whose keys begin with `prefix`, in order of their keys.
    pub(crate) fn entries_of(
        &self,
        family: Family,
        prefix: Vec<u8>,
    ) -> impl Iterator<Item = Entry> + '_ {
        let entries = self.entries(family, &prefix);
        entries.take_while(move |entry| {
            entry.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
        })
    }

    /// The last key of a family.
    pub(crate) fn last_key(&self, family: Family) -> Result<Option<Box<[u8]>>, LedgerError> {
        let Some(handle) = self.db.cf_handle(family.name()) else {
            return Ok(None);
        };
        let iterator = self.db.iterator_cf_opt(handle, self.options(), IteratorMode::End);
        Ok(Entries { family, iterator: Some(iterator) }.next().transpose()?.map(|(key, _)| key))
    }

    /// How many commits there were.
    pub(crate) fn commits(&self) -> Result<u64, LedgerError> {
        self.number(meta::COMMITS)
    }

    /// The last block that cannot be undone; 0 when all can.
    pub(crate) fn horizon(&self) -> Result<u64, LedgerError> {
        self.number(meta::HORIZON)
    }

    /// Whose ledger it is; nothing before the first write.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, LedgerError> {
        self.record(Family::Meta, meta::IDENTITY)
    }

    fn number(&self, key: &'static [u8]) -> Result<u64, LedgerError> {
        let Some(bytes) = self.get(Family::Meta, key)? else {
            return Ok(0);
        };
        let number = <[u8; 8]>::try_from(bytes.as_slice())
            .map_err(|_| LedgerError::damaged(Family::Meta, key, Defect::Short("number")))?;
        Ok(u64::from_be_bytes(number))
    }
}

impl Source for View<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(handle) = self.db.cf_handle(family.name()) else {
            return Ok(None);
        };
        self.db
            .get_cf_opt(handle, key, &self.options())
            .map_err(|error| LedgerError::Read { family, reason: error.to_string().into() })
    }
}

/// A key with its value.
pub(crate) type Entry = Result<(Box<[u8]>, Box<[u8]>), LedgerError>;

/// Entries of a family. Ends after the first error.
pub(crate) struct Entries<'a> {
    family: Family,
    iterator: Option<rocksdb::DBIterator<'a>>,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.iterator.as_mut()?.next()?;
        if entry.is_err() {
            self.iterator = None;
        }
        Some(entry.map_err(|error| LedgerError::Read {
            family: self.family,
            reason: error.to_string().into(),
        }))
    }
}

/// The account that a key of accounts or purses begins with.
pub(crate) fn account_of(key: &[u8]) -> Option<AccountId> {
    let (number, _) = key.split_first_chunk::<4>()?;
    AccountId::new(u32::from_be_bytes(*number)).ok()
}
