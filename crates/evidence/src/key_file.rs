//! Where the key-encryption key comes from, and the key file that is made where nobody set one up.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use aep2_vault::{KekSource, OpenVaultError, Vault, VaultSettings, generate};

use crate::error::EvidenceError;

/// The name of the key file beside the store.
pub const KEY_FILE: &str = "kek";

/// Where the key-encryption key comes from.
#[derive(Clone, Debug)]
pub enum KeyFrom {
    /// The operator keeps it elsewhere.
    Vault(Vault),
    /// Nobody set one up: it is the file [`KEY_FILE`] beside the store, made at the first start, which
    /// only its owner may read. **Weak**: whoever copies the directory, a backup's thief too, has both and
    /// reads everything. It helps against who can read the database's files alone, and lets a piece be
    /// destroyed.
    BesideTheStore,
}

impl KeyFrom {
    /// As the section `[vault]` of settings says; beside the store where it says nothing.
    ///
    /// # Errors
    /// When it says where, and there is no key.
    pub fn settings(settings: &VaultSettings) -> Result<Self, OpenVaultError> {
        if *settings == VaultSettings::default() {
            return Ok(Self::BesideTheStore);
        }
        settings.open().map(Self::Vault)
    }

    /// The vault. A key file is made only where nothing was sealed so far. The caller holds the store's
    /// lock, so nobody else makes one meanwhile.
    pub(crate) fn open(self, directory: &Path, is_empty: bool) -> Result<Vault, EvidenceError> {
        if let Self::Vault(vault) = self {
            return Ok(vault);
        }
        let path = directory.join(KEY_FILE);
        if exists(&path)? {
            return Ok(Vault::new(KekSource::File(path).read()?));
        }
        if !is_empty {
            return Err(EvidenceError::KeyFileMissing(path));
        }
        make(directory, &path)?;
        Ok(Vault::new(KekSource::File(path).read()?))
    }
}

/// Makes the key under another name first: a start that is killed leaves the whole key, or none.
fn make(directory: &Path, path: &Path) -> Result<(), EvidenceError> {
    let failed = |action| move |source| EvidenceError::Io { action, path: path.to_owned(), source };
    let unnamed = directory.join("kek.new");
    // Of a start that was killed. No piece was ever sealed with it.
    if exists(&unnamed)? {
        fs::remove_file(&unnamed).map_err(failed("make"))?;
    }
    generate(&unnamed)?;
    fs::rename(&unnamed, path).map_err(failed("make"))?;
    File::open(directory).and_then(|folder| folder.sync_all()).map_err(failed("sync"))
}

fn exists(path: &Path) -> Result<bool, EvidenceError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(EvidenceError::Io { action: "look for", path: path.to_owned(), source }),
    }
}
