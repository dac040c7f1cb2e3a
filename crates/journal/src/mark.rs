//! The number of the last commit that was acknowledged, in a file beside the database.
//!
//! It is written after a commit is on disk and before anybody hears of it, and is not synced
//! itself. So it may lag behind after the power failed, and never runs ahead: a journal that
//! ends before its mark has lost something that somebody was told of.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::Path,
};

use alloy_primitives::keccak256;

use crate::error::OpenError;

/// The number and the beginning of its hash: a mark cut off while it was written is none.
const MARK_BYTES: usize = 16;
/// The file.
const NAME: &str = "acknowledged";

#[derive(Debug)]
pub(crate) struct Mark {
    file: File,
}

/// Whether there is a mark.
pub(crate) fn is_there(directory: &Path) -> bool {
    directory.join(NAME).exists()
}

impl Mark {
    /// The last commit acknowledged, or 0 when that is not known.
    pub(crate) fn read(directory: &Path) -> Result<u64, OpenError> {
        let path = directory.join(NAME);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(1 << 10).read_to_end(&mut bytes)) {
            Ok(_) => Ok(decode(&bytes).unwrap_or(0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(OpenError::Io { action: "read", path, source }),
        }
    }

    /// Opens the mark for writing, and sets it to `commit`.
    pub(crate) fn open(directory: &Path, commit: u64) -> Result<Self, OpenError> {
        let path = directory.join(NAME);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let set = file.and_then(|file| {
            let mark = Self { file };
            mark.set(commit)?;
            Ok(mark)
        });
        set.map_err(|source| OpenError::Io { action: "write", path, source })
    }

    /// Sets the mark behind `commit`.
    pub(crate) fn set(&self, commit: u64) -> io::Result<()> {
        self.file.write_all_at(&encode(commit), 0)
    }
}

fn encode(commit: u64) -> [u8; MARK_BYTES] {
    let number = commit.to_be_bytes();
    let mut bytes = [0; MARK_BYTES];
    bytes[..8].copy_from_slice(&number);
    bytes[8..].copy_from_slice(&keccak256(number)[..8]);
    bytes
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let (number, _) = bytes.split_first_chunk::<8>()?;
    let commit = u64::from_be_bytes(*number);
    (bytes == encode(commit)).then_some(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_was_cut_off_or_changed_is_none() {
        for commit in [0, 1, u64::MAX] {
            let bytes = encode(commit);
            assert_eq!(decode(&bytes), Some(commit));
            assert_eq!(decode(&bytes[..15]), None);
            for index in 0..bytes.len() {
                let mut changed = bytes;
                changed[index] ^= 1;
                assert_eq!(decode(&changed), None);
            }
        }
    }
}
