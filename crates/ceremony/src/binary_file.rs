//! The container of snarkjs's binary files: a magic word, a version, numbered sections.
//!
//! | part | bytes |
//! | --- | --- |
//! | magic: `ptau`, `zkey`, `r1cs`, `wtns` | 4 |
//! | version | 4 |
//! | number of sections | 4 |
//! | each section: its number, its length, its content | 4, 8, length |
//!
//! All numbers are little-endian. A file is read section by section and in pieces: sections of a large
//! circuit take hundreds of megabytes. Reading is strict: no section twice, nothing after the last. No
//! number in a file makes the reader allocate more than the file is long.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::CeremonyError,
    sealed_file::{PIECE_BYTES, SealedFile, SealedReader},
};

/// No kind of file has more sections: a `.ptau` has eleven.
const SECTIONS_MAX: u32 = 64;

/// Where a section's content lies.
#[derive(Clone, Copy, Debug)]
struct Section {
    start: u64,
    bytes: u64,
}

/// A file of sections, open for reading. It stays what it was when it was opened.
#[derive(Debug)]
pub(crate) struct BinaryFile {
    file: SealedFile,
    sections: BTreeMap<u32, Section>,
}

impl BinaryFile {
    /// Opens a file, reads all of it once, and finds its sections.
    ///
    /// # Errors
    /// When it cannot be read, is of another kind or version, or its sections do not fill it.
    pub(crate) fn open(
        path: &Path,
        magic: &'static str,
        version_max: u32,
    ) -> Result<Self, CeremonyError> {
        const HEAD_BYTES: u64 = 12;

        let damaged = |reason| CeremonyError::damaged(path, reason);
        let file = SealedFile::open(path, magic)?;
        let head = |start: u64, reason| {
            let end = start.checked_add(HEAD_BYTES).filter(|end| *end <= file.length());
            file.reader(start, end.ok_or_else(|| damaged(reason))?).take(HEAD_BYTES as usize)
        };
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));

        let first = head(0, "it is too short")?;
        let [version, count] = [number(&first[4..8]), number(&first[8..])];
        if version == 0 || version > version_max {
            return Err(damaged("its version is not known"));
        }
        if count > SECTIONS_MAX {
            return Err(damaged("it has too many sections"));
        }
        let mut sections = BTreeMap::new();
        let mut start = HEAD_BYTES;
        for _ in 0..count {
            let head = head(start, "it is cut short")?;
            let bytes = u64::from_le_bytes(head[4..].try_into().expect("eight bytes"));
            start += HEAD_BYTES;
            if sections.insert(number(&head[..4]), Section { start, bytes }).is_some() {
                return Err(damaged("it has a section twice"));
            }
            start = start
                .checked_add(bytes)
                .filter(|end| *end <= file.length())
                .ok_or_else(|| damaged("it is cut short"))?;
        }
        if start != file.length() {
            return Err(damaged("there is something after its last section"));
        }
        Ok(Self { file, sections })
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// BLAKE2b of the whole file.
    pub(crate) fn hash(&self) -> &[u8; 64] {
        self.file.hash()
    }

    /// Whether the file has this section.
    pub(crate) fn has(&self, section: u32) -> bool {
        self.sections.contains_key(&section)
    }

    /// How long a section is: no longer than the file.
    ///
    /// # Errors
    /// When the file does not have it.
    pub(crate) fn bytes_of(&self, section: u32) -> Result<u64, CeremonyError> {
        self.section(section).map(|section| section.bytes)
    }

    fn section(&self, number: u32) -> Result<Section, CeremonyError> {
        let missing = || CeremonyError::damaged(self.path(), "a section is missing");
        self.sections.get(&number).copied().ok_or_else(missing)
    }

    /// Starts to read a section at a place in it.
    ///
    /// # Errors
    /// When the file does not have so long a section.
    pub(crate) fn reader(&self, number: u32, skip: u64) -> Result<SealedReader<'_>, CeremonyError> {
        let Section { start, bytes } = self.section(number)?;
        if skip > bytes {
            return Err(CeremonyError::damaged(self.path(), "a section is too short"));
        }
        Ok(self.file.reader(start + skip, start + bytes))
    }

    /// A whole section, one that is known to be small.
    ///
    /// # Errors
    /// When there is none, it is longer than `bytes_max`, or cannot be read.
    pub(crate) fn small(&self, number: u32, bytes_max: u64) -> Result<Vec<u8>, CeremonyError> {
        let bytes = self.bytes_of(number)?;
        if bytes > bytes_max {
            return Err(CeremonyError::damaged(self.path(), "a section is too long"));
        }
        self.reader(number, 0)?.take(bytes as usize)
    }

    /// Whether two files have the same section, byte for byte.
    ///
    /// # Errors
    /// When one of them does not have it, or cannot be read.
    pub(crate) fn same_section(&self, other: &Self, number: u32) -> Result<bool, CeremonyError> {
        let bytes = self.bytes_of(number)?;
        if bytes != other.bytes_of(number)? {
            return Ok(false);
        }
        let (mut own, mut others) = (self.reader(number, 0)?, other.reader(number, 0)?);
        let mut left = bytes as usize;
        while left > 0 {
            let piece = left.min(PIECE_BYTES);
            if own.take(piece)? != others.take(piece)? {
                return Ok(false);
            }
            left -= piece;
        }
        Ok(true)
    }
}

/// A file of sections that is being written. It appears under its name complete or not at all.
#[derive(Debug)]
pub(crate) struct BinaryWriter {
    path: PathBuf,
    partial: PathBuf,
    file: Option<BufWriter<File>>,
    /// Where the section that is being written says its length, and its length so far.
    open: Option<(u64, u64)>,
    written: u64,
}

impl BinaryWriter {
    /// Starts a file.
    pub(crate) fn create(
        path: &Path,
        magic: &'static str,
        version: u32,
        sections: u32,
    ) -> Result<Self, CeremonyError> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = File::create(&partial)
            .map_err(|source| CeremonyError::Io { path: path.to_owned(), source })?;
        let file = Some(BufWriter::with_capacity(1 << 20, file));
        let mut writer = Self { path: path.to_owned(), partial, file, open: None, written: 0 };
        writer.put(magic.as_bytes())?;
        writer.put(&version.to_le_bytes())?;
        writer.put(&sections.to_le_bytes())?;
        Ok(writer)
    }

    /// Starts a section.
    pub(crate) fn begin(&mut self, number: u32) -> Result<(), CeremonyError> {
        assert!(self.open.is_none(), "one section is written at a time");
        self.put(&number.to_le_bytes())?;
        let place = self.written;
        self.put(&0u64.to_le_bytes())?;
        self.open = Some((place, 0));
        Ok(())
    }

    /// Writes into the section.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), CeremonyError> {
        self.written += bytes.len() as u64;
        if let Some((_, length)) = &mut self.open {
            *length += bytes.len() as u64;
        }
        self.with_file(|file| file.write_all(bytes))
    }

    /// Ends a section.
    pub(crate) fn end(&mut self) -> Result<(), CeremonyError> {
        let (place, length) = self.open.take().expect("a section was begun");
        self.with_file(|file| {
            file.seek(SeekFrom::Start(place))?;
            file.write_all(&length.to_le_bytes())?;
            file.seek(SeekFrom::End(0)).map(drop)
        })
    }

    /// Writes a section at once.
    pub(crate) fn section(&mut self, number: u32, content: &[u8]) -> Result<(), CeremonyError> {
        self.begin(number)?;
        self.put(content)?;
        self.end()
    }

    /// Copies a section.
    pub(crate) fn copy(&mut self, from: &BinaryFile, number: u32) -> Result<(), CeremonyError> {
        let mut left = from.bytes_of(number)? as usize;
        let mut reader = from.reader(number, 0)?;
        self.begin(number)?;
        while left > 0 {
            let piece = left.min(PIECE_BYTES);
            self.put(&reader.take(piece)?)?;
            left -= piece;
        }
        self.end()
    }

    /// Brings the file to the disk and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), CeremonyError> {
        let path = self.path.clone();
        let failed = |source| CeremonyError::Io { path: path.clone(), source };
        let file = self.file.take().expect("it is finished once");
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&self.partial, &path).map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }

    fn with_file(
        &mut self,
        work: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), CeremonyError> {
        let file = self.file.as_mut().expect("it is not finished");
        work(file).map_err(|source| CeremonyError::Io { path: self.path.clone(), source })
    }
}

impl Drop for BinaryWriter {
    /// What was not finished is worth nothing.
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.partial);
        }
    }
}
