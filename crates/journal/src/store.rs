//! A journal on disk, open for writing.
//!
//! RocksDB's log is replayed up to the first record that is not whole. After a crash that is the
//! record that was being written. After damage it could be one that was acknowledged, and RocksDB
//! cannot tell them apart: it drops what follows, and says nothing. The mark tells them apart.
//! So a journal is first opened for reading, which changes nothing, compared with its mark, and
//! only then opened for writing.

use std::{fs, path::Path};

use rocksdb::DB;

use crate::{
    backup::{Backup, Backups},
    batch::{Batch, CommitError},
    compact,
    config::JournalConfig,
    database,
    error::{BackupError, OpenError},
    family::keys,
    mark::Mark,
    migrate,
    owner::OwnerLock,
    reader::Reader,
    view::View,
};

#[derive(Debug)]
pub(crate) struct Store {
    // Dropped in this order: the lock goes last.
    db: DB,
    mark: Mark,
    _owner: OwnerLock,
}

impl Store {
    /// Opens the journal in `directory`, or begins one there.
    pub(crate) fn open(directory: &Path, config: &JournalConfig) -> Result<Self, OpenError> {
        let io_error =
            |action| move |source| OpenError::Io { action, path: directory.to_owned(), source };
        let is_new = !fs::exists(directory).unwrap_or(false);
        fs::create_dir_all(directory).map_err(io_error("create the directory"))?;
        let owner = OwnerLock::take(directory)?;
        if database::exists(&database::path(directory))? {
            Reader::check(directory, config)?;
        } else {
            refuse_if_lost(directory)?;
        }
        let db = database::open(directory, &database::options(), &config.families)?;
        match View::of(&db).format()? {
            None => begin(&db, config).map_err(|error| OpenError::Storage {
                path: directory.to_owned(),
                reason: error.to_string(),
            })?,
            Some(found) => migrate::migrate(&db, directory, found, config)?,
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

    /// Rewrites a family's files without what was deleted or written over.
    pub(crate) fn compact(&self, family: &'static str) -> Result<(), CommitError> {
        compact::compact(&self.db, family)
    }

    /// Copies it to a folder of copies.
    pub(crate) fn back_up(&self, to: &mut Backups) -> Result<Backup, BackupError> {
        to.take(&self.db)
    }

    /// Writes the changes at once as commit number `commit`, and returns when they are on disk.
    pub(crate) fn write<'a>(
        &self,
        commit: u64,
        changes: impl Iterator<Item = (&'static str, &'a [u8], Option<&'a [u8]>)>,
    ) -> Result<(), CommitError> {
        let mut batch = Batch::new(&self.db);
        for (family, key, value) in changes {
            batch.set(family, key, value)?;
        }
        batch.set(keys::FAMILY, keys::COMMITS, Some(&commit.to_be_bytes()))?;
        batch.write()?;
        self.mark.set(commit).map_err(CommitError::Mark)
    }
}

/// Writes what a journal begins with.
fn begin(db: &DB, config: &JournalConfig) -> Result<(), CommitError> {
    let mut batch = Batch::new(db);
    batch.set(keys::FAMILY, keys::FORMAT, Some(&config.format.to_be_bytes()))?;
    batch.set(keys::FAMILY, keys::IDENTITY, Some(&config.identity))?;
    batch.write()
}

/// Has the names in a directory survive a power failure.
fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let synced = fs::File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|source| OpenError::Io { action: "sync", path: path.to_owned(), source })
}

/// Refuses to begin anew where something was acknowledged already: the database is gone, or lies
/// elsewhere, and beginning would erase the only trace of it.
fn refuse_if_lost(directory: &Path) -> Result<(), OpenError> {
    match Mark::read(directory)? {
        0 => Ok(()),
        acknowledged => {
            Err(OpenError::Truncated { path: directory.to_owned(), found: 0, acknowledged })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use rocksdb::{Options, statistics::Ticker};

    use super::*;
    use crate::family::ColumnFamily;

    #[derive(Clone, Copy)]
    struct Family(&'static str);

    impl ColumnFamily for Family {
        fn name(self) -> &'static str {
            self.0
        }
    }

    const LARGE: Family = Family("large");
    const SMALL: Family = Family("small");

    #[test]
    fn no_commit_returns_before_its_log_is_synced() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut options = database::options();
        options.enable_statistics();
        let store = store_in(directory.path(), &options);
        for commit in 1..=5u64 {
            let before = options.get_ticker_count(Ticker::WalFileSynced);
            let change = (LARGE.0, &b"key"[..], Some(&b"value"[..]));
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
        let path = database::path(directory.path());
        let store = store_in(directory.path(), &database::options());
        // One family gets full, and goes into tables; the other has little.
        let large = vec![0xa5; 1 << 20];
        for commit in 1..=40u64 {
            let key = commit.to_be_bytes();
            let changes = [(LARGE.0, &key[..], Some(&large[..])), (SMALL.0, &key[..], Some(&[]))];
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
        // It ends long before its mark, and is looked at all the same.
        fs::remove_file(directory.path().join("acknowledged")).expect("removes");

        let reader = Reader::open(directory.path(), 1).expect("opens");
        let commits = reader.view().commits().expect("reads");
        assert!(commits > 20, "it was put into tables: {commits}");
        for family in [LARGE, SMALL] {
            let count = reader.view().entries(family, &[]).count();
            assert_eq!(count as u64, commits, "{}", family.name());
        }
    }

    fn store_in(directory: &Path, options: &Options) -> Store {
        let owner = OwnerLock::take(directory).expect("free");
        let config = JournalConfig::new([LARGE, SMALL], 1, Vec::new());
        let db = database::open(directory, options, &config.families).expect("opens");
        let mark = Mark::open(directory, 0).expect("opens");
        Store { db, mark, _owner: owner }
    }
}
