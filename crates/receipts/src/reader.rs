//! Reading a folder as it grows, from where it was read to.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::statement::{NotAStatement, Statement};

/// The longest line that is read. A receipt takes about 600 bytes.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// How files of receipts end.
const EXTENSION: &str = "jsonl";

/// How far each file was read, by its name, in bytes. To be kept by whoever reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress(BTreeMap<String, u64>);

impl Progress {
    /// Whether the line that begins there was read.
    pub fn covers(&self, file: &str, at: u64) -> bool {
        self.0.get(file).is_some_and(|to| at < *to)
    }
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file's name, without its folder.
    pub file: String,
    /// Where the line begins, in bytes.
    pub at: u64,
    /// What it says.
    pub statement: Result<Statement, NotAStatement>,
}

/// Why a folder is not read.
#[derive(Debug, Error)]
#[error("cannot read receipts in {}: {source}", path.display())]
pub struct ReadError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Reads a folder of receipts.
#[derive(Clone, Debug)]
pub struct FolderReader {
    folder: PathBuf,
}

impl FolderReader {
    /// The folder need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where it reads.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads up to `lines_max` lines that came since `progress`, which goes on. A last line without its
    /// end is left for the next time: it is being written, or was cut short.
    ///
    /// # Errors
    /// When the folder or a file cannot be read. `progress` then is as it was.
    pub fn read(&self, progress: &mut Progress, lines_max: usize) -> Result<Vec<Found>, ReadError> {
        let mut next = progress.clone();
        let mut found = Vec::new();
        let files = self.files()?;
        next.0.retain(|name, _| files.contains_key(name));
        for (name, path) in files {
            if found.len() >= lines_max {
                break;
            }
            let from = next.0.get(&name).copied().unwrap_or(0);
            let to = read_file(&name, &path, from, lines_max - found.len(), &mut found)
                .map_err(|source| ReadError { path: path.clone(), source })?;
            next.0.insert(name, to);
        }
        *progress = next;
        Ok(found)
    }

    /// Removes files that were read to their end, that nobody has written into for `unused`, and nobody has
    /// open to write into. How many there were.
    ///
    /// # Errors
    /// When the folder cannot be read. A file that cannot be removed stays.
    pub fn remove_read(
        &self,
        progress: &mut Progress,
        unused: Duration,
        is_needed: impl Fn(&str) -> bool,
    ) -> Result<usize, ReadError> {
        let mut removed = 0;
        for (name, path) in self.files()? {
            let read = progress.0.get(&name).copied().unwrap_or(0);
            if !is_needed(&name) && is_over(&path, read, unused).unwrap_or(false) {
                match fs::remove_file(&path) {
                    Ok(()) => {
                        progress.0.remove(&name);
                        removed += 1;
                    }
                    Err(error) => tracing::warn!(%error, name, "old receipts could not be removed"),
                }
            }
        }
        Ok(removed)
    }

    /// Its files, by ascending name.
    fn files(&self) -> Result<BTreeMap<String, PathBuf>, ReadError> {
        let failed = |source| ReadError { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            entries => entries.map_err(failed)?,
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let is_receipts = path.extension().is_some_and(|own| own == EXTENSION);
            let name = path.file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
            if let Some(name) = name.filter(|_| is_receipts && path.is_file()) {
                files.insert(name, path);
            }
        }
        Ok(files)
    }
}

/// Reads whole lines of a file from a place on; up to where it was read. A file that is shorter than it was
/// is another one.
fn read_file(
    name: &str,
    path: &Path,
    from: u64,
    lines_max: usize,
    found: &mut Vec<Found>,
) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let from = if file.metadata()?.len() < from { 0 } else { from };
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    let mut at = from;
    let mut lines = 0;
    let mut line = Vec::new();
    while lines < lines_max {
        line.clear();
        let read = read_line(&mut reader, &mut line)?;
        let Some(length) = read else { break };
        let text = line.trim_ascii();
        if !text.is_empty() {
            let statement = Statement::parse(text);
            found.push(Found { file: name.to_owned(), at, statement });
            lines += 1;
        }
        at += length;
    }
    Ok(at)
}

/// Reads a line with its end; how long it is. None where it has none yet. Of one that is too long only the
/// beginning is kept, which is no statement.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    let mut length = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        let room = LINE_BYTES_MAX.saturating_sub(line.len());
        line.extend_from_slice(&buffer[..taken.min(room)]);
        reader.consume(taken);
        length += taken as u64;
        if end.is_some() {
            return Ok(Some(length));
        }
    }
}

/// Whether a file was read to its end, and nobody writes into it.
fn is_over(path: &Path, read: u64, unused: Duration) -> io::Result<bool> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let age = SystemTime::now().duration_since(metadata.modified()?).unwrap_or_default();
    // A writer holds the lock for as long as it has the file.
    Ok(metadata.len() <= read && age >= unused && file.try_lock().is_ok())
}
