//! The receipts that are open on disk: a file to which changes are appended. With many of them, writing all of
//! them down for each change would take longer than a round.
//!
//! Each line is a receipt as it is now, or says that it is gone; the last one counts. A last line without its end
//! was cut short by a crash, and nothing that came after it is lost: what was read of the folders is written down
//! after the receipts.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
};

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{open::Open, watched::Watched};

/// Superseded bytes from which on the file is written anew, if they are more than a half of it.
const SUPERSEDED_BYTES_MIN: u64 = 1 << 20;

/// A line.
#[derive(Serialize, Deserialize)]
struct Change<W> {
    digest: B256,
    watched: Option<W>,
}

/// What was last written of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    hash: u64,
    bytes: u64,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    /// None until something is written: who only tries things out leaves no file.
    file: Option<File>,
    /// How long it is, up to the last whole line.
    bytes: u64,
    written: HashMap<B256, Written>,
}

impl Log {
    /// Reads the file, if there is one.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, BTreeMap<B256, Watched>)> {
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            text => text?,
        };
        let (mut receipts, mut written) = (BTreeMap::new(), HashMap::new());
        let mut bytes = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"))
        {
            let Change { digest, watched } = serde_json::from_slice::<Change<Watched>>(line)?;
            bytes += line.len() as u64;
            match watched {
                Some(watched) => {
                    receipts.insert(digest, watched);
                    written.insert(digest, Written::of(line));
                }
                None => {
                    receipts.remove(&digest);
                    written.remove(&digest);
                }
            }
        }
        Ok((Self { path, file: None, bytes, written }, receipts))
    }

    /// Writes down what changed. When this returns it is on the disk.
    pub(crate) fn save(&mut self, open: &mut Open) -> io::Result<()> {
        let (mut lines, mut changes) = (Vec::new(), Vec::new());
        for (digest, watched) in open.changed() {
            let line = line(digest, watched)?;
            let now = watched.map(|_| Written::of(&line));
            if now.as_ref() != self.written.get(digest) {
                lines.extend(line);
                changes.push((*digest, now));
            }
        }
        if !lines.is_empty() {
            self.append(&lines)?;
            for (digest, now) in changes {
                match now {
                    Some(now) => drop(self.written.insert(digest, now)),
                    None => drop(self.written.remove(&digest)),
                }
            }
            let live: u64 = self.written.values().map(|own| own.bytes).sum();
            if self.bytes > 2 * live + SUPERSEDED_BYTES_MIN {
                self.write_anew(open)?;
            }
        }
        open.note_written();
        Ok(())
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
                sync_folder(&self.path)?;
                file
            }
        };
        // What a crash, or a full disk, left of a line.
        file.set_len(self.bytes)?;
        file.write_all(lines)?;
        file.sync_data()?;
        self.bytes += lines.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    /// Leaves out what is superseded.
    fn write_anew(&mut self, open: &Open) -> io::Result<()> {
        let new = self.path.with_extension("jsonl.new");
        let mut lines = Vec::new();
        for watched in open.values() {
            lines.extend(line(&watched.digest, Some(watched))?);
        }
        let mut file = File::create(&new)?;
        file.write_all(&lines)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_folder(&self.path)?;
        (self.file, self.bytes) = (None, lines.len() as u64);
        Ok(())
    }
}

impl Written {
    fn of(line: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        Self { hash: hasher.finish(), bytes: line.len() as u64 }
    }
}

fn line(digest: &B256, watched: Option<&Watched>) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Change { digest: *digest, watched })?;
    line.push(b'\n');
    Ok(line)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
