//! The ledger on disk: a directory with
//!
//! | | |
//! | --- | --- |
//! | `rocksdb/` | RocksDB |
//! | `owner.lock` | locked by the process that has the ledger open, and its number |
//! | `acknowledged` | a mark behind the last commit that was acknowledged, see [`Mark`] |
//!
//! RocksDB's log is replayed up to the first record that is not whole. After a crash that is the
//! record that was being written. After damage it could be one that was acknowledged, and RocksDB
//! cannot tell them apart: it drops what follows, and says nothing. The mark tells them apart.
//! So a ledger is first opened for reading, which changes nothing, compared with its mark, and only
//! then opened for writing.

mod mark;
mod migrate;
mod owner;
mod source;

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    Options, WriteBatch, WriteOptions,
};

pub(crate) use self::{
    mark::Mark,
    owner::OwnerLock,
    source::{Source, View, account_of},
};
use crate::{
    codec::{Defect, Record},
    error::{LedgerError, OpenError},
    records::Identity,
    schema::{Family, SCHEMA_VERSION, meta},
};

/// Where RocksDB is, in the ledger's directory.
pub(crate) fn database_path(directory: &Path) -> PathBuf {
    directory.join("rocksdb")
}

/// An open ledger, for writing.
#[derive(Debug)]
pub(crate) struct Store {
    // Dropped in this order: the lock goes last.
    db: DB,
    mark: Mark,
    _owner: OwnerLock,
}

impl Store {
    /// Opens the ledger in `directory`, or begins one there.
    pub(crate) fn open(directory: &Path, identity: Identity) -> Result<Self, OpenError> {
        let io_error =
            |action| move |source| OpenError::Io { action, path: directory.to_owned(), source };
        let is_new = !fs::exists(directory).unwrap_or(false);
        fs::create_dir_all(directory).map_err(io_error("create the directory"))?;
        let owner = OwnerLock::take(directory)?;
        let path = database_path(directory);
        if exists(&path)? {
            // Read before anything is written: the log's tail is cut off by opening for writing.
            let acknowledged = Mark::read(directory)?;
            let reader = ReadOnly::open(directory, Beside::Nobody)?;
            reader.check_identity(directory, identity)?;
            reader.check_commits(directory, acknowledged)?;
        }
        let db = DB::open_cf_descriptors(&database_options(), &path, families())
            .map_err(|error| unreadable(directory, &error))?;
        let found = schema_version(&db)?;
        match found {
            None => begin(&db, identity).map_err(|error| unreadable(directory, &error))?,
            Some(found) => {
                migrate::migrate(&db, directory, found, SCHEMA_VERSION, migrate::MIGRATIONS)?
            }
        }
        let commits = View::of(&db).commits()?;
        let mark = Mark::open(directory, commits)?;
        sync_directory(directory)?;
        if is_new {
            let whole = directory.canonicalize().map_err(io_error("find"))?;
            whole.parent().map_or(Ok(()), sync_directory)?;
        }
        Ok(Self { db, mark, _owner: owner })
    }

    /// What is on disk.
    pub(crate) fn view(&self) -> View<'_> {
        View::of(&self.db)
    }

    /// What is on disk at this moment, whatever is written afterwards.
    pub(crate) fn snapshot(&self) -> View<'_> {
        View::snapshot(&self.db)
    }

    /// Writes the changes at once, and returns when they are on disk. `commit` counts the commits.
    pub(crate) fn write<'a>(
        &self,
        commit: u64,
        changes: impl Iterator<Item = (Family, &'a [u8], Option<&'a [u8]>)>,
    ) -> Result<(), CommitError> {
        let mut batch = WriteBatch::default();
        for (family, key, value) in changes {
            put(&self.db, &mut batch, family, key, value)?;
        }
        put(&self.db, &mut batch, Family::Meta, meta::COMMITS, Some(&commit.to_be_bytes()))?;
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(batch, &options).map_err(CommitError::RocksDb)?;
        self.mark.set(commit).map_err(CommitError::Mark)
    }
}

/// Why a commit is not certain to be on disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("{0}")]
    RocksDb(rocksdb::Error),
    #[error("the mark of acknowledged commits: {0}")]
    Mark(io::Error),
    #[error("the column family {0:?} is missing")]
    Family(&'static str),
}

fn put(
    db: &DB,
    batch: &mut WriteBatch,
    family: Family,
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<(), CommitError> {
    let handle = db.cf_handle(family.name()).ok_or(CommitError::Family(family.name()))?;
    match value {
        Some(value) => batch.put_cf(handle, key, value),
        None => batch.delete_cf(handle, key),
    }
    Ok(())
}

/// How often a ledger that is written meanwhile is tried to be opened for reading.
const ATTEMPTS: u32 = 20;
/// What RocksDB says of a file that is gone.
const NO_SUCH_FILE: &str = "No such file or directory";

/// A ledger opened to be looked at. Changes nothing, and does not wait for whoever writes it.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    db: DB,
}

/// Whether somebody may write a ledger while it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Nobody: the looker has the lock.
    Nobody,
    /// Another process, or this one.
    Writer,
}

impl ReadOnly {
    /// Opens the ledger in `directory`.
    pub(crate) fn open(directory: &Path, beside: Beside) -> Result<Self, OpenError> {
        let path = database_path(directory);
        if !exists(&path)? {
            return Err(OpenError::NotABook { path: directory.to_owned() });
        }
        let mut attempt = 1;
        let db = loop {
            match Self::open_database(&path, beside) {
                Ok(db) => break db,
                // Whoever has it open for writing may have replaced a file just then.
                Err(error) if attempt < ATTEMPTS && error.to_string().contains(NO_SUCH_FILE) => {
                    attempt += 1;
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(unreadable(directory, &error)),
            }
        };
        if let Some(found) = schema_version(&db)?
            && found > SCHEMA_VERSION
        {
            return Err(OpenError::NewerFormat {
                path: directory.to_owned(),
                found,
                known: SCHEMA_VERSION,
            });
        }
        Ok(Self { db })
    }

    fn open_database(path: &Path, beside: Beside) -> Result<DB, rocksdb::Error> {
        let mut options = database_options();
        if beside == Beside::Writer {
            // All files are opened now, so that none can be deleted before it is read.
            options.set_max_open_files(-1);
        }
        // All families that are there: a newer release may have more of them.
        let names = DB::list_cf(&options, path)?;
        DB::open_cf_for_read_only(&options, path, names, false)
    }

    /// What is on disk.
    pub(crate) fn view(&self) -> View<'_> {
        View::of(&self.db)
    }

    /// Checks whose ledger it is. One whose first write was cut off is anybody's.
    fn check_identity(&self, directory: &Path, expected: Identity) -> Result<(), OpenError> {
        match self.view().identity()? {
            Some(found) if found != expected => {
                Err(OpenError::OtherBook { path: directory.to_owned(), found, expected })
            }
            _ => Ok(()),
        }
    }

    /// Checks that every acknowledged commit is there.
    pub(crate) fn check_commits(
        &self,
        directory: &Path,
        acknowledged: u64,
    ) -> Result<(), OpenError> {
        let found = self.view().commits()?;
        if found < acknowledged {
            return Err(OpenError::Truncated { path: directory.to_owned(), found, acknowledged });
        }
        Ok(())
    }
}

fn exists(database: &Path) -> Result<bool, OpenError> {
    let current = database.join("CURRENT");
    fs::exists(&current).map_err(|source| OpenError::Io {
        action: "look for",
        path: current,
        source,
    })
}

fn schema_version(db: &DB) -> Result<Option<u32>, LedgerError> {
    if db.cf_handle(Family::Meta.name()).is_none() {
        return Ok(None);
    }
    let Some(bytes) = View::of(db).get(Family::Meta, meta::SCHEMA)? else {
        return Ok(None);
    };
    let version = <[u8; 4]>::try_from(bytes.as_slice())
        .map_err(|_| LedgerError::damaged(Family::Meta, meta::SCHEMA, Defect::Short("version")))?;
    Ok(Some(u32::from_be_bytes(version)))
}

/// Writes what a ledger begins with.
fn begin(db: &DB, identity: Identity) -> Result<(), rocksdb::Error> {
    let mut batch = WriteBatch::default();
    if let Some(handle) = db.cf_handle(Family::Meta.name()) {
        batch.put_cf(handle, meta::SCHEMA, SCHEMA_VERSION.to_be_bytes());
        batch.put_cf(handle, meta::IDENTITY, identity.to_bytes());
    }
    let mut options = WriteOptions::default();
    options.set_sync(true);
    db.write_opt(batch, &options)
}

fn unreadable(directory: &Path, error: &rocksdb::Error) -> OpenError {
    match error.kind() {
        rocksdb::ErrorKind::IOError if error.to_string().contains("While lock file") => {
            OpenError::InUse { path: directory.to_owned(), pid: None }
        }
        rocksdb::ErrorKind::IOError => {
            OpenError::Storage { path: directory.to_owned(), reason: error.to_string() }
        }
        _ => OpenError::Unreadable { path: directory.to_owned(), reason: error.to_string() },
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

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // Whatever is whole up to the first record that is not. The mark says whether that is enough.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // All families go into tables together. So what is left when the log is lost is the ledger as it
    // was after one commit, and its number of commits says which.
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

fn families() -> impl Iterator<Item = ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    Family::ALL.into_iter().map(move |family| {
        let mut table = BlockBasedOptions::default();
        // One for all, so that it is a bound.
        table.set_block_cache(&cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        // Most look-ups ask whether something was never seen: a nonce, a mandate.
        table.set_bloom_filter(10.0, false);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(32 << 20);
        if family.is_passed_through() {
            // Deleted keys are passed over one by one until they are compacted away.
            options.add_compact_on_deletion_collector_factory(4_096, 2_048, 0.5);
        }
        ColumnFamilyDescriptor::new(family.name(), options)
    })
}

/// Has the names in a directory survive a power failure.
fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let synced = fs::File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|source| OpenError::Io { action: "sync", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rocksdb::statistics::Ticker;

    use super::*;

    #[test]
    fn no_commit_returns_before_its_log_is_synced() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut options = database_options();
        options.enable_statistics();
        let store = store_in(directory.path(), &options);
        for commit in 1..=5u64 {
            let before = options.get_ticker_count(Ticker::WalFileSynced);
            let change = (Family::Receipts, &b"key"[..], Some(&b"value"[..]));
            store.write(commit, [change].into_iter()).expect("writes");
            let syncs = options.get_ticker_count(Ticker::WalFileSynced) - before;
            assert_eq!(syncs, 1, "of commit {commit}");
            assert_eq!(Mark::read(directory.path()).expect("reads"), commit);
        }
    }

    /// One family's tables would be ahead of another's otherwise, and with the log gone nobody could
    /// tell.
    #[test]
    fn what_is_in_tables_is_of_one_commit_in_all_families() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = database_path(directory.path());
        let store = store_in(directory.path(), &database_options());
        // One family gets full, and goes into tables; others have little.
        let large = vec![0xa5; 1 << 20];
        for commit in 1..=40u64 {
            let key = commit.to_be_bytes();
            let changes = [
                (Family::Receipts, &key[..], Some(&large[..])),
                (Family::Captures, &key[..], Some(&[])),
            ];
            store.write(commit, changes.into_iter()).expect("writes");
        }
        let files = |extension: &'static str| {
            let entries = fs::read_dir(&path).expect("lists");
            let files = entries.map(|entry| entry.expect("lists").path());
            files.filter(move |file| file.extension().is_some_and(|found| found == extension))
        };
        let full_by = Instant::now() + Duration::from_secs(30);
        while files("sst").count() < 3 && Instant::now() < full_by {
            thread::sleep(Duration::from_millis(20));
        }
        drop(store);
        files("log").for_each(|file| fs::remove_file(file).expect("removes"));

        let reader = ReadOnly::open(directory.path(), Beside::Nobody).expect("opens");
        let commits = reader.view().commits().expect("reads");
        assert!(commits > 20, "it was put into tables: {commits}");
        for family in [Family::Receipts, Family::Captures] {
            assert_eq!(reader.view().entries(family, &[]).count() as u64, commits, "{family:?}");
        }
    }

    fn store_in(directory: &Path, options: &Options) -> Store {
        let owner = OwnerLock::take(directory).expect("free");
        let db = DB::open_cf_descriptors(options, database_path(directory), families());
        let mark = Mark::open(directory, 0).expect("opens");
        Store { db: db.expect("opens"), mark, _owner: owner }
    }
}
