//! A wallet: a directory from which an agent pays.
//!
//! | file | holds |
//! | --- | --- |
//! | `wallet.toml` | the account, where it is, and the limits that its owner set |
//! | `mandate-key.json` | the key that signs mandates; whoever has it spends from the account |
//! | `payments.jsonl` | every mandate that was signed, and what became of it: see [`journal`] |
//!
//! The owner's own key is not here: it opens the account, puts money in and takes it out, and has no
//! business on an agent's machine. Who may write to the directory sets the limits; they bind a
//! program that was given the wallet, not one that was given its key.
//!
//! Several programs may pay from one wallet at once. Each keeps the limits that it found when it
//! began.

mod history;
pub mod key;
mod settings;

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use self::key::KeyError;
pub use self::{
    history::{Entry, PaidRequest, State},
    settings::{LimitSettings, TokenLimits, WalletSettings},
};
use crate::{
    AcceptedDisputes, PayError, Payer, PayerConfig, PayingClient,
    journal::{self, JournalError},
};
use aep2_processor_client::{
    NativeClient, ProcessorError, RetryPolicy,
    lookup::{AccountStatus, Lookup},
};

/// The settings' file.
pub const SETTINGS_FILE: &str = "wallet.toml";
/// The key's file.
pub const KEY_FILE: &str = "mandate-key.json";

/// Why a wallet cannot be used.
#[derive(Debug, Error)]
pub enum WalletError {
    /// There is none.
    #[error("there is no wallet in {}; `aep2 wallet create` makes one", .0.display())]
    None(PathBuf),
    /// There is one, and it is not written over.
    #[error("there is a wallet in {} already", .0.display())]
    Exists(PathBuf),
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The settings make no sense.
    #[error("{} cannot be used: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No HTTP client can be made to reach the processor with.
    #[error("the processor cannot be asked: {0}")]
    Http(#[source] reqwest::Error),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A wallet that is there.
#[derive(Clone, Debug)]
pub struct Wallet {
    directory: PathBuf,
    settings: WalletSettings,
}

impl Wallet {
    /// Writes a wallet's settings into a directory that has its key and no settings yet.
    ///
    /// # Errors
    /// When there is a wallet, no key, or the settings make no sense.
    pub fn create(directory: &Path, settings: WalletSettings) -> Result<Self, WalletError> {
        if directory.join(SETTINGS_FILE).exists() {
            return Err(WalletError::Exists(directory.to_owned()));
        }
        key::read_secret(&directory.join(KEY_FILE))?;
        let mut wallet = Self { directory: directory.to_owned(), settings: settings.clone() };
        wallet.set(settings)?;
        Ok(wallet)
    }

    /// The wallet in a directory.
    ///
    /// # Errors
    /// When there is none, or its settings make no sense.
    pub fn open(directory: &Path) -> Result<Self, WalletError> {
        let path = directory.join(SETTINGS_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(WalletError::None(directory.to_owned()));
            }
            Err(source) => return Err(WalletError::Io { path, source }),
        };
        let wrong = |reason: String| WalletError::Settings { path: path.clone(), reason };
        let settings: WalletSettings =
            toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        check(&settings).map_err(wrong)?;
        Ok(Self { directory: directory.to_owned(), settings })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The settings.
    pub fn settings(&self) -> &WalletSettings {
        &self.settings
    }

    /// Replaces the settings, on the disk too. Programs that run keep those that they found.
    ///
    /// # Errors
    /// When they make no sense, or cannot be written.
    pub fn set(&mut self, settings: WalletSettings) -> Result<(), WalletError> {
        let path = self.directory.join(SETTINGS_FILE);
        let wrong = |reason: String| WalletError::Settings { path: path.clone(), reason };
        check(&settings).map_err(wrong)?;
        let text = toml::to_string(&settings).map_err(|error| wrong(error.to_string()))?;
        let written = write_whole(&self.directory, &path, text.as_bytes());
        written.map_err(|source| WalletError::Io { path, source })?;
        self.settings = settings;
        Ok(())
    }

    /// The same wallet with other limits, for this program only.
    pub fn within(mut self, limits: LimitSettings) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Starts paying from it.
    ///
    /// # Errors
    /// When the key or the journal cannot be used.
    pub fn payer(&self) -> Result<Payer, WalletError> {
        let key = key::read_secret(&self.directory.join(KEY_FILE))?;
        let settings = &self.settings;
        let (venue, limits) = (settings.venue(), settings.limits());
        let mut config = PayerConfig::new(settings.account, venue, limits, self.directory.clone());
        if !settings.arbiters.is_empty() {
            let http = reqwest::Client::builder().build().map_err(WalletError::Http)?;
            let (url, retry) = (settings.processor_url.clone(), RetryPolicy::default());
            config.disputes = Some(AcceptedDisputes {
                arbiters: settings.arbiters.iter().map(|arbiter| arbiter.0).collect(),
                processor: NativeClient::new(http, url, retry),
            });
        }
        Ok(Payer::open(config, key)?)
    }

    /// An HTTP client that pays from it.
    ///
    /// # Errors
    /// When the key or the journal cannot be used, or the HTTP client cannot be made.
    pub fn client(&self, http: reqwest::ClientBuilder) -> Result<PayingClient, ClientError> {
        Ok(PayingClient::with_http(self.payer()?, http)?)
    }

    /// What was paid, in the order of signing. Nothing before the first payment.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn history(&self) -> Result<Vec<Entry>, WalletError> {
        match journal::read(&self.directory) {
            Ok(records) => Ok(history::entries(records)),
            Err(JournalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Payments that were sent, or may have been, and have no final answer, in the order of signing.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn unanswered(&self) -> Result<Vec<Entry>, WalletError> {
        let mut entries = self.history()?;
        entries.retain(Entry::is_unanswered);
        Ok(entries)
    }

    /// What its account has, by the processor's word; nothing where the processor has not seen it.
    ///
    /// # Errors
    /// When the processor does not answer.
    pub async fn balance(
        &self,
        http: reqwest::Client,
    ) -> Result<Option<AccountStatus>, ProcessorError> {
        let lookup = Lookup::new(http, self.settings.processor_url.clone());
        lookup.account(self.settings.account).await
    }
}

/// Why a paying client cannot be made.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The wallet.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] PayError),
}

fn check(settings: &WalletSettings) -> Result<(), String> {
    match settings.token_set_twice() {
        Some(token) => Err(format!("the token {} is there twice", token.0)),
        None => Ok(()),
    }
}

/// Writes a file so that it is there in full, or as it was.
fn write_whole(directory: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = directory.join(format!(".{SETTINGS_FILE}.{}", std::process::id()));
    let mut file = File::create(&draft)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    File::open(directory)?.sync_all()
}
