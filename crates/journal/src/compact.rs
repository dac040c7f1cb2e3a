//! Rewriting a family's files, so that they do not have what was deleted or written over.
//!
//! RocksDB changes no file: a deleted value stays in the file that it was written to until that is
//! merged with newer ones, which may be never. And it stays in the log until everything that was
//! written beside it, in all families, is in tables.

use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, FlushOptions};

use crate::batch::CommitError;

/// Rewrites a family's files. `families` are all that are written.
pub(crate) fn compact(
    db: &DB,
    families: &[&'static str],
    family: &'static str,
) -> Result<(), CommitError> {
    let handle = |name| db.cf_handle(name).ok_or(CommitError::Family(name));
    let all = families.iter().map(|name| handle(name)).collect::<Result<Vec<_>, _>>()?;
    // Begins a new log, and leaves nothing in the old ones that is needed.
    db.flush_cfs_opt(&all.iter().collect::<Vec<_>>(), &FlushOptions::default())?;
    let mut options = CompactOptions::default();
    // The lowest level too, which otherwise is left as it is.
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_exclusive_manual_compaction(true);
    db.compact_range_cf_opt(handle(family)?, None::<&[u8]>, None::<&[u8]>, &options);
    Ok(())
}
