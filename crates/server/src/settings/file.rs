//! The settings file.

use std::{fs, path::Path};

use serde::Deserialize;

use super::{
    error::SettingsError,
    section::{Section, SectionShown},
    sections::{
        AcceptanceSettings, ChainSettings, ComplianceSection, DataSettings, DisputeSettings,
        ExactSettings, HttpSettings, KeySettings, LimitSettings, LogSettings, MetricsSettings,
        WindowSettings,
    },
    unknown,
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
    /// Who is served.
    pub compliance: ComplianceSection,
    /// Disputes.
    pub disputes: DisputeSettings,
    /// When it is settled.
    pub windows: WindowSettings,
    /// What requests may be.
    pub limits: LimitSettings,
    /// Metrics.
    pub metrics: MetricsSettings,
    /// Logs.
    pub log: LogSettings,
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
        unknown::refuse(&toml::from_str(text).map_err(malformed)?, &Self::sections())?;
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
            shown::<ComplianceSection>("compliance"),
            shown::<DisputeSettings>("disputes"),
            shown::<WindowSettings>("windows"),
            shown::<LimitSettings>("limits"),
            shown::<MetricsSettings>("metrics"),
            shown::<LogSettings>("log"),
        ]
    }
}
