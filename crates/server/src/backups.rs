//! Backups of a processor: a folder with copies of all that it stores, and a list that says what belongs together.
//!
//! ```text
//! backups.json    which backups there are, and whose
//! ledger/         copies of the ledger
//! disputes/       copies of the evidence, sealed
//! compliance/     copies of compliance's store, sealed
//! backups.lock    locked by the process that writes here
//! ```
//!
//! Keys are in none of them: neither the processor's, nor those that open what is sealed, nor proving keys.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use aep2_ledger::{Backup, BackupError, Backups, Ledger, LedgerConfig};
use aep2_mandate::units::{ChainId, UnixTime};
use aep2_processor::{restored::RESTORED_BY, view::Identity};
use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The list's version.
const VERSION: u32 = 1;
/// The ledger in a data directory that is being restored.
const UNMARKED: &str = "ledger.unmarked";
const LIST: &str = "backups.json";
const LOCK: &str = "backups.lock";

/// What is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// The ledger: what was promised.
    Ledger,
    /// Evidence of disputes.
    Disputes,
    /// What compliance knows and decided.
    Compliance,
}

impl Store {
    /// Its folder among the copies.
    fn folder(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Disputes => "disputes",
            Self::Compliance => "compliance",
        }
    }

    /// Where it is in a data directory. Compliance's is where its settings say: this is where it is restored.
    pub fn within(self, data: &Path) -> PathBuf {
        match self {
            Self::Ledger => data.join("ledger"),
            Self::Disputes => data.join("disputes").join("store"),
            Self::Compliance => data.join("compliance"),
        }
    }
}

/// Whose backups they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: Address,
    /// The processor.
    pub processor: Address,
}

impl From<&Identity> for Owner {
    fn from(identity: &Identity) -> Self {
        let Identity { chain_id, wallet, processor, .. } = *identity;
        Self { chain_id, wallet, processor }
    }
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Its number, from 1 up.
    pub number: u32,
    /// When it was begun: what was answered before is in it.
    pub at: UnixTime,
    /// The program's version.
    pub version: String,
    /// How many mandates had been accepted.
    pub accepted: u64,
    /// The copies that it is made of, with their numbers among those of their store.
    pub copies: BTreeMap<Store, Copied>,
}

/// A copy in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    /// Its number.
    pub number: u32,
    /// Its bytes, those that other copies have too included.
    pub bytes: u64,
}

/// How a store is copied.
pub type Copying<'a> = Box<dyn FnOnce(&mut Backups) -> Result<Backup, BackupError> + Send + 'a>;

/// Why there is no backup, or nothing is made of one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupsError {
    /// Files cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are no backups in a folder.
    #[error("there are no backups in {}", .0.display())]
    None(PathBuf),
    /// There are files in a folder that are no backups.
    #[error(
        "{} has files, and no list of backups: name a folder for backups alone", .0.display()
    )]
    NotBackups(PathBuf),
    /// The list cannot be understood.
    #[error("{} is not a list of backups that this release reads: {reason}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// They are another processor's.
    #[error("the backups in {} are of another processor: {} on chain {}", path.display(), found.processor, found.chain_id)]
    OtherOwner {
        /// The folder.
        path: PathBuf,
        /// Whose they are.
        found: Owner,
    },
    /// Somebody else writes there.
    #[error("another backup is being written to {}: wait until it is done", .0.display())]
    InUse(PathBuf),
    /// There is no such backup.
    #[error("there is no backup {number} in {}", path.display())]
    Unknown {
        /// The folder.
        path: PathBuf,
        /// Its number.
        number: u32,
    },
    /// The restored ledger cannot be marked as one.
    #[error("the restored ledger cannot be marked as restored: {0}")]
    Mark(String),
    /// A store cannot be copied or restored.
    #[error(transparent)]
    Store(#[from] BackupError),
}

/// Whether a data directory is being restored, or was and not to the end.
pub fn is_unfinished(data: &Path) -> bool {
    data.join(UNMARKED).exists()
}

/// A folder of backups.
#[derive(Debug)]
pub struct BackupFolder {
    path: PathBuf,
    list: List,
    /// Held to the end.
    _lock: File,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    of: Owner,
    backups: Vec<Taken>,
}

impl BackupFolder {
    /// A folder to which a processor's backups are written. It is made where it is not there, for this user alone.
    ///
    /// # Errors
    /// When it is another processor's, has other files, is in use, or cannot be read or written.
    pub fn of(path: &Path, owner: Owner) -> Result<Self, BackupsError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(io_error("make", path))?;
        let lock = lock(path)?;
        let list = match read(path)? {
            Some(list) if list.of != owner => {
                return Err(BackupsError::OtherOwner { path: path.to_owned(), found: list.of });
            }
            Some(list) => list,
            None if has_files(path)? => return Err(BackupsError::NotBackups(path.to_owned())),
            None => List { version: VERSION, of: owner, backups: Vec::new() },
        };
        Ok(Self { path: path.to_owned(), list, _lock: lock })
    }

    /// A folder that has backups.
    ///
    /// # Errors
    /// When it has none, is in use, or cannot be read.
    pub fn existing(path: &Path) -> Result<Self, BackupsError> {
        let none = || BackupsError::None(path.to_owned());
        // Nothing is made where there is nothing.
        read(path)?.ok_or_else(none)?;
        let lock = lock(path)?;
        let list = read(path)?.ok_or_else(none)?;
        Ok(Self { path: path.to_owned(), list, _lock: lock })
    }

    /// Whose they are.
    pub fn owner(&self) -> Owner {
        self.list.of
    }

    /// The backups, the oldest first.
    pub fn list(&self) -> &[Taken] {
        &self.list.backups
    }

    /// A backup by its number; the newest where none is named.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, number: Option<u32>) -> Result<&Taken, BackupsError> {
        let found = match number {
            Some(number) => self.list.backups.iter().find(|own| own.number == number),
            None => self.list.backups.last(),
        };
        found.ok_or_else(|| match number {
            Some(number) => BackupsError::Unknown { path: self.path.clone(), number },
            None => BackupsError::None(self.path.clone()),
        })
    }

    /// Copies these stores, one after another. It counts as a backup when all of them are there. Blocks.
    ///
    /// # Errors
    /// When one cannot be copied.
    pub fn take(
        &mut self,
        stores: Vec<(Store, Copying<'_>)>,
        (at, accepted, version): (UnixTime, u64, &str),
    ) -> Result<&Taken, BackupsError> {
        let mut copies = BTreeMap::new();
        for (store, copy) in stores {
            let folder = self.path.join(store.folder());
            // Whatever others may read of the folder that it is in.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(io_error("make", &folder))?;
            let mut backups = Backups::open(&folder)?;
            let Backup { number, bytes, .. } = copy(&mut backups)?;
            copies.insert(store, Copied { number, bytes });
        }
        let number = self.list.backups.last().map_or(1, |last| last.number + 1);
        let version = version.to_owned();
        let mut list = self.list.clone();
        list.backups.push(Taken { number, at, version, accepted, copies });
        self.write(list)?;
        self.find(Some(number))
    }

    /// Removes all but the newest so many. Gives how many were removed.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn keep(&mut self, newest: usize) -> Result<usize, BackupsError> {
        let gone = self.list.backups.len().saturating_sub(newest.max(1));
        let mut list = self.list.clone();
        list.backups.drain(..gone);
        // First from the list: what is in it is there.
        self.write(list)?;
        for store in [Store::Ledger, Store::Disputes, Store::Compliance] {
            let kept = self.list.backups.iter().filter_map(|own| own.copies.get(&store));
            let folder = self.path.join(store.folder());
            match kept.map(|own| own.number).min() {
                _ if !folder.exists() => {}
                Some(oldest) => {
                    let mut backups = Backups::open(&folder)?;
                    let newest = backups.list().iter().filter(|own| own.number >= oldest).count();
                    backups.keep(newest)?;
                }
                // It is not stored any more.
                None => fs::remove_dir_all(&folder).map_err(io_error("remove", &folder))?,
            }
        }
        Ok(gone)
    }

    /// Writes what a backup has into a data directory that has none of it. Blocks.
    ///
    /// The ledger is marked: whoever starts on it neither accepts nor seals anything, until it is told to go on. It
    /// is in its place when all is whole and marked, and not before; until then nothing starts there
    /// ([`is_unfinished`]). What was interrupted can be done again.
    ///
    /// # Errors
    /// When there is no such backup, the directory has something of it, a file is damaged, or cannot be written.
    pub fn restore(
        &self,
        number: u32,
        data: &Path,
        now: UnixTime,
    ) -> Result<Vec<(Store, PathBuf)>, BackupsError> {
        let backup = self.find(Some(number))?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
        made.map_err(io_error("make", data))?;
        let unmarked = data.join(UNMARKED);
        let stores: Vec<(Store, PathBuf)> =
            backup.copies.keys().map(|store| (*store, store.within(data))).collect();
        // What is left of a try that was interrupted is nobody's yet: its ledger is not in its place.
        let is_unfinished = unmarked.exists();
        for (store, directory) in &stores {
            match directory.exists() {
                true if is_unfinished && *store != Store::Ledger => {
                    fs::remove_dir_all(directory).map_err(io_error("remove", directory))?;
                }
                true => return Err(BackupError::NotEmpty { path: directory.clone() }.into()),
                false => {}
            }
        }
        if is_unfinished {
            fs::remove_dir_all(&unmarked).map_err(io_error("remove", &unmarked))?;
        }
        fs::create_dir(&unmarked).map_err(io_error("make", &unmarked))?;
        for (store, copy) in &backup.copies {
            let directory = match store {
                Store::Ledger => unmarked.clone(),
                other => other.within(data),
            };
            Backups::open(&self.path.join(store.folder()))?.restore(copy.number, &directory)?;
        }
        self.mark(backup, &unmarked, now)?;
        let ledger = Store::Ledger.within(data);
        fs::rename(&unmarked, &ledger).map_err(io_error("rename", &unmarked))?;
        let synced = File::open(data).and_then(|data| data.sync_all());
        synced.map_err(io_error("sync", data))?;
        Ok(stores)
    }

    /// Marks a ledger as restored.
    fn mark(&self, backup: &Taken, ledger: &Path, now: UnixTime) -> Result<(), BackupsError> {
        let failed = |error: String| BackupsError::Mark(error);
        let Owner { chain_id, wallet, processor } = self.list.of;
        let config = LedgerConfig::new(chain_id, wallet, processor);
        let ledger = Ledger::open(ledger, config).map_err(|error| failed(error.to_string()))?;
        let note = format!("backup {} of {}", backup.number, backup.at);
        let marked = ledger.mark_restored(RESTORED_BY.to_owned(), note, now).wait();
        marked.map(drop).map_err(|error| failed(error.to_string()))
    }

    /// Writes the list, whole or not at all.
    fn write(&mut self, list: List) -> Result<(), BackupsError> {
        let (path, new) = (self.path.join(LIST), self.path.join(format!("{LIST}.new")));
        let text = serde_json::to_vec_pretty(&list).map_err(|error| BackupsError::List {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let written = (|| {
            // One that was left, or put there: it is not followed anywhere.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let options = &mut File::options();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        })();
        written.map_err(io_error("write", &path))?;
        self.list = list;
        Ok(())
    }
}

/// The list in a folder; nothing where there is none.
fn read(folder: &Path) -> Result<Option<List>, BackupsError> {
    let path = folder.join(LIST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(BackupsError::Io { action: "read", path, source }),
    };
    let list = serde_json::from_slice::<List>(&text).map_err(|error| error.to_string());
    let list = list.and_then(|list| match list.version {
        VERSION => Ok(list),
        other => Err(format!("it is of version {other}, and {VERSION} is known")),
    });
    list.map(Some).map_err(|reason| BackupsError::List { path, reason })
}

/// Whether there is anything in a folder but the lock and copies that no backup was made of.
fn has_files(folder: &Path) -> Result<bool, BackupsError> {
    let own = [Store::Ledger, Store::Disputes, Store::Compliance].map(Store::folder);
    let own = [own.as_slice(), &[LOCK, "backups.json.new"]].concat();
    for entry in fs::read_dir(folder).map_err(io_error("read", folder))? {
        let name = entry.map_err(io_error("read", folder))?.file_name();
        if !own.iter().any(|own| name == *own) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lock(folder: &Path) -> Result<File, BackupsError> {
    let path = folder.join(LOCK);
    let options = &mut File::options();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupsError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupsError {
    let path = path.to_owned();
    move |source| BackupsError::Io { action, path: path.clone(), source }
}
