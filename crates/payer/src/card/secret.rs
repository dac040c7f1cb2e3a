//! Files with a holder's secret in them: made once, for their owner's eyes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aep2_cards::{
    error::CardError as Unreadable,
    keys::{HolderKey, HolderPublicKey},
};
use alloy_primitives::hex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use url::Url;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The most bytes of a file that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;
const KIND: &str = "aep2-card-holder-key";
const VERSION: u32 = 1;

/// Why a file gives no card. Nothing of what is in the file is repeated.
#[derive(Debug, Error)]
pub enum CardError {
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A file that is there is not written over.
    #[error("{} is there, and what it holds is not written over", .0.display())]
    Exists(PathBuf),
    /// It holds something else.
    #[error("{} is not a card's file: expected kind aep2-card, version 1, issuer, card", .0.display())]
    NotACard(PathBuf),
    /// It holds something else than a holder's key.
    #[error("{} is not a file with a card holder's key", .0.display())]
    NotAKey(PathBuf),
    /// The card in it is none, or cannot be narrowed.
    #[error(transparent)]
    Card(#[from] Unreadable),
    /// The holder's key in it is none.
    #[error("holderKey has 64 hexadecimal digits in lower case")]
    Key,
    /// The key is another holder's, or is missing.
    #[error("the card is held by the key {holder}, and that one is not in the file")]
    NotTheHolder {
        /// Whose the card is.
        holder: Box<HolderPublicKey>,
    },
    /// The issuer would be asked where others can listen.
    #[error("the issuer's address {0} is not https, and not on this machine")]
    NotSecret(Url),
}

/// An Ed25519 seed in hexadecimal, wiped when it is dropped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(super) struct Seed(String);

impl Seed {
    pub(super) fn of(key: &HolderKey) -> Self {
        Self(hex::encode(*key.to_seed()))
    }

    pub(super) fn key(&self) -> Result<HolderKey, CardError> {
        let lower = self.0.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let seed = lower.then(|| hex::decode_to_array::<_, 32>(&self.0).ok()).flatten();
        seed.map(|seed| HolderKey::from_seed(&Zeroizing::new(seed))).ok_or(CardError::Key)
    }
}

/// A holder's key in a file of its own, before there is a card.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyFile {
    kind: String,
    version: u32,
    holder_key: Seed,
    public_key: HolderPublicKey,
}

/// Writes a holder's key into a new file that only its owner can read.
///
/// # Errors
/// When there is a file, or it cannot be written.
pub fn write_key(path: &Path, key: &HolderKey) -> Result<(), CardError> {
    let file = KeyFile {
        kind: KIND.to_owned(),
        version: VERSION,
        holder_key: Seed::of(key),
        public_key: key.public(),
    };
    write_new(path, &file)
}

/// The holder's key in a file.
///
/// # Errors
/// When there is none.
pub fn read_key(path: &Path) -> Result<HolderKey, CardError> {
    let file: Option<KeyFile> = read(path)?;
    let file = file.filter(|file| file.kind == KIND && file.version == VERSION);
    let file = file.ok_or_else(|| CardError::NotAKey(path.to_owned()))?;
    let key = file.holder_key.key()?;
    if key.public() == file.public_key { Ok(key) } else { Err(CardError::Key) }
}

/// What a file holds; none where it is something else.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CardError> {
    let io = |source| CardError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(io)?;
    Ok(serde_json::from_str(&text).ok())
}

/// Writes a new file that only its owner can read.
pub(super) fn write_new(path: &Path, written: &impl Serialize) -> Result<(), CardError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => CardError::Exists(path.to_owned()),
        _ => CardError::Io { path: path.to_owned(), source },
    };
    let text = serde_json::to_string_pretty(written);
    let text = Zeroizing::new(text.map_err(|error| io(error.into()))?);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)
}
