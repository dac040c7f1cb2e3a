//! A journal opened to be looked at. Changes nothing, and does not wait for whoever writes it.

use std::{path::Path, thread, time::Duration};

use rocksdb::DB;

use crate::{
    config::JournalConfig,
    database::{self, unreadable},
    error::OpenError,
    manifest,
    mark::Mark,
    view::View,
};

/// A journal as it was when it was opened for reading.
#[derive(Debug)]
pub struct Reader {
    db: DB,
}

/// Whether somebody may write a journal while it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// Nobody: the looker has the lock.
    Nobody,
    /// Another process, or this one.
    Writer,
}

/// How often a journal that is written meanwhile is tried to be opened.
const ATTEMPTS: u32 = 20;
/// What RocksDB says of a file that is gone.
const NO_SUCH_FILE: &str = "No such file or directory";

impl Reader {
    /// Opens the journal in `directory`, which has at most this format. Whoever has it open for
    /// writing is not disturbed.
    ///
    /// # Errors
    /// When there is none, a newer release wrote it, RocksDB cannot read it, or commits that were
    /// acknowledged are missing.
    pub fn open(directory: &Path, format: u32) -> Result<Self, OpenError> {
        // Read first: what was acknowledged by then is there.
        let acknowledged = Mark::read(directory)?;
        let reader = Self::open_beside(directory, format, Beside::Writer)?;
        reader.check_commits(directory, acknowledged)?;
        Ok(reader)
    }

    /// Checks a journal before it is opened for writing by whoever holds its lock: opening for
    /// writing cuts off the log's tail, this changes nothing.
    pub(crate) fn check(directory: &Path, config: &JournalConfig) -> Result<(), OpenError> {
        let acknowledged = Mark::read(directory)?;
        let reader = Self::open_beside(directory, config.format, Beside::Nobody)?;
        reader.check_families(directory, config)?;
        reader.check_identity(directory, config)?;
        reader.check_commits(directory, acknowledged)
    }

    fn open_beside(directory: &Path, format: u32, beside: Beside) -> Result<Self, OpenError> {
        let database = database::path(directory);
        if !database::exists(&database)? {
            return Err(OpenError::NotAJournal { path: directory.to_owned() });
        }
        if let Some(reason) = manifest::damage(&database) {
            return Err(OpenError::Unreadable { path: directory.to_owned(), reason });
        }
        let mut attempt = 1;
        let db = loop {
            match open_database(&database, beside) {
                Ok(db) => break db,
                // Whoever has it open for writing may have replaced a file just then.
                Err(error) if attempt < ATTEMPTS && error.to_string().contains(NO_SUCH_FILE) => {
                    attempt += 1;
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(unreadable(directory, &error)),
            }
        };
        if let Some(found) = View::of(&db).format()?
            && found > format
        {
            let path = directory.to_owned();
            return Err(OpenError::NewerFormat { path, found, known: format });
        }
        Ok(Self { db })
    }

    /// What is on disk.
    pub fn view(&self) -> View<'_> {
        View::of(&self.db)
    }

    /// Checks that a database without a format is one whose first write was cut off.
    fn check_families(&self, directory: &Path, config: &JournalConfig) -> Result<(), OpenError> {
        if self.view().format()?.is_some() {
            return Ok(());
        }
        let names = DB::list_cf(&database::options(), database::path(directory))
            .map_err(|error| unreadable(directory, &error))?;
        let is_known = |name: &str| {
            name == rocksdb::DEFAULT_COLUMN_FAMILY_NAME
                || config.families.iter().any(|family| family.name == name)
        };
        match names.into_iter().find(|name| !is_known(name)) {
            Some(family) => Err(OpenError::UnknownFormat { path: directory.to_owned(), family }),
            None => Ok(()),
        }
    }

    /// Checks whose journal it is. One whose first write was cut off is anybody's.
    fn check_identity(&self, directory: &Path, config: &JournalConfig) -> Result<(), OpenError> {
        match self.view().identity()? {
            Some(found) if found != config.identity => {
                let (path, expected) = (directory.to_owned(), config.identity.clone());
                Err(OpenError::OtherIdentity { path, found, expected })
            }
            _ => Ok(()),
        }
    }

    /// Checks that every acknowledged commit is there.
    fn check_commits(&self, directory: &Path, acknowledged: u64) -> Result<(), OpenError> {
        let found = self.view().commits()?;
        if found < acknowledged {
            return Err(OpenError::Truncated { path: directory.to_owned(), found, acknowledged });
        }
        Ok(())
    }
}

fn open_database(path: &Path, beside: Beside) -> Result<DB, rocksdb::Error> {
    let mut options = database::options();
    if beside == Beside::Writer {
        // All files are opened now, so that none can be deleted before it is read.
        options.set_max_open_files(-1);
    }
    // All families that are there: a newer release may have more of them.
    let names = DB::list_cf(&options, path)?;
    DB::open_cf_for_read_only(&options, path, names, false)
}
