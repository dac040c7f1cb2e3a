//! Rewriting a family's files, so that they do not have what was deleted or written over.
//!
//! RocksDB changes no file: a deleted value stays in the file that it was written to until that is
//! merged with newer ones, which may be never. And it stays in the log until everything that was
//! written beside it, in all families, is in tables.

use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, FlushOptions};

use crate::batch::CommitError;

/// Rewrites a family's files.
pub(crate) fn compact(db: &DB, family: &'static str) -> Result<(), CommitError> {
    let handle = db.cf_handle(family).ok_or(CommitError::Family(family))?;
    // All families go into tables together (`database::options`), so the old log is not needed any
    // more. Rewriting would do this too, but does not say when it failed.
    db.flush_cf_opt(handle, &FlushOptions::default())?;
    let mut options = CompactOptions::default();
    // The lowest level too, at once: by itself RocksDB leaves it for later.
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_exclusive_manual_compaction(true);
    db.compact_range_cf_opt(handle, None::<&[u8]>, None::<&[u8]>, &options);
    Ok(())
}
