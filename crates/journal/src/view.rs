//! Reading what is on disk, now or as it was at some moment.

use rocksdb::{DB, DBIterator, Direction, IteratorMode, ReadOptions, Snapshot};

use crate::{
    error::JournalError,
    family::{ColumnFamily, Own, keys},
};

/// What is on disk.
pub struct View<'a> {
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

    /// The value at a key. A family that the journal does not have yet is empty.
    ///
    /// # Errors
    /// When RocksDB cannot read.
    pub fn get(
        &self,
        family: impl ColumnFamily,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, JournalError> {
        let Some(handle) = self.db.cf_handle(family.name()) else {
            return Ok(None);
        };
        self.db
            .get_cf_opt(handle, key, &self.options())
            .map_err(|error| unread(family.name(), &error))
    }

    /// The entries from a key on, in order of their keys.
    pub fn entries(&self, family: impl ColumnFamily, from: &[u8]) -> Entries<'_> {
        let name = family.name();
        let iterator = self.db.cf_handle(name).map(|handle| {
            let mode = IteratorMode::From(from, Direction::Forward);
            self.db.iterator_cf_opt(handle, self.options(), mode)
        });
        Entries { family: name, iterator }
    }

    /// The entries whose keys begin with `prefix`, in order of their keys.
    pub fn entries_of(
        &self,
        family: impl ColumnFamily,
        prefix: Vec<u8>,
    ) -> impl Iterator<Item = Entry> + '_ {
        let entries = self.entries(family, &prefix);
        entries.take_while(move |entry| {
            entry.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
        })
    }

    /// The last key of a family.
    ///
    /// # Errors
    /// When RocksDB cannot read.
    pub fn last_key(&self, family: impl ColumnFamily) -> Result<Option<Box<[u8]>>, JournalError> {
        let name = family.name();
        let Some(handle) = self.db.cf_handle(name) else {
            return Ok(None);
        };
        let iterator = self.db.iterator_cf_opt(handle, self.options(), IteratorMode::End);
        let mut entries = Entries { family: name, iterator: Some(iterator) };
        Ok(entries.next().transpose()?.map(|(key, _)| key))
    }

    /// The number of the last commit; 0 before the first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn commits(&self) -> Result<u64, JournalError> {
        Ok(self.own(keys::COMMITS)?.map_or(0, u64::from_be_bytes))
    }

    /// The format of the keys and values; nothing before the first write.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn format(&self) -> Result<Option<u32>, JournalError> {
        Ok(self.own(keys::FORMAT)?.map(u32::from_be_bytes))
    }

    /// Whose journal it is; nothing before the first write.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn identity(&self) -> Result<Option<Vec<u8>>, JournalError> {
        self.get(Own, keys::IDENTITY)
    }

    fn own<const N: usize>(&self, key: &[u8]) -> Result<Option<[u8; N]>, JournalError> {
        let Some(bytes) = self.get(Own, key)? else {
            return Ok(None);
        };
        let bytes = <[u8; N]>::try_from(bytes).map_err(|bytes| JournalError::Damaged {
            key: String::from_utf8_lossy(key).into_owned(),
            bytes: bytes.len(),
        })?;
        Ok(Some(bytes))
    }
}

/// A key with its value.
pub type Entry = Result<(Box<[u8]>, Box<[u8]>), JournalError>;

/// Entries of a family. Ends after the first error.
pub struct Entries<'a> {
    family: &'static str,
    iterator: Option<DBIterator<'a>>,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.iterator.as_mut()?.next()?;
        if entry.is_err() {
            self.iterator = None;
        }
        Some(entry.map_err(|error| unread(self.family, &error)))
    }
}

fn unread(family: &'static str, error: &rocksdb::Error) -> JournalError {
    JournalError::Read { family, reason: error.to_string().into() }
}
