//! The mandate key that a command registers: read from its file, or made.

use std::path::{Path, PathBuf};

use aep2_chain::wallet::units::KeyHash;
use aep2_mandate::eddsa::PublicKey;
use aep2_payer::wallet::key::{self, KeyError};
use anyhow::Context;
use clap::Args;

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
            (None, Some(path)) => Ok(Some(key::make(path)?.public())),
            (None, None) => Ok(None),
        }
    }

    /// Whether they name one.
    pub(crate) fn is_given(&self) -> bool {
        self.mandate_key.is_some() || self.new_mandate_key.is_some()
    }

    /// What came of using the key. After a failure it says where a key is that was made.
    pub(crate) fn used<T>(&self, done: anyhow::Result<T>) -> anyhow::Result<T> {
        let Some(made) = self.made() else { return done };
        done.with_context(|| {
            let made = made.display();
            format!("the new key is in {made}; try again with --mandate-key {made}")
        })
    }

    /// The file of a key that is to be made, or was.
    pub(crate) fn made(&self) -> Option<&Path> {
        self.new_mandate_key.as_deref()
    }
}

/// The public half of the key in a file.
fn read(path: &Path) -> anyhow::Result<PublicKey> {
    match key::read(path) {
        Ok(key) => Ok(key.public()),
        Err(error @ KeyError::NotAKey(_)) => {
            Err(error).context("`aep2 account open --new-mandate-key FILE` makes a mandate key")
        }
        Err(error) => Err(error.into()),
    }
}

/// The hash of a key, as JSON has it.
pub(crate) fn hash(key: Option<PublicKey>) -> Option<KeyHash> {
    key.as_ref().map(KeyHash::of)
}
