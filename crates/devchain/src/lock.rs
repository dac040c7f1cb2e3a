//! Keeping a second process away from a file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
};

/// A locked file. It is unlocked when this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Locks the file, which is made if need be; none when somebody else has it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child process has the file, too, from its birth until it becomes
        // another program, and the lock ends with the last who has it.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_locked_once_and_free_again_although_a_child_has_it_open() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("lock");
        let lock = Lock::take(&path)?;
        let Some(own) = &lock else { panic!("nobody else has it") };
        assert!(Lock::take(&path)?.is_none());
        let _childs = own.0.try_clone()?;
        drop(lock);
        assert!(Lock::take(&path)?.is_some());
        Ok(())
    }
}
