//! Why there are no settings.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not TOML, or a value is not what its setting takes.
    #[error("{0}")]
    Malformed(String),
    /// A section that there is not.
    #[error("there is no section [{name}]{}", hint(nearest.as_deref()))]
    UnknownSection {
        /// What was written.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A setting that there is not.
    #[error("there is no setting {name} in [{section}]{}", hint(nearest.as_deref()))]
    UnknownSetting {
        /// The section.
        section: String,
        /// What was written.
        name: String,
        /// What may have been meant, with its section where that is another.
        nearest: Option<String>,
    },
}

/// The end of a sentence that says what may have been meant.
fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None => "; `aep2 serve --print-config` shows all".to_owned(),
    }
}
