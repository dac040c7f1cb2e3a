//! The data directory: what is where in it, and that one process at a time has it.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    process,
};

use aep2_server::settings::Rpc;
use anyhow::{Context, bail, ensure};

/// A data directory that this process has to itself. The system lets go of it when the process ends,
/// however it ends.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the directory if it is not there, and takes it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        fs::create_dir_all(path)
            .with_context(|| format!("cannot make the data directory {name}"))?;
        let lock = path.join("serve.lock");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&lock)
            .with_context(|| format!("cannot write in the data directory {name}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "the data directory {name} is in use by {}: stop it first, or name another with \
                 --data",
                owner(&mut file)
                    .map_or("another process".to_owned(), |pid| format!("process {pid}"))
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", lock.display()));
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", process::id()))
            .with_context(|| format!("cannot write {}", lock.display()))?;
        Ok(Self { path: path.to_owned(), _lock: file })
    }

    /// Whether a ledger that is here has what belongs to it on an embedded chain. What is missing is made at the first
    /// start alone: new keys and a new chain would fit no ledger that is there.
    ///
    /// # Errors
    /// When a part is missing.
    pub(crate) fn has_its_own(&self, chain: &Rpc, has_key: bool) -> anyhow::Result<()> {
        if !self.ledger().exists() || *chain != Rpc::Embedded {
            return Ok(());
        }
        let own_key = (!has_key).then(|| self.processor_key());
        let parts = [Some(self.chain()), Some(self.deployment()), own_key];
        let missing: Vec<String> = parts
            .into_iter()
            .flatten()
            .filter(|part| !part.exists())
            .map(|part| part.display().to_string())
            .collect();
        ensure!(
            missing.is_empty(),
            "{} has a ledger, and not what belongs to it: bring {} from where it was. Nothing was made anew, since it \
             would not fit",
            self.path.display(),
            missing.join(", ")
        );
        Ok(())
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        ledger_of(&self.path)
    }

    /// Evidence of disputes.
    pub(crate) fn disputes(&self) -> PathBuf {
        self.path.join("disputes")
    }

    /// The embedded chain.
    pub(crate) fn chain(&self) -> PathBuf {
        self.path.join("chain")
    }

    /// What was deployed on it.
    pub(crate) fn deployment(&self) -> PathBuf {
        self.path.join("deployment.json")
    }

    /// The processor's key on it.
    pub(crate) fn processor_key(&self) -> PathBuf {
        self.path.join("processor.key")
    }

    /// The key on it that pays for gas of the scheme `exact`.
    pub(crate) fn exact_key(&self) -> PathBuf {
        self.path.join("exact.key")
    }

    /// The proving keys, where the settings name no other folder.
    pub(crate) fn proving_keys(&self) -> PathBuf {
        self.path.join("keys")
    }
}

/// The ledger in a data directory.
pub(crate) fn ledger_of(data: &Path) -> PathBuf {
    data.join("ledger")
}

/// The process that has the directory, as it wrote itself down.
fn owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
