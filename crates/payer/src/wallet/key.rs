//! A mandate key in a file.
//!
//! The file says what it holds, so that an owner's Ethereum key is not taken for a mandate key: an
//! agent's machine must never see that one.
//!
//! ```json
//! { "kind": "aep2-mandate-key", "version": 1, "privateKey": "0x…", "publicKey": { "x": "0x…", "y": "0x…" } }
//! ```
//!
//! Registering a key takes its public half only, `{ "x": "0x…", "y": "0x…" }` as mandates have it: what
//! an agent hands to its owner.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aep2_mandate::{
    eddsa::{PublicKey, SecretKey},
    wire::{Element, Strict},
};
use alloy_primitives::B256;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

const KIND: &str = "aep2-mandate-key";
const VERSION: u32 = 1;

/// The most bytes of a key's file that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Why a file gives no mandate key. Nothing of what is in the file is repeated.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file system.
    #[error("the mandate key {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A file that is there is not written over.
    #[error("{} is there, and a key in use is not written over", .0.display())]
    Exists(PathBuf),
    /// It holds something else.
    #[error(
        "{} is not a mandate key's file. (An Ethereum key is no mandate key, and has no business \
         on an agent's machine.)",
        .0.display()
    )]
    NotAKey(PathBuf),
    /// It is of another kind or version.
    #[error("{} is a file of another kind or version than {KIND} {VERSION}", .0.display())]
    OtherVersion(PathBuf),
    /// Its halves are those of two keys.
    #[error(
        "the two halves of the key in {} do not belong together; the file is damaged", .0.display()
    )]
    Damaged(PathBuf),
    /// It holds the public half alone, which signs nothing.
    #[error("{} holds the public half of a mandate key, and signing takes the other", .0.display())]
    PublicOnly(PathBuf),
}

/// What a key's file holds.
#[derive(Debug)]
pub enum Key {
    /// Both halves.
    Secret(SecretKey),
    /// The half that is registered.
    Public(PublicKey),
}

impl Key {
    /// The half that is registered.
    pub fn public(&self) -> PublicKey {
        match self {
            Self::Secret(secret) => secret.public(),
            Self::Public(public) => *public,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyFile {
    kind: String,
    version: u32,
    private_key: Strict<B256>,
    public_key: PublicKeyFile,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKeyFile {
    x: Element,
    y: Element,
}

impl From<PublicKey> for PublicKeyFile {
    fn from(key: PublicKey) -> Self {
        Self { x: Element(key.x()), y: Element(key.y()) }
    }
}

/// The key in a file: both halves, or the public one alone.
///
/// # Errors
/// When the file cannot be read, or is no mandate key's.
pub fn read(path: &Path) -> Result<Key, KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut text = Zeroizing::new(String::new());
    (&file).take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    // Where there is no secret, others may read.
    if let Ok(public) = serde_json::from_str::<PublicKeyFile>(&text) {
        let public = PublicKey::new(public.x.0, public.y.0);
        return public.map(Key::Public).map_err(|_| KeyError::NotAKey(path.to_owned()));
    }
    warn_if_readable_by_others(&file, path);
    // The error would repeat parts of the text.
    let Ok(key) = serde_json::from_str::<KeyFile>(&text) else {
        return Err(KeyError::NotAKey(path.to_owned()));
    };
    if key.kind != KIND || key.version != VERSION {
        return Err(KeyError::OtherVersion(path.to_owned()));
    }
    let secret = SecretKey::from_seed(key.private_key.0.0);
    if PublicKeyFile::from(secret.public()) != key.public_key {
        return Err(KeyError::Damaged(path.to_owned()));
    }
    Ok(Key::Secret(secret))
}

/// The key in a file, to sign with.
///
/// # Errors
/// As [`read`], and when the file holds the public half alone.
pub fn read_secret(path: &Path) -> Result<SecretKey, KeyError> {
    match read(path)? {
        Key::Secret(secret) => Ok(secret),
        Key::Public(_) => Err(KeyError::PublicOnly(path.to_owned())),
    }
}

/// A fresh key in a new file: see [`write()`].
///
/// # Errors
/// When the file is there, or cannot be written.
pub fn make(path: &Path) -> Result<SecretKey, KeyError> {
    let secret = SecretKey::generate(&mut OsRng);
    write(path, &secret)?;
    Ok(secret)
}

/// Writes a key to a new file for its owner's eyes only (0600), on the disk before this returns.
///
/// # Errors
/// When the file is there, or cannot be written.
pub fn write(path: &Path, secret: &SecretKey) -> Result<(), KeyError> {
    let contents = KeyFile {
        kind: KIND.to_owned(),
        version: VERSION,
        private_key: Strict(B256::from(*secret.seed())),
        public_key: secret.public().into(),
    };
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io { path: path.to_owned(), source },
    };
    let text = serde_json::to_string_pretty(&contents).map_err(|error| failed(error.into()))?;
    let text = Zeroizing::new(text + "\n");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Says so when others than its owner can read a secret's file.
#[cfg(unix)]
pub fn warn_if_readable_by_others(file: &File, path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    const OTHERS: u32 = 0o077;
    let mode = file.metadata().ok().filter(|data| data.is_file()).map(|d| d.permissions().mode());
    if mode.is_some_and(|mode| mode & OTHERS != 0) {
        let name = path.display();
        tracing::warn!("others than you can read {name}; let only yourself: chmod 600 {name}");
    }
}

/// Says so when others than its owner can read a secret's file.
#[cfg(not(unix))]
pub fn warn_if_readable_by_others(_: &File, _: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    type Done = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_key_that_is_made_is_read_back_and_its_owners_alone() -> Done {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("agent.json");
        let made = make(&path)?;
        assert_eq!(read_secret(&path)?.seed(), made.seed());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(make(&path), Err(KeyError::Exists(_))), "a key in use was written over");
        assert_eq!(read(&path)?.public(), made.public());

        let public = folder.path().join("public.json");
        std::fs::write(&public, serde_json::to_string(&PublicKeyFile::from(made.public()))?)?;
        assert_eq!(read(&public)?.public(), made.public());
        assert!(matches!(read_secret(&public), Err(KeyError::PublicOnly(_))));
        Ok(())
    }

    #[test]
    fn what_is_no_mandate_key_is_refused_and_not_repeated() -> Done {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        let digits = "01".repeat(32);
        let ethereum = format!("0x{digits}\n");
        let identity = format!(r#"{{"x":"0x{:064x}","y":"0x{:064x}"}}"#, 0, 1);
        for text in [&ethereum, &identity, "", "{}"] {
            std::fs::write(&path, text)?;
            let Err(error) = read(&path) else { panic!("{text:?} was taken for a mandate key") };
            assert!(!format!("{error:?} {error}").contains(&digits), "{error}");
        }

        // The halves of two keys.
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        make(&one)?;
        make(&other)?;
        let mut mixed: KeyFile = serde_json::from_str(&std::fs::read_to_string(&one)?)?;
        let second: KeyFile = serde_json::from_str(&std::fs::read_to_string(&other)?)?;
        mixed.public_key = second.public_key;
        std::fs::write(&path, serde_json::to_string(&mixed)?)?;
        assert!(matches!(read(&path), Err(KeyError::Damaged(_))), "two halves are no key");
        Ok(())
    }
}
