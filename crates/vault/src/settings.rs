//! The section `[vault]` of settings' files.
//!
//! ```toml
//! [vault]
//! kek_file = "/run/credentials/kek"
//! previous = [{ kek_file = "/run/credentials/kek-2025" }]
//! ```

use std::{fmt, path::PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::{
    kek::Kek,
    source::{KEK_COMMAND_TIMEOUT, KekSource, SourceError},
    vault::Vault,
};

/// Where one KEK comes from: exactly one of the three is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KekSettings {
    /// A file that nobody else may read.
    pub kek_file: Option<PathBuf>,
    /// The name of an environment variable.
    pub kek_env: Option<String>,
    /// A program, with its arguments, that prints the key.
    pub kek_command: Option<Vec<String>>,
}

/// Where the KEKs come from. Of the first three exactly one is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VaultSettings {
    /// A file with the newest KEK, that nobody else may read.
    pub kek_file: Option<PathBuf>,
    /// The name of an environment variable that holds it.
    pub kek_env: Option<String>,
    /// A program, with its arguments, that prints it.
    pub kek_command: Option<Vec<String>>,
    /// Older KEKs, which open what they wrapped and wrap nothing new.
    pub previous: Vec<KekSettings>,
}

/// Which KEK it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Newest,
    /// One of the older ones, counted from 1.
    Previous(usize),
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("vault"),
            Self::Previous(number) => write!(f, "vault.previous, entry {number}"),
        }
    }
}

/// Why settings name no KEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// None, or several.
    #[error("{which}: set exactly one of kek_file, kek_env and kek_command, {found} are set")]
    NotOne {
        /// Which KEK.
        which: Which,
        /// How many are set.
        found: usize,
    },
    /// A command of no words.
    #[error("{which}: kek_command names no program")]
    NoProgram {
        /// Which KEK.
        which: Which,
    },
}

/// Why a vault cannot be opened as the settings say.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenVaultError {
    /// The settings name no KEK.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A KEK cannot be had from where it should be.
    #[error("{which}: {source}")]
    Source {
        /// Which KEK.
        which: Which,
        /// Why.
        source: SourceError,
    },
}

impl VaultSettings {
    /// Where the newest KEK comes from, then the older ones. Reads nothing.
    ///
    /// # Errors
    /// When one does not say where, or says several places.
    pub fn sources(&self) -> Result<Vec<(Which, KekSource)>, SettingsError> {
        let newest = KekSettings {
            kek_file: self.kek_file.clone(),
            kek_env: self.kek_env.clone(),
            kek_command: self.kek_command.clone(),
        };
        let previous = self.previous.iter().cloned().enumerate();
        let previous = previous.map(|(index, kek)| (Which::Previous(index + 1), kek));
        std::iter::once((Which::Newest, newest))
            .chain(previous)
            .map(|(which, kek)| kek.source(which).map(|source| (which, source)))
            .collect()
    }

    /// Reads all KEKs, and opens the vault.
    ///
    /// # Errors
    /// When the settings do not say where they come from, or one cannot be read there.
    pub fn open(&self) -> Result<Vault, OpenVaultError> {
        let mut vault: Option<Vault> = None;
        for (which, source) in self.sources()? {
            let kek: Kek =
                source.read().map_err(|source| OpenVaultError::Source { which, source })?;
            vault = Some(match vault {
                None => Vault::new(kek),
                Some(vault) => vault.with_previous(kek),
            });
        }
        vault.ok_or(SettingsError::NotOne { which: Which::Newest, found: 0 }.into())
    }
}

impl KekSettings {
    fn source(self, which: Which) -> Result<KekSource, SettingsError> {
        let mut sources = Vec::new();
        sources.extend(self.kek_file.map(KekSource::File));
        sources.extend(self.kek_env.map(KekSource::Environment));
        if let Some(words) = self.kek_command {
            let mut words = words.into_iter();
            let program = words.next().filter(|program| !program.is_empty());
            let program = program.ok_or(SettingsError::NoProgram { which })?;
            let timeout = KEK_COMMAND_TIMEOUT;
            sources.push(KekSource::Command { program, arguments: words.collect(), timeout });
        }
        match <[KekSource; 1]>::try_from(sources) {
            Ok([source]) => Ok(source),
            Err(sources) => Err(SettingsError::NotOne { which, found: sources.len() }),
        }
    }
}
