//! The journal in a file.
//!
//! Changes are appended and synced, one at a time. So a crash can leave at most the last one
//! incomplete, and that one was not yet acted on: it is cut off. Damage anywhere else is not a
//! crash's, and is refused, because the records after it may be of transactions on their way.
//!
//! | part | bytes | |
//! | --- | --- | --- |
//! | magic | 8 | `aep2.txj` |
//! | format version | 4 | little-endian |
//! | changes | | one after the other |
//!
//! | part of a change | bytes | |
//! | --- | --- | --- |
//! | length of the body | 4 | little-endian |
//! | check of the length | 4 | first bytes of its BLAKE3 |
//! | checksum of the body | 32 | BLAKE3 |
//! | body | | JSON |
//!
//! When most of the file is superseded, the records that count are written to a new file, which then
//! takes the old one's name. A second file, `NAME.lock`, keeps a second process out.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    journal::{Journal, JournalError, Records},
    record::{Key, Record, SubmissionId},
};
use crate::lock::Lock;

/// The version of the layout above.
pub const JOURNAL_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"aep2.txj";
const START_BYTES: usize = 8 + 4;
const HEAD_BYTES: usize = 4 + 4 + 32;

/// Superseded bytes from which on a file may be written anew.
const SUPERSEDED_BYTES_MIN: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Put(Box<Record>),
    Remove { key: Key, nonce: u64 },
}

/// A journal in a file of its own. One process at a time may have it open.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Held for as long as it is open.
    _lock: Lock,
}

#[derive(Debug)]
struct Inner {
    file: File,
    records: Records,
    bytes: u64,
    /// The size of a file with nothing superseded, when last counted.
    bytes_compact: u64,
    closed: bool,
}

impl FileJournal {
    /// Opens a journal, or starts one. An incomplete change at the end, left by a crash, is cut off.
    ///
    /// # Errors
    /// [`JournalError::Io`], [`JournalError::InUse`], [`JournalError::Foreign`] and
    /// [`JournalError::Damaged`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        let lock = lock(&path)?;
        let io = |source| JournalError::Io { path: path.clone(), source };

        // What a crash left of a rewriting that did not come to its end.
        match std::fs::remove_file(rewritten(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;

        let mut records = Records::default();
        let good = if start().starts_with(&bytes) && bytes.len() < START_BYTES {
            // New, or not yet begun when a crash came.
            file.set_len(0).map_err(io)?;
            file.write_all(&start()).map_err(io)?;
            START_BYTES
        } else {
            replay(&path, &bytes, &mut records)?
        };
        if good < bytes.len() {
            tracing::warn!(
                path = %path.display(),
                bytes = bytes.len() - good,
                "cut off an incomplete record at the journal's end"
            );
            file.set_len(good as u64).map_err(io)?;
        }
        file.sync_all().map_err(io)?;
        sync_folder(&path).map_err(io)?;

        let mut bytes_compact = START_BYTES as u64;
        for record in records.iter() {
            bytes_compact +=
                encode(&Change::Put(Box::new(record.clone()))).map_err(io)?.len() as u64;
        }
        let bytes = good as u64;
        let inner = Inner { file, records, bytes, bytes_compact, closed: false };
        Ok(Self { path, inner: Mutex::new(inner), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, source: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), source }
    }

    /// Appends a change and waits until it is on disk.
    fn append(&self, inner: &mut Inner, change: &Change) -> Result<(), JournalError> {
        if inner.closed {
            return Err(JournalError::Closed);
        }
        let bytes = encode(change).map_err(|source| self.io(source))?;
        // After a failed write nobody knows what is in the file, and after a failed sync not even
        // a successful one later would tell: the system may have dropped the data.
        inner.closed = true;
        inner.file.write_all(&bytes).map_err(|source| self.io(source))?;
        inner.file.sync_data().map_err(|source| self.io(source))?;
        inner.closed = false;
        inner.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes the file anew if most of it is superseded. The changes are on disk already: a failure
    /// costs space only, unless it leaves open which file will be found after a crash.
    fn compact(&self, inner: &mut Inner) {
        if inner.bytes < 2 * inner.bytes_compact + SUPERSEDED_BYTES_MIN {
            return;
        }
        let temporary = rewritten(&self.path);
        let write = || -> io::Result<(File, u64)> {
            let mut bytes = start().to_vec();
            for record in inner.records.iter() {
                bytes.extend(encode(&Change::Put(Box::new(record.clone())))?);
            }
            let mut file =
                OpenOptions::new().append(true).create(true).truncate(false).open(&temporary)?;
            file.set_len(0)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            Ok((file, bytes.len() as u64))
        };
        let (file, bytes) = match write() {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(path = %temporary.display(), %error, "could not shorten the journal");
                inner.bytes_compact = inner.bytes;
                return;
            }
        };
        let renamed = std::fs::rename(&temporary, &self.path);
        if let Err(error) = renamed.and_then(|()| sync_folder(&self.path)) {
            tracing::error!(path = %self.path.display(), %error, "could not replace the journal");
            inner.closed = true;
            return;
        }
        tracing::debug!(from = inner.bytes, to = bytes, "shortened the journal");
        *inner = Inner {
            file,
            records: std::mem::take(&mut inner.records),
            bytes,
            bytes_compact: bytes,
            closed: false,
        };
    }
}

impl Journal for FileJournal {
    fn put(&self, record: &Record) -> Result<(), JournalError> {
        let mut inner = self.inner();
        inner.records.check(record)?;
        self.append(&mut inner, &Change::Put(Box::new(record.clone())))?;
        inner.records.put(record.clone());
        self.compact(&mut inner);
        Ok(())
    }

    fn find(&self, key: Key, id: SubmissionId) -> Result<Option<Record>, JournalError> {
        Ok(self.inner().records.find(key, id).cloned())
    }

    fn unfinished(&self, key: Key) -> Result<Vec<Record>, JournalError> {
        let inner = self.inner();
        let all = inner.records.at_or_above(key, 0);
        Ok(all.filter(|record| record.finish.is_none()).cloned().collect())
    }

    fn at_or_above(&self, key: Key, nonce: u64) -> Result<Vec<Record>, JournalError> {
        Ok(self.inner().records.at_or_above(key, nonce).cloned().collect())
    }

    fn remove(&self, key: Key, nonce: u64) -> Result<(), JournalError> {
        let mut inner = self.inner();
        if inner.records.at_or_above(key, nonce).next().is_none_or(|record| record.nonce != nonce) {
            return Ok(());
        }
        self.append(&mut inner, &Change::Remove { key, nonce })?;
        inner.records.remove(key, nonce);
        self.compact(&mut inner);
        Ok(())
    }
}

fn start() -> [u8; START_BYTES] {
    let mut start = [0; START_BYTES];
    start[..8].copy_from_slice(&MAGIC);
    start[8..].copy_from_slice(&JOURNAL_VERSION.to_le_bytes());
    start
}

fn encode(change: &Change) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(change)?;
    let length = u32::try_from(body.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "record of 4 GiB or more"))?
        .to_le_bytes();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
    bytes.extend(length);
    bytes.extend(&blake3::hash(&length).as_bytes()[..4]);
    bytes.extend(blake3::hash(&body).as_bytes());
    bytes.extend(body);
    Ok(bytes)
}

/// The change at the start of `bytes` and how long it is, if it is whole.
fn decode(bytes: &[u8]) -> Option<(Change, usize)> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (length, head) = head.split_first_chunk::<4>()?;
    let (check, checksum) = head.split_at(4);
    if blake3::hash(length).as_bytes()[..4] != *check {
        return None;
    }
    let length = u32::from_le_bytes(*length) as usize;
    let body = rest.get(..length)?;
    if blake3::hash(body).as_bytes() != checksum {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, HEAD_BYTES + length))
}

/// Reads all changes: how many bytes of the file are good.
fn replay(path: &Path, bytes: &[u8], records: &mut Records) -> Result<usize, JournalError> {
    if !bytes.starts_with(&start()) {
        return Err(JournalError::Foreign { path: path.to_owned(), version: JOURNAL_VERSION });
    }
    let mut at = START_BYTES;
    while at < bytes.len() {
        let Some((change, length)) = decode(&bytes[at..]) else {
            // Cut short by a crash, it is the last. Any good record after it says otherwise.
            if (at + 1..bytes.len()).any(|later| decode(&bytes[later..]).is_some()) {
                let offset = at as u64;
                return Err(JournalError::Damaged { path: path.to_owned(), offset });
            }
            break;
        };
        match change {
            Change::Put(record) => {
                records.check(&record)?;
                records.put(*record);
            }
            Change::Remove { key, nonce } => {
                records.remove(key, nonce);
            }
        }
        at += length;
    }
    Ok(at)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn rewritten(path: &Path) -> PathBuf {
    beside(path, ".new")
}

fn lock(path: &Path) -> Result<Lock, JournalError> {
    let path = beside(path, ".lock");
    match Lock::take(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(JournalError::InUse { path }),
        Err(source) => Err(JournalError::Io { path, source }),
    }
}

/// Makes a file's name durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
