//! What an operator sets, in a TOML file.
//!
//! A name that is not known is refused, with the nearest one that is: a setting that is misspelt and
//! passed over would be found out about when it is too late. Every setting has a default that runs on
//! loopback. Secrets are never in the file.

mod check;
mod config;
mod print;
mod section;
mod sections;
mod unknown;
mod value;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

pub use self::{
    check::Problem,
    section::{Described, Section},
    sections::{
        AcceptanceSettings, ChainSettings, DataSettings, ExactSettings, HttpSettings, KeySettings,
        LimitSettings, LogSettings, MetricSettings, WindowSettings,
    },
    value::{LogFormat, LogLevel, NotAnRpc, Rpc, ShapeName, TokenSetting},
};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where everything is kept.
    pub data: DataSettings,
    /// The chain.
    pub chain: ChainSettings,
    /// The processor's key.
    pub key: KeySettings,
    /// x402's scheme `exact`.
    pub exact: ExactSettings,
    /// The HTTP interface.
    pub http: HttpSettings,
    /// What is accepted.
    pub acceptance: AcceptanceSettings,
    /// When it is settled.
    pub windows: WindowSettings,
    /// What requests may be.
    pub limits: LimitSettings,
    /// Metrics.
    pub metrics: MetricSettings,
    /// Logs.
    pub log: LogSettings,
}

/// A section as it is printed: its name, what it is about, its settings.
type SectionShown = (&'static str, &'static [&'static str], Vec<Described>);

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
    #[error("there is no section [{name}]{}", unknown::hint(nearest.as_deref()))]
    UnknownSection {
        /// What was written.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A setting that there is not.
    #[error("there is no setting {name} in [{section}]{}", unknown::hint(nearest.as_deref()))]
    UnknownSetting {
        /// The section.
        section: String,
        /// What was written.
        name: String,
        /// What may have been meant, with its section where that is another.
        nearest: Option<String>,
    },
}

impl Settings {
    /// The settings in a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not as [`Settings::parse`] wants it.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let io = |source| SettingsError::Io { path: path.to_owned(), source };
        Self::parse(&fs::read_to_string(path).map_err(io)?)
    }

    /// The settings in a text.
    ///
    /// # Errors
    /// When it is not TOML, has names that are not known, or values that are not what they should be.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let malformed = |error: toml::de::Error| SettingsError::Malformed(error.to_string());
        // First the names: what serde says of them does not help to find the right ones.
        unknown::refuse(&toml::from_str(text).map_err(malformed)?)?;
        toml::from_str(text).map_err(malformed)
    }

    /// All sections, in the order in which they are printed.
    pub fn sections() -> Vec<SectionShown> {
        fn shown<T: Section>(name: &'static str) -> SectionShown {
            (name, T::ABOUT, T::describe())
        }
        vec![
            shown::<DataSettings>("data"),
            shown::<ChainSettings>("chain"),
            shown::<KeySettings>("key"),
            shown::<ExactSettings>("exact"),
            shown::<HttpSettings>("http"),
            shown::<AcceptanceSettings>("acceptance"),
            shown::<WindowSettings>("windows"),
            shown::<LimitSettings>("limits"),
            shown::<MetricSettings>("metrics"),
            shown::<LogSettings>("log"),
        ]
    }
}
