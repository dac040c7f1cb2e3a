//! Why there is no key where one should be. Nothing of what is there is repeated.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::command::CommandError;
use crate::{key::KekError, key_text::KeyTextError};

/// Why there is no key where one should be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file system.
    #[error("the key-encryption key {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no file.
    #[error("the key-encryption key {} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Others may read it.
    #[error(
        "others than its owner may read or write {}, its mode is {mode:04o}: chmod 600",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key in use is not written over.
    #[error("{} is there, and a key in use is not written over", .0.display())]
    Exists(PathBuf),
    /// There is no such variable.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// The command gives none.
    #[error("the command {program:?}: {source}")]
    Command {
        /// The program.
        program: String,
        /// Why.
        source: CommandError,
    },
    /// What is there is no key.
    #[error("in {place}: {source}")]
    Text {
        /// Where.
        place: String,
        /// Why.
        source: KeyTextError,
    },
    /// What is there is a key that nobody should use, or there are no random numbers for one.
    #[error("in {place}: {source}")]
    Key {
        /// Where.
        place: String,
        /// Why.
        source: KekError,
    },
}
