//! Mandate keys in files.
//!
//! A file says what it holds, so that an owner's Ethereum key is not taken for a mandate key: an
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
    io::{Read, Write},
    path::{Path, PathBuf},
};

use aep2_chain::wallet::units::KeyHash;
use aep2_mandate::{
    eddsa::{PublicKey, SecretKey},
    wire::{Element, Strict},
};
use alloy::primitives::B256;
use anyhow::{Context, bail, ensure};
use clap::Args;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ethereum_key::warn_if_readable_by_others;

const KIND: &str = "aep2-mandate-key";
const VERSION: u32 = 1;

/// The most bytes of a key's file that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The mandate key to register.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct MandateKeyOptions {
    /// File with the agent's mandate key, or with its public half {"x": …, "y": …} alone
    #[arg(long, value_name = "FILE")]
    mandate_key: Option<PathBuf>,

    /// Make a mandate key and write it to this new file, for its owner's eyes only (0600)
    #[arg(long, value_name = "FILE")]
    new_mandate_key: Option<PathBuf>,
}

impl MandateKeyOptions {
    /// The key that the options name, read or made; none when they name none.
    pub(crate) fn load_or_make(&self) -> anyhow::Result<Option<PublicKey>> {
        match (&self.mandate_key, &self.new_mandate_key) {
            (Some(path), _) => read(path).map(Some),
            (None, Some(path)) => make(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Whether they name one.
    pub(crate) fn is_given(&self) -> bool {
        self.mandate_key.is_some() || self.new_mandate_key.is_some()
    }

    /// The file of a key that is to be made, or was.
    pub(crate) fn made(&self) -> Option<&Path> {
        self.new_mandate_key.as_deref()
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

/// The public half of the key in a file.
fn read(path: &Path) -> anyhow::Result<PublicKey> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open the mandate key {name}"))?;
    let mut text = Zeroizing::new(String::new());
    (&file)
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read the mandate key {name}"))?;
    // Where there is no secret, others may read.
    if let Ok(public) = serde_json::from_str::<PublicKeyFile>(&text) {
        return PublicKey::new(public.x.0, public.y.0)
            .with_context(|| format!("{name} holds no mandate key"));
    }
    warn_if_readable_by_others(&file, path);
    // The error would repeat parts of the text.
    let Ok(key) = serde_json::from_str::<KeyFile>(&text) else {
        bail!(
            "{name} is not a mandate key's file; `aep2 account open --new-mandate-key FILE` makes \
             one. (An Ethereum key is no mandate key, and has no business on an agent's machine.)"
        )
    };
    ensure!(
        key.kind == KIND && key.version == VERSION,
        "{name} is a file of another kind or version than {KIND} {VERSION}"
    );
    let public = SecretKey::from_seed(key.private_key.0.0).public();
    ensure!(
        PublicKeyFile::from(public) == key.public_key,
        "the two halves of the key in {name} do not belong together; the file is damaged"
    );
    Ok(public)
}

/// A fresh key, on the disk before anything is done with it.
fn make(path: &Path) -> anyhow::Result<PublicKey> {
    let name = path.display();
    let secret = SecretKey::generate(&mut OsRng);
    let contents = KeyFile {
        kind: KIND.to_owned(),
        version: VERSION,
        private_key: Strict(B256::from(*secret.seed())),
        public_key: secret.public().into(),
    };
    let text = Zeroizing::new(serde_json::to_string_pretty(&contents)? + "\n");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot make {name}; a file that is there is not written over"))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {name}"))?;
    Ok(secret.public())
}

/// The hash of a key, as JSON has it.
pub(crate) fn hash(key: Option<PublicKey>) -> Option<KeyHash> {
    key.as_ref().map(KeyHash::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_made_is_read_back_and_its_owners_alone() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("agent.json");
        let made = make(&path)?;
        assert_eq!(read(&path)?, made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        }
        assert!(make(&path).is_err(), "a key in use was written over");
        assert_eq!(read(&path)?, made);

        let public = folder.path().join("public.json");
        std::fs::write(&public, serde_json::to_string(&PublicKeyFile::from(made))?)?;
        assert_eq!(read(&public)?, made);
        Ok(())
    }

    #[test]
    fn what_is_no_mandate_key_is_refused_and_not_repeated() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        let digits = "01".repeat(32);
        let ethereum = format!("0x{digits}\n");
        let identity = format!(r#"{{"x":"0x{:064x}","y":"0x{:064x}"}}"#, 0, 1);
        for text in [&ethereum, &identity, "", "{}"] {
            std::fs::write(&path, text)?;
            let Err(error) = read(&path) else { panic!("{text:?} was taken for a mandate key") };
            assert!(!format!("{error:#}").contains(&digits), "{error:#}");
        }

        // The halves of two keys.
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        make(&one)?;
        make(&other)?;
        let mut mixed: KeyFile = serde_json::from_str(&std::fs::read_to_string(&one)?)?;
        let second: KeyFile = serde_json::from_str(&std::fs::read_to_string(&other)?)?;
        mixed.public_key = second.public_key;
        std::fs::write(&path, serde_json::to_string(&mixed)?)?;
        let Err(error) = read(&path) else { panic!("two halves were taken for one key") };
        assert!(error.to_string().contains("do not belong together"), "{error:#}");
        Ok(())
    }
}
