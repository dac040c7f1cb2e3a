//! A place that a key-encryption key comes from, and reading it there.

use std::{env, path::PathBuf, time::Duration};

use zeroize::Zeroizing;

use super::{command, error::SourceError, file};
use crate::{kek::Kek, key_text};

/// Where a key-encryption key comes from: 32 bytes, as 64 hexadecimal digits or as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KekSource {
    /// A file that nobody but its owner may read.
    File(PathBuf),
    /// An environment variable, by its name. Programs that this one starts get it too, and whoever
    /// may look at this process sees it: a file or a command is better.
    Environment(String),
    /// What a program prints.
    Command {
        /// The program. No shell is asked.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
        /// How long it may take.
        timeout: Duration,
    },
}

impl KekSource {
    /// The key that is there.
    ///
    /// # Errors
    /// When there is none, when others may read its file, and when the command does not end well or
    /// in time.
    pub fn read(&self) -> Result<Kek, SourceError> {
        let text = match self {
            Self::File(path) => file::read(path)?,
            Self::Environment(name) => {
                let value = env::var_os(name);
                let value = value.ok_or_else(|| SourceError::NoVariable(name.clone()))?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::Command { program, arguments, timeout } => {
                command::output(program, arguments, *timeout)
                    .map_err(|source| SourceError::Command { program: program.clone(), source })?
            }
        };
        let key = key_text::read(&text)
            .map_err(|source| SourceError::Text { place: self.place(), source })?;
        Kek::from_bytes(key).map_err(|source| SourceError::Key { place: self.place(), source })
    }

    /// For messages.
    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Environment(name) => format!("the environment variable {name}"),
            Self::Command { program, .. } => format!("the output of {program:?}"),
        }
    }
}
