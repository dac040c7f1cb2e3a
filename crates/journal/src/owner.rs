//! One process at a time: RocksDB would refuse a second one too, but could not name the first.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
    process,
};

use crate::error::OpenError;

/// Held for as long as the journal is open. The system lets go of it when the process ends, however
/// it ends.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of a journal's directory, or says who has it.
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join("owner.lock");
        let io_error = |action| {
            let path = path.clone();
            move |source| OpenError::Io { action, path, source }
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io_error("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = owner(&mut file).unwrap_or(None);
                return Err(OpenError::InUse { path: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(io_error("lock")(source)),
        }
        write_owner(&mut file).map_err(io_error("write"))?;
        Ok(Self { _file: file })
    }
}

fn owner(file: &mut File) -> io::Result<Option<u32>> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text)?;
    Ok(text.trim().parse().ok())
}

fn write_owner(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", process::id())
}
