//! Backups: copies of a journal in a folder, taken while it is written, and what is made of them.
//!
//! RocksDB's backup engine does the work. A copy is the journal as it was after one commit. Files that a copy before
//! has already are not copied again, and each has its checksum, which is compared when it is restored.
//!
//! A copy says nothing of what came after it. Whoever goes on from one has to know that others may remember more
//! than it does.

use std::{fs, io, path::Path};

use rocksdb::{
    DB, Env,
    backup::{BackupEngine, BackupEngineOptions, RestoreOptions},
};

use crate::{database, error::BackupError, mark};

/// How many files are copied at the same time.
const COPIES_AT_ONCE: i32 = 2;

/// A folder with copies of one journal.
pub struct Backups {
    engine: BackupEngine,
    path: Box<Path>,
}

/// A copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its number. It rises.
    pub number: u32,
    /// The bytes of its files, those that other copies have as well included.
    pub bytes: u64,
}

impl std::fmt::Debug for Backups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backups").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Backups {
    /// Those of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        fs::create_dir_all(path).map_err(|source| io_error("make", path, source))?;
        let open = || {
            let mut options = BackupEngineOptions::new(path)?;
            options.set_max_background_operations(COPIES_AT_ONCE);
            BackupEngine::open(&options, &Env::new()?)
        };
        let engine = open().map_err(|error| failed("open", path, &error))?;
        Ok(Self { engine, path: path.into() })
    }

    /// The copies, the oldest first. One that is not whole is not among them.
    pub fn list(&self) -> Vec<Backup> {
        let found = self.engine.get_backup_info().into_iter();
        let mut found: Vec<Backup> =
            found.map(|info| Backup { number: info.backup_id, bytes: info.size }).collect();
        found.sort_by_key(|backup| backup.number);
        found
    }

    /// Removes all but the newest so many, and the files that only these have.
    ///
    /// # Errors
    /// When files cannot be removed.
    pub fn keep(&mut self, newest: usize) -> Result<(), BackupError> {
        let purged = self.engine.purge_old_backups(newest);
        purged.map_err(|error| failed("remove old copies in", &self.path, &error))
    }

    /// Writes what a copy has as the journal of a directory that has none. Each file's checksum is compared on the
    /// way. Whatever was acknowledged after the copy is not in it, and nothing in the directory says so.
    ///
    /// # Errors
    /// When the directory has a journal, when there is no such copy, when a file of it is damaged, or when files
    /// cannot be written. Then there is no journal in the directory.
    pub fn restore(mut self, number: u32, directory: &Path) -> Result<(), BackupError> {
        let database = database::path(directory);
        let has_one = database::exists(&database).unwrap_or(true) || mark::is_there(directory);
        if has_one {
            return Err(BackupError::NotEmpty { path: directory.to_owned() });
        }
        fs::create_dir_all(directory).map_err(|source| io_error("make", directory, source))?;
        let options = RestoreOptions::default();
        let restored = self.engine.restore_from_backup(&database, &database, &options, number);
        let Self { engine, path } = self;
        // Its threads may write still, until they are told to end.
        drop(engine);
        restored.map_err(|error| {
            // Half of a journal is worse than none.
            let _ = fs::remove_dir_all(&database);
            failed("restore from", &path, &error)
        })
    }

    /// Copies a database.
    pub(crate) fn take(&mut self, db: &DB) -> Result<Backup, BackupError> {
        // What is in memory goes into tables first: the log, which grows all the time, is not copied.
        let taken = self.engine.create_new_backup_flush(db, true);
        taken.map_err(|error| failed("write a copy to", &self.path, &error))?;
        let newest = self.list().pop();
        let newest = newest.ok_or_else(|| BackupError::Failed {
            action: "write a copy to",
            path: self.path.to_path_buf(),
            reason: "it is not there".to_owned(),
        })?;
        let checked = self.engine.verify_backup(newest.number);
        checked.map_err(|error| failed("check a copy in", &self.path, &error))?;
        Ok(newest)
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> BackupError {
    BackupError::Failed { action, path: path.to_owned(), reason: source.to_string() }
}

fn failed(action: &'static str, path: &Path, error: &rocksdb::Error) -> BackupError {
    BackupError::Failed { action, path: path.to_owned(), reason: error.to_string() }
}
