//! The chain on disk: a journal of what happened, one record after another.
//!
//! A block costs what it changed, not what there is: its record is appended and synced to the disk
//! before anybody hears of it, so that a process killed at any moment loses no block that it
//! reported. Opening reads the records again, from the first.
//!
//! | part of a record | bytes | |
//! | --- | --- | --- |
//! | mark | 4 | `aep2` |
//! | length | 4 | of the content, big-endian |
//! | check | 16 | of Keccak-256 of length and content |
//! | content | | RLP of a [`Record`] |
//!
//! The file begins with [`MAGIC`]. A record that is cut short or fails its check, with nothing whole
//! after it, is one that was being written when the process died: it is cut off. With a whole one
//! after it, the file was damaged, and nothing is loaded.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use alloy::{primitives::keccak256, rlp};

use crate::{error::StoreError, lock::Lock, record::Record};

/// The version of the format.
const VERSION: u32 = 1;
/// What the file begins with.
const MAGIC: [u8; 12] = *b"aep2.chain\0\x01";
const MARK: [u8; 4] = *b"aep2";
const HEADER_BYTES: usize = 4 + 4 + 16;
const FILE_NAME: &str = "chain.journal";
const LOCK_NAME: &str = "chain.lock";

/// An open journal. While it is open no other process can open it.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Held as long as it is open.
    _lock: Lock,
    path: PathBuf,
    /// Where the last whole record ends.
    end: u64,
    poisoned: bool,
}

impl Journal {
    /// Opens the journal in `directory`, which is made if need be, and returns its records. A new
    /// one begins with `first`.
    pub(crate) fn open(
        directory: &Path,
        first: impl FnOnce() -> Record,
    ) -> Result<(Self, Vec<Record>), StoreError> {
        let path = directory.join(FILE_NAME);
        fs::create_dir_all(directory).map_err(io_error("create", directory))?;
        let lock = lock(&directory.join(LOCK_NAME), &path)?;
        if !path.try_exists().map_err(io_error("read", &path))? {
            create(&path, &first())?;
        }
        let open = OpenOptions::new().read(true).write(true).open(&path);
        let mut file = open.map_err(io_error("open", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io_error("read", &path))?;
        if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
            return Err(StoreError::Format { path, expected: VERSION });
        }
        let (records, end) = read(&bytes, &path)?;
        let mut journal = Self { file, _lock: lock, path, end: end as u64, poisoned: false };
        if end < bytes.len() {
            tracing::warn!(
                path = %journal.path.display(),
                bytes = bytes.len() - end,
                "cut off a record that was not completely written"
            );
            journal.cut_back()?;
        }
        journal.seek_to_end()?;
        Ok((journal, records))
    }

    /// Where the journal is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record. When this returns, it is on the disk.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned { path: self.path.clone() });
        }
        let bytes = frame(record)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a record must not be followed by a whole one.
            self.poisoned = true;
            if self.cut_back().and_then(|()| self.seek_to_end()).is_ok() {
                self.poisoned = false;
            }
            return Err(io_error("write", &self.path)(source));
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn cut_back(&mut self) -> Result<(), StoreError> {
        let cut = self.file.set_len(self.end).and_then(|()| self.file.sync_all());
        cut.map_err(io_error("truncate", &self.path))
    }

    fn seek_to_end(&mut self) -> Result<(), StoreError> {
        let moved = self.file.seek(SeekFrom::Start(self.end)).map(|_| ());
        moved.map_err(io_error("read", &self.path))
    }
}

/// Locks `path` for this process, or says that `journal` is in use.
fn lock(path: &Path, journal: &Path) -> Result<Lock, StoreError> {
    let lock = Lock::take(path).map_err(io_error("lock", path))?;
    lock.ok_or_else(|| StoreError::InUse { path: journal.to_owned() })
}

/// Makes a journal of one record, whole or not at all.
fn create(path: &Path, first: &Record) -> Result<(), StoreError> {
    let temporary = path.with_extension("new");
    let bytes = [MAGIC.as_slice(), &frame(first)?].concat();
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(io_error("write", &temporary))?;
    fs::rename(&temporary, path).map_err(io_error("create", path))?;
    // The name itself must be on the disk, too.
    let directory = path.parent().unwrap_or(Path::new("."));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(io_error("sync", directory))
}

fn frame(record: &Record) -> Result<Vec<u8>, StoreError> {
    let content = rlp::encode(record);
    let length = u32::try_from(content.len())
        .map_err(|_| StoreError::RecordLength { bytes: content.len() })?
        .to_be_bytes();
    let check = check(&length, &content);
    Ok([MARK.as_slice(), &length, &check, &content].concat())
}

fn check(length: &[u8], content: &[u8]) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&keccak256([length, content].concat())[..16]);
    check
}

/// The content of the record at `offset`, if a whole one is there.
fn record_at(bytes: &[u8], offset: usize) -> Option<&[u8]> {
    let (header, rest) = bytes.get(offset..)?.split_at_checked(HEADER_BYTES)?;
    let (mark, header) = header.split_at(4);
    let (length, expected) = header.split_at(4);
    let content = rest.get(..u32::from_be_bytes(length.try_into().ok()?) as usize)?;
    (mark == MARK && check(length, content) == expected).then_some(content)
}

/// All records, and where the last whole one ends.
fn read(bytes: &[u8], path: &Path) -> Result<(Vec<Record>, usize), StoreError> {
    let mut records = Vec::new();
    let mut offset = MAGIC.len();
    while let Some(content) = record_at(bytes, offset) {
        let record = rlp::decode_exact(content).map_err(|_| StoreError::Inconsistent {
            path: path.to_owned(),
            record: records.len(),
            defect: "cannot be understood",
        })?;
        records.push(record);
        offset += HEADER_BYTES + content.len();
    }
    let whole_later = (offset + 1..bytes.len()).any(|later| record_at(bytes, later).is_some());
    if whole_later || records.is_empty() {
        return Err(StoreError::Damaged { path: path.to_owned(), offset: offset as u64 });
    }
    Ok((records, offset))
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path: path.clone(), source }
}

#[cfg(test)]
impl Journal {
    /// From now on nothing can be written.
    pub(crate) fn break_writing(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }

    /// Writing works again, as after a full disk was cleared. What is poisoned stays so.
    pub(crate) fn mend_writing(&mut self) {
        self.file = OpenOptions::new().append(true).open(&self.path).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_write_that_failed_and_could_not_be_undone_nothing_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let first = Record::Clock { offset_seconds: 1 };
        let (mut journal, _) = Journal::open(folder.path(), || first.clone()).unwrap();
        let before = fs::read(&journal.path).unwrap();
        journal.break_writing();
        let error = journal.append(&Record::Clock { offset_seconds: 2 }).unwrap_err();
        assert!(matches!(error, StoreError::Io { action: "write", .. }), "{error}");
        journal.mend_writing();
        let error = journal.append(&Record::Clock { offset_seconds: 3 }).unwrap_err();
        assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
        drop(journal);
        let path = folder.path().join(FILE_NAME);
        assert_eq!(fs::read(path).unwrap(), before);
        let (_, records) = Journal::open(folder.path(), || first.clone()).unwrap();
        assert_eq!(records, [first]);
    }
}
