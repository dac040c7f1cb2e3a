//! Settings of the lists.
//!
//! ```toml
//! [[lists]]
//! name = "ofac"
//! format = "ofac-advanced"
//! path = "/var/lib/aep2/sanctions/sdn_advanced.xml"
//! on_stale = "refuse"
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// OFAC's `sdn_advanced.xml` or `cons_advanced.xml`.
    OfacAdvanced,
    /// An address a line.
    Addresses,
}

/// What a stale list does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStale {
    /// It is reported. Addresses that it lacks are clear.
    Alarm,
    /// It is reported, and no address is clear.
    Refuse,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSettings {
    /// What it is called: 1 to 64 of `a-z`, `0-9`, `-`, `_`.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// Where it is.
    pub path: PathBuf,
    /// What it does when it is older than `max_age_s`. There is no default: both may cost money.
    pub on_stale: OnStale,
    /// From which age on it is stale, in seconds. By default 14 days.
    #[serde(default = "max_age_s")]
    pub max_age_s: u64,
    /// How many of its addresses in a hundred a new file may lack, 0 to 100. By default 5.
    #[serde(default = "shrink_percent_max")]
    pub shrink_percent_max: u8,
    /// How often its file is looked at, in seconds. By default 10 minutes.
    #[serde(default = "reload_interval_s")]
    pub reload_interval_s: u64,
    /// How large its file may be. By default 512 MiB; OFAC's has about 120.
    #[serde(default = "bytes_max")]
    pub bytes_max: u64,
    /// Whether a file of the same name with `.sha256` added must stand beside it, as `sha256sum`
    /// writes it. By default none is looked for.
    #[serde(default)]
    pub sha256_file: bool,
}

const fn max_age_s() -> u64 {
    14 * 86_400
}

const fn shrink_percent_max() -> u8 {
    5
}

const fn reload_interval_s() -> u64 {
    600
}

const fn bytes_max() -> u64 {
    512 << 20
}

impl ListSettings {
    /// A list with the defaults.
    pub fn new(
        name: impl Into<String>,
        format: Format,
        path: impl Into<PathBuf>,
        on_stale: OnStale,
    ) -> Self {
        Self {
            name: name.into(),
            format,
            path: path.into(),
            on_stale,
            max_age_s: max_age_s(),
            shrink_percent_max: shrink_percent_max(),
            reload_interval_s: reload_interval_s(),
            bytes_max: bytes_max(),
            sha256_file: false,
        }
    }
}

/// All lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SanctionsSettings {
    /// At least one.
    pub lists: Vec<ListSettings>,
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Screening is on, and there is nothing to screen against.
    #[error("there is no list: name at least one, or leave the section out")]
    NoList,
    /// A name that is none.
    #[error("the list name {0:?} is not 1 to 64 of a-z, 0-9, - and _")]
    Name(String),
    /// Two lists of one name.
    #[error("two lists are called {0:?}")]
    SameName(String),
    /// A value that makes no sense.
    #[error("list {list:?}: {what}")]
    Value {
        /// Which list.
        list: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl SanctionsSettings {
    /// Whether they can be meant.
    ///
    /// # Errors
    /// When not.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.lists.is_empty() {
            return Err(SettingsError::NoList);
        }
        for (at, list) in self.lists.iter().enumerate() {
            list.check()?;
            if self.lists[..at].iter().any(|before| before.name == list.name) {
                return Err(SettingsError::SameName(list.name.clone()));
            }
        }
        Ok(())
    }
}

impl ListSettings {
    fn check(&self) -> Result<(), SettingsError> {
        let named = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(named) {
            return Err(SettingsError::Name(self.name.clone()));
        }
        let checks = [
            (self.path.as_os_str().is_empty(), "path is empty"),
            (self.max_age_s == 0, "max_age_s is 0: every list would be stale"),
            (self.shrink_percent_max > 100, "shrink_percent_max is more than 100"),
            (self.reload_interval_s == 0, "reload_interval_s is 0"),
            (self.bytes_max == 0, "bytes_max is 0: no file would be small enough"),
        ];
        match checks.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(SettingsError::Value { list: self.name.clone(), what }),
            None => Ok(()),
        }
    }
}
