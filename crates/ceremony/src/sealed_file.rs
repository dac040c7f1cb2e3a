//! A file that stays what it was when it was opened.
//!
//! A ceremony's files are large. They are read in pieces, and more than once: to verify them, and then to
//! multiply what was verified. Whoever can write to a file in between shows one file to the verification
//! and another to the multiplication. So a file is opened once and read from its first byte to its last,
//! and the hash of each piece is kept. Whatever is read afterwards comes through the same handle, and is
//! compared with its hash before anybody sees it.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use blake2::{Blake2b512, Digest};

use crate::error::CeremonyError;

/// Bytes that are read, hashed and compared at once.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

/// A file, open for reading.
#[derive(Debug)]
pub(crate) struct SealedFile {
    path: PathBuf,
    file: File,
    length: u64,
    /// BLAKE3 of each piece, as it was when the file was opened.
    pieces: Vec<[u8; 32]>,
    hash: [u8; 64],
}

impl SealedFile {
    /// Opens a file that begins with `magic`, and reads all of it.
    ///
    /// # Errors
    /// When it cannot be read, or begins with something else.
    pub(crate) fn open(path: &Path, magic: &'static str) -> Result<Self, CeremonyError> {
        let failed = |source| CeremonyError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let (pieces, hash) = (Vec::new(), [0; 64]);
        let mut own = Self { path: path.to_owned(), file, length, pieces, hash };
        if length < magic.len() as u64 {
            return Err(CeremonyError::damaged(path, "it is too short"));
        }
        let mut start = vec![0; magic.len()];
        own.file.read_exact_at(&mut start, 0).map_err(failed)?;
        if start != magic.as_bytes() {
            return Err(CeremonyError::OtherFormat { path: path.to_owned(), expected: magic });
        }

        let mut hasher = Blake2b512::new();
        for index in 0..length.div_ceil(PIECE_BYTES as u64) {
            let piece = own.fetch(index)?;
            let seal = || *blake3::hash(&piece).as_bytes();
            let (seal, _) = rayon::join(seal, || hasher.update(&piece));
            own.pieces.push(seal);
        }
        own.hash = hasher.finalize().into();
        Ok(own)
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// BLAKE2b of the whole file, what `b2sum` prints.
    pub(crate) fn hash(&self) -> &[u8; 64] {
        &self.hash
    }

    /// A piece as it is on the disk now. The last one is shorter than the others.
    fn fetch(&self, index: u64) -> Result<Vec<u8>, CeremonyError> {
        let start = index * PIECE_BYTES as u64;
        let bytes = (self.length - start).min(PIECE_BYTES as u64) as usize;
        let mut piece = vec![0; bytes];
        self.file
            .read_exact_at(&mut piece, start)
            .map_err(|source| CeremonyError::Io { path: self.path.clone(), source })?;
        Ok(piece)
    }

    /// Starts to read the bytes from `start` to `end`, which lie in the file.
    pub(crate) fn reader(&self, start: u64, end: u64) -> SealedReader<'_> {
        assert!(start <= end && end <= self.length, "the range lies in the file");
        SealedReader { file: self, next: start, end, piece: None }
    }
}

/// What is left of a range of a file.
#[derive(Debug)]
pub(crate) struct SealedReader<'a> {
    file: &'a SealedFile,
    next: u64,
    end: u64,
    /// The piece that was read last, and which one it is.
    piece: Option<(u64, Vec<u8>)>,
}

impl SealedReader<'_> {
    /// The next bytes.
    ///
    /// # Errors
    /// When there are not so many left, the file cannot be read, or it was changed since it was opened.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<Vec<u8>, CeremonyError> {
        // Before anything is allocated: what is left is no more than the file has.
        if bytes as u64 > self.end - self.next {
            return Err(CeremonyError::damaged(self.path(), "a section is too short"));
        }
        let mut taken = Vec::with_capacity(bytes);
        while taken.len() < bytes {
            let within = (self.next % PIECE_BYTES as u64) as usize;
            let wanted = bytes - taken.len();
            let piece = self.piece()?;
            let part = &piece[within..piece.len().min(within + wanted)];
            taken.extend_from_slice(part);
            self.next += part.len() as u64;
        }
        Ok(taken)
    }

    /// The piece in which the next byte lies, which is what it was.
    fn piece(&mut self) -> Result<&[u8], CeremonyError> {
        let index = self.next / PIECE_BYTES as u64;
        if self.piece.as_ref().is_none_or(|(held, _)| *held != index) {
            let piece = self.file.fetch(index)?;
            if *blake3::hash(&piece).as_bytes() != self.file.pieces[index as usize] {
                return Err(CeremonyError::ChangedMeanwhile { path: self.path().to_owned() });
            }
            self.piece = Some((index, piece));
        }
        let (_, piece) = self.piece.as_ref().expect("it was just read");
        Ok(piece)
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}
