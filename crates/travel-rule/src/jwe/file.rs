//! The processor's key in a file: a private JWK that nobody but its owner may read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use super::{error::KeyError, key::ProcessorKey};

/// A JWK on P-256 has some 250.
const FILE_BYTES_MAX: usize = 4096;

/// The key in a file.
///
/// # Errors
/// When it cannot be read, when others may read or write it, and when it is no key.
pub fn read(path: &Path) -> Result<ProcessorKey, KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(KeyError::NotAFile(path.to_owned()));
    }
    // Of the file that is open, not of whatever has its name by now.
    check_permissions(path, &metadata)?;
    // As large as it gets, so that it is not moved, and no copy is left behind.
    let mut jwk = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut jwk).map_err(failed)?;
    if jwk.len() > FILE_BYTES_MAX {
        return Err(KeyError::NotAKey);
    }
    ProcessorKey::from_jwk(&jwk)
}

#[cfg(unix)]
fn check_permissions(path: &Path, metadata: &std::fs::Metadata) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(KeyError::Permissions { path: path.to_owned(), mode })
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &std::fs::Metadata) -> Result<(), KeyError> {
    Ok(())
}

/// Makes a random key in a new file that only its owner may read.
///
/// # Errors
/// When the file is there already, or cannot be written, or there are no random numbers.
pub fn generate(path: &Path) -> Result<ProcessorKey, KeyError> {
    let key = ProcessorKey::random()?;
    let jwk = key.to_jwk()?;
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let mut file = create(path)?;
    file.write_all(jwk.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_directory(path))
        .map_err(failed)?;
    Ok(key)
}

fn create(path: &Path) -> Result<File, KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io { path: path.to_owned(), source },
    })
}

/// Has the file's name survive a power failure: payers seal to the key as soon as it is shown.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if cfg!(unix) { File::open(parent.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}
