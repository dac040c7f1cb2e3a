//! A list's file, read through one handle.
//!
//! It is read twice. The first time only its hash is made: most times that is the hash of the list
//! in force, and there is nothing else to do. The second time its content is read, and hashed again.
//! So a file that changes meanwhile is found, and what was read is what was hashed.

use std::{
    fs::{File, Metadata},
    io::{self, BufReader, Read, Seek},
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use crate::{
    content::Content,
    dated::{self, Dated, DatedBy},
    hash::FileHash,
    ofac, plain,
    refusal::Refusal,
    settings::{Format, ListSettings},
};

/// Bytes are read in pieces of this size.
const PIECE_BYTES: usize = 64 << 10;
/// A `.sha256` file may have this many bytes.
const SHA256_FILE_BYTES_MAX: u64 = 4096;

/// A list's file whose hash is known.
#[derive(Debug)]
pub(crate) struct Source {
    /// The SHA-256 of all of it.
    pub(crate) hash: FileHash,
    /// When it was last written.
    modified: SystemTime,
    bytes: u64,
    format: Format,
    file: File,
}

impl Source {
    /// Opens a list's file, and makes its hash.
    pub(crate) fn open(settings: &ListSettings) -> Result<Self, Refusal> {
        // Before it is opened: opening a pipe waits for whoever writes to it.
        if !settings.path.metadata().map_err(cannot_read)?.is_file() {
            return Err(Refusal::NotAFile);
        }
        let mut file = File::open(&settings.path).map_err(cannot_read)?;
        let before = file.metadata().map_err(cannot_read)?;
        let bytes_max = settings.bytes_max;
        if before.len() > bytes_max {
            return Err(Refusal::TooLarge { bytes_max });
        }
        // A file may grow while it is read.
        let mut hashing = Hashing::new(file.by_ref().take(bytes_max.saturating_add(1)));
        io::copy(&mut hashing, &mut io::sink()).map_err(cannot_read)?;
        let (hash, bytes) = hashing.finish();
        if bytes > bytes_max {
            return Err(Refusal::TooLarge { bytes_max });
        }
        if settings.sha256_file {
            check_sha256_file(&settings.path, hash)?;
        }
        let modified = before.modified().map_err(cannot_read)?;
        let source = Self { hash, modified, bytes, format: settings.format, file };
        source.check_unchanged()?;
        Ok(source)
    }

    /// Reads its content.
    pub(crate) fn read(&mut self) -> Result<Content, Refusal> {
        self.file.rewind().map_err(cannot_read)?;
        let hashing = Hashing::new(self.file.by_ref().take(self.bytes));
        let mut input = BufReader::with_capacity(PIECE_BYTES, hashing);
        let content = match self.format {
            Format::OfacAdvanced => ofac::read(&mut input),
            Format::Addresses => plain::read(&mut input),
        };
        let (hash, _) = input.into_inner().finish();
        // First: whatever is wrong with the content may come of the change.
        self.check_unchanged()?;
        let content = content?;
        if hash != self.hash {
            return Err(Refusal::ChangedWhileRead);
        }
        Ok(content)
    }

    /// The date of its content, or of itself where that states none.
    pub(crate) fn dated(&self, stated_s: Option<u64>) -> Dated {
        match stated_s {
            Some(at_s) => Dated { at_s, by: DatedBy::Stated },
            None => self.modified(),
        }
    }

    /// When it was last written.
    pub(crate) fn modified(&self) -> Dated {
        Dated { at_s: dated::seconds(self.modified), by: DatedBy::FileModified }
    }

    fn check_unchanged(&self) -> Result<(), Refusal> {
        let now: Metadata = self.file.metadata().map_err(cannot_read)?;
        let modified = now.modified().map_err(cannot_read)?;
        if (now.len(), modified) != (self.bytes, self.modified) {
            return Err(Refusal::ChangedWhileRead);
        }
        Ok(())
    }
}

/// Whether the `.sha256` file beside a list is there and has the list's hash.
fn check_sha256_file(path: &Path, hash: FileHash) -> Result<(), Refusal> {
    let wrong = |what: String| Refusal::Sha256File(what);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sha256");
    let beside = PathBuf::from(beside);
    let is_file = beside.metadata().map(|found| found.is_file());
    if !is_file.map_err(|error| wrong(error.to_string()))? {
        return Err(wrong("it is not a file".into()));
    }
    let mut text = String::new();
    let file = File::open(&beside).map_err(|error| wrong(error.to_string()))?;
    let read = file.take(SHA256_FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| wrong(error.to_string()))?;
    let stated = text.split_ascii_whitespace().next().unwrap_or_default();
    let stated: FileHash = stated.parse().map_err(|_| wrong("it states no SHA-256".into()))?;
    if stated != hash {
        return Err(wrong(format!("it states {stated}, and the list has {hash}")));
    }
    Ok(())
}

fn cannot_read(error: io::Error) -> Refusal {
    Refusal::CannotRead(error.to_string())
}

/// Input that is hashed as it is read.
struct Hashing<R> {
    input: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    fn new(input: R) -> Self {
        Self { input, hash: Sha256::new(), bytes: 0 }
    }

    fn finish(self) -> (FileHash, u64) {
        (FileHash::from(<[u8; 32]>::from(self.hash.finalize())), self.bytes)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.hash.update(&into[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::OnStale;

    const BEFORE: &str = "0x098b716b8aaf21512996dc57eb0615e2383e2f96\n";
    const AFTER: &str = "0x098b716b8aaf21512996dc57eb0615e2383e2f97\n";

    fn list(folder: &tempfile::TempDir) -> ListSettings {
        let path = folder.path().join("list.txt");
        fs::write(&path, BEFORE).unwrap();
        ListSettings::new("own", Format::Addresses, path, OnStale::Alarm)
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let settings = list(&folder);
        let mut source = Source::open(&settings).unwrap();
        fs::write(&settings.path, [BEFORE, AFTER].concat()).unwrap();
        assert_eq!(source.read().unwrap_err(), Refusal::ChangedWhileRead);
    }

    #[test]
    fn a_file_that_changes_without_a_trace_in_its_size_and_time_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let settings = list(&folder);
        let modified = settings.path.metadata().unwrap().modified().unwrap();
        let mut source = Source::open(&settings).unwrap();
        fs::write(&settings.path, AFTER).unwrap();
        File::options().write(true).open(&settings.path).unwrap().set_modified(modified).unwrap();
        assert_eq!(source.read().unwrap_err(), Refusal::ChangedWhileRead);
    }

    #[test]
    fn a_file_that_is_replaced_while_it_is_read_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let settings = list(&folder);
        let mut source = Source::open(&settings).unwrap();
        let newer = folder.path().join("newer");
        fs::write(&newer, AFTER).unwrap();
        fs::rename(&newer, &settings.path).unwrap();
        let content = source.read().unwrap();
        assert_eq!(content.rows.len(), 1);
        assert_eq!(
            content.rows[0].address,
            BEFORE.trim().parse::<alloy_primitives::Address>().unwrap()
        );
    }
}
