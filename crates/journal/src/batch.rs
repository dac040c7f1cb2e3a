//! One atomic, synced write.

use std::io;

use rocksdb::{DB, WriteBatch, WriteOptions};

/// Why a commit is not certain to be on disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("{0}")]
    RocksDb(#[from] rocksdb::Error),
    #[error("the mark of acknowledged commits: {0}")]
    Mark(io::Error),
    #[error("the column family {0:?} is missing")]
    Family(&'static str),
}

pub(crate) struct Batch<'a> {
    db: &'a DB,
    batch: WriteBatch,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(db: &'a DB) -> Self {
        Self { db, batch: WriteBatch::default() }
    }

    /// Sets a value, or removes it.
    pub(crate) fn set(
        &mut self,
        family: &'static str,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), CommitError> {
        let handle = self.db.cf_handle(family).ok_or(CommitError::Family(family))?;
        match value {
            Some(value) => self.batch.put_cf(handle, key, value),
            None => self.batch.delete_cf(handle, key),
        }
        Ok(())
    }

    /// Writes it, and returns when it is on disk.
    pub(crate) fn write(self) -> Result<(), CommitError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.db.write_opt(self.batch, &options)?)
    }
}
