//! What settings' files say of a payee: the section `[payee]` of a gateway's and of a seller's of
//! tools.

use std::path::{Path, PathBuf};

use aep2_x402::{
    disputes::{Disputes, DisputesError, Reason},
    terms::WireAddress,
};
use serde::{Deserialize, de::DeserializeOwned};
use thiserror::Error;
use url::Url;

use crate::config::PROMISE_S_MAX;

/// Who is paid, through which processor. The rest is that processor's to say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PayeeSettings {
    /// The processor that takes the mandates.
    pub processor: Url,
    /// Whether the processor is asked by x402's calls instead of its own.
    pub facilitator: bool,
    /// Who is paid, where `key_file` does not say it.
    pub address: Option<WireAddress>,
    /// The payee's key: it signs captures of less than the price.
    pub key_file: Option<PathBuf>,
    /// The file with the key's password, where the key is a keystore.
    pub password_file: Option<PathBuf>,
    /// Who decides about disputes; left out, the terms agree to none.
    pub disputes: Option<DisputeSettings>,
    /// The token that is taken, where it is not the processor's first.
    pub token: Option<WireAddress>,
    /// The longest promise that the deployment's guarantee takes, in seconds.
    pub promise_s_max: u64,
    /// Where receipts are kept. Where nothing is said, a library keeps none; the programs `aep2 gateway` and
    /// `aep2 mcp sell` keep them in a folder `receipts` beside their settings.
    pub receipts: Option<KeepReceipts>,
}

/// Where receipts are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum KeepReceipts {
    /// Whether they are.
    Switch(bool),
    /// In this folder.
    Folder(PathBuf),
}

impl PayeeSettings {
    /// Has receipts kept in a folder as seen from `folder`, that of the settings' file: in `receipts` there,
    /// unless the settings say otherwise.
    pub fn keep_receipts_in(&mut self, folder: &Path) {
        let named = match &self.receipts {
            Some(KeepReceipts::Switch(false)) => return,
            Some(KeepReceipts::Folder(named)) => named.as_path(),
            Some(KeepReceipts::Switch(true)) | None => Path::new("receipts"),
        };
        self.receipts = Some(KeepReceipts::Folder(folder.join(named)));
    }
}

impl Default for PayeeSettings {
    /// A processor on this machine, and nobody to be paid.
    fn default() -> Self {
        Self {
            processor: Url::parse("http://127.0.0.1:8402").expect("a URL"),
            facilitator: false,
            address: None,
            key_file: None,
            password_file: None,
            disputes: None,
            token: None,
            promise_s_max: PROMISE_S_MAX,
            receipts: None,
        }
    }
}

/// What a payee agrees to of disputes: the section `[payee.disputes]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeSettings {
    /// The dispute processor: the key whose rulings count.
    pub arbiter: WireAddress,
    /// How long after acceptance a payer may dispute, in seconds.
    pub window_s: u64,
    /// How long there is then to decide, in seconds.
    pub ruling_s: u64,
    /// What may be disputed. All, when not said.
    pub reasons: Option<Vec<Reason>>,
    /// Whether the payer gets everything back where this payee does not answer.
    #[serde(default)]
    pub silence_refunds: bool,
}

impl TryFrom<&DisputeSettings> for Disputes {
    type Error = DisputesError;

    fn try_from(settings: &DisputeSettings) -> Result<Self, DisputesError> {
        let mut reasons = settings.reasons.clone().unwrap_or_else(|| Reason::ALL.to_vec());
        reasons.sort_unstable();
        let DisputeSettings { arbiter, window_s, ruling_s, silence_refunds, .. } = settings;
        Self::new(arbiter.0, *window_s, *ruling_s, reasons, *silence_refunds)
    }
}

/// Why a settings' file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file system.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or not these settings.
    #[error("{0}")]
    Toml(#[from] Box<toml::de::Error>),
}

/// The settings in a file's text.
///
/// # Errors
/// When it is not TOML, or says something else.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, FileError> {
    Ok(toml::from_str(text).map_err(Box::new)?)
}

/// The text of a settings' file.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: &Path) -> Result<String, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    std::fs::read_to_string(path).map_err(io)
}
