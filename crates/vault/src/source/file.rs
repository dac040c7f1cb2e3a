//! A key in a file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use alloy_primitives::hex;
use zeroize::Zeroizing;

use super::error::SourceError;
use crate::{kek::Kek, key_text::TEXT_BYTES_MAX};

/// The text in a key's file, which nobody but its owner may read or write.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let failed = |source| SourceError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile(path.to_owned()));
    }
    // Of the file that is open, not of whatever has its name by now.
    check_permissions(path, &metadata)?;
    // As large as it gets, so that it is not moved, and no copy is left behind.
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX + 1));
    file.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(unix)]
fn check_permissions(path: &Path, metadata: &std::fs::Metadata) -> Result<(), SourceError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(SourceError::Permissions { path: path.to_owned(), mode })
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &std::fs::Metadata) -> Result<(), SourceError> {
    Ok(())
}

/// Makes a random key in a new file that only its owner may read: 64 hexadecimal digits.
///
/// # Errors
/// When the file is there already, or cannot be written, or there are no random numbers.
pub fn generate(path: &Path) -> Result<Kek, SourceError> {
    let kek = Kek::random()
        .map_err(|source| SourceError::Key { place: path.display().to_string(), source })?;
    let mut text = Zeroizing::new([0; 65]);
    text[64] = b'\n';
    let failed = |source| SourceError::Io { path: path.to_owned(), source };
    hex::encode_to_slice(kek.as_bytes(), &mut text[..64])
        .map_err(|error| failed(io::Error::other(error)))?;
    let mut file = create(path)?;
    file.write_all(&*text).and_then(|()| file.sync_all()).map_err(failed)?;
    sync_directory(path).map_err(failed)?;
    Ok(kek)
}

fn create(path: &Path) -> Result<File, SourceError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => SourceError::Exists(path.to_owned()),
        _ => SourceError::Io { path: path.to_owned(), source },
    })
}

/// Has the file's name survive a power failure: what was sealed under a key that is gone is gone.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if cfg!(unix) { File::open(parent.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}
