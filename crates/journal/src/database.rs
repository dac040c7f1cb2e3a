//! RocksDB, as a journal uses it: its options, and what its errors mean.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    ErrorKind, Options,
};

use crate::{config::FamilyOptions, error::OpenError};

/// Where RocksDB is, in the journal's directory.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join("rocksdb")
}

/// Whether there is a database.
pub(crate) fn exists(database: &Path) -> Result<bool, OpenError> {
    let current = database.join("CURRENT");
    fs::exists(&current).map_err(|source| OpenError::Io {
        action: "look for",
        path: current,
        source,
    })
}

/// Opens it for writing; families that are not there yet are made.
pub(crate) fn open(
    directory: &Path,
    options: &Options,
    families: &[FamilyOptions],
) -> Result<DB, OpenError> {
    DB::open_cf_descriptors(options, path(directory), descriptors(families))
        .map_err(|error| unreadable(directory, &error))
}

/// What an error while opening or beginning means.
pub(crate) fn unreadable(directory: &Path, error: &rocksdb::Error) -> OpenError {
    let (path, reason) = (directory.to_owned(), error.to_string());
    match error.kind() {
        ErrorKind::IOError if reason.contains("While lock file") => {
            OpenError::InUse { path, pid: None }
        }
        ErrorKind::IOError => OpenError::Storage { path, reason },
        _ => OpenError::Unreadable { path, reason },
    }
}

/// How many files are held open, of the 1,024 that a process has by default.
const OPEN_FILES_MAX: i32 = 512;
/// What is kept of tables in memory, their indexes and filters included, bytes.
const CACHE_BYTES: usize = 128 << 20;
/// What is kept in memory of what is not in tables yet, bytes.
const UNWRITTEN_BYTES_MAX: usize = 128 << 20;
/// How much log is replayed at start at most, bytes.
const LOG_BYTES_MAX: u64 = 256 << 20;

pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // Whatever is whole up to the first record that is not. The mark says whether that is enough.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // All families go into tables together. So what is left when the log is lost is the journal as
    // it was after one commit, and its number of commits says which.
    options.set_atomic_flush(true);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_db_write_buffer_size(UNWRITTEN_BYTES_MAX);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_max_background_jobs(2);
    // Tables go to the disk bit by bit, and old files are removed in the background: a commit's
    // sync does not wait for either.
    options.set_bytes_per_sync(1 << 20);
    options.set_avoid_unnecessary_blocking_io(true);
    // RocksDB's own diary.
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(8 << 20);
    options.set_stats_dump_period_sec(0);
    options
}

fn descriptors(families: &[FamilyOptions]) -> impl Iterator<Item = ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    families.iter().map(move |family| {
        let mut table = BlockBasedOptions::default();
        // One for all, so that it is a bound.
        table.set_block_cache(&cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        // Most look-ups ask whether something was never seen.
        table.set_bloom_filter(10.0, false);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(32 << 20);
        if family.is_passed_through {
            // Deleted keys are passed over one by one until they are compacted away.
            options.add_compact_on_deletion_collector_factory(4_096, 2_048, 0.5);
        }
        ColumnFamilyDescriptor::new(family.name, options)
    })
}
