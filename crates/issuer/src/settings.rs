//! `issuer.toml`: where the service listens, where it keeps what, whom it asks.
//!
//! [`EXAMPLE`] has all settings with what they do. Paths in the file are relative to the file.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use aep2_mandate::units::ChainId;
use aep2_vault::VaultSettings;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::{follow::ChainNode, issuer::IssuerConfig};

/// The deepest block that may be waited for.
const CONFIRMATIONS_MAX: u64 = 10_000;
/// The longest time between two questions about payments, in seconds.
const ASK_EVERY_S_MAX: u64 = 3_600;
/// Approvals may wait at least so long, in seconds, and at most so long.
const APPROVAL_S: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;
/// The longest time to settlement, and the longest margin after it, in seconds.
const SETTLE_S_MAX: u64 = 30 * 86_400;

/// The settings of a mandate service. [`EXAMPLE`] says what each does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether that may be an address which other machines reach.
    pub allow_remote: bool,
    /// Where owners and agents reach it, when that is not where it listens.
    pub public_url: Option<Url>,
    /// Other names that the owners' page may be called by, with the port.
    pub hosts: Vec<String>,
    /// The directory of the store.
    pub store: PathBuf,
    /// How often it is asked what became of payments, in seconds.
    pub ask_every_s: u64,
    /// Where the key comes from that encrypts the wallets' keys.
    pub vault: VaultSettings,
    /// What is agreed to.
    pub issuing: IssuerConfig,
    /// The chains that are asked where a processor says nothing, by their ids.
    pub chains: BTreeMap<String, ChainSettings>,
}

/// Where a chain is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainSettings {
    /// A node's JSON-RPC address.
    pub rpc: Url,
    /// How many blocks deep a block counts as confirmed.
    #[serde(default = "confirmations_default")]
    pub confirmations: u64,
}

const fn confirmations_default() -> u64 {
    12
}

impl Default for IssuerSettings {
    /// A service for this machine. It has no key yet: the vault's settings name one.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8090).into(),
            allow_remote: false,
            public_url: None,
            hosts: Vec::new(),
            store: PathBuf::from("store"),
            ask_every_s: 5,
            vault: VaultSettings::default(),
            issuing: IssuerConfig::default(),
            chains: BTreeMap::new(),
        }
    }
}

/// All settings with their defaults, and what they do. Every service begins with these.
pub const EXAMPLE: &str = r#"# A mandate service: it holds accounts' keys, and signs what agents' cards allow.
# Paths are relative to this file.

# Where it listens. What it is sent holds owners' tokens and cards: where other machines reach it, it
# stands behind something that speaks TLS.
listen = "127.0.0.1:8090"
# Allow an address that other machines reach.
allow_remote = false
# Where owners and agents reach it [default: where it listens]. Agents sign their requests for this
# host, and links begin with it.
# public_url = "https://issuer.example.com"
# Other names, with the port, that the owners' page may be called by: a page elsewhere that made its
# own name point here is refused.
hosts = []
# The store: owners, wallets, cards, budgets, payments, the audit log. One process at a time has it.
store = "store"
# How often processors, and then chains, are asked what became of payments, in seconds.
ask_every_s = 5

[vault]
# The key that encrypts the wallets' keys in the store. Without it the store is worth nothing, to its
# thief and to you: keep a copy of it, and not beside copies of the store. Exactly one of the three:
kek_file = "kek"
# kek_env = "AEP2_ISSUER_KEK"
# kek_command = ["/usr/bin/systemd-creds", "decrypt", "/etc/aep2/kek.cred", "-"]
# Older keys, until `aep2 issuer rewrap` has been run:
# previous = [{ kek_file = "kek-2025" }]

[issuing]
# How long a request may wait for its owner, and be used once it is approved, in seconds.
approval_s = 86400
# The longest time to settlement that is agreed to, in seconds.
settle_within_s_max = 3600
# How much later than that a mandate expires, in seconds. Budgets get back what was not spent after it.
deadline_margin_s = 300
# By how many seconds a processor's clock may differ.
skew_s = 90

# Chains, by their ids. A payment whose processor says nothing is given back to its budgets only where
# the chain shows that it can never be settled: without a node it counts for ever.
# [chains.31337]
# rpc = "http://127.0.0.1:8545"
# confirmations = 12
"#;

/// Why a file gives no settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file system.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or a setting that there is not.
    #[error("{0}")]
    Toml(#[from] Box<toml::de::Error>),
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {message}")]
pub struct Problem {
    /// Its name.
    pub setting: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    fn new(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self { setting: setting.into(), message: message.into() }
    }
}

impl IssuerSettings {
    /// The settings in a text.
    ///
    /// # Errors
    /// When it is not TOML, or has a setting that there is not.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Ok(toml::from_str(text).map_err(Box::new)?)
    }

    /// The settings in a file. Paths in it are relative to it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when it cannot be read.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| SettingsError::Io { path: path.to_owned(), source })?;
        let mut settings = Self::parse(&text)?;
        settings.locate(path.parent().unwrap_or(Path::new("")));
        Ok(settings)
    }

    /// Takes relative paths to be in this folder.
    fn locate(&mut self, folder: &Path) {
        let vault = &mut self.vault;
        let previous = vault.previous.iter_mut().map(|kek| &mut kek.kek_file);
        let files = std::iter::once(&mut vault.kek_file).chain(previous).flatten();
        for path in files.chain([&mut self.store]) {
            *path = folder.join(&*path);
        }
    }

    /// All that is wrong and can be seen without starting anything.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            let message = format!(
                "{} can be reached from other machines, and what is sent to it holds tokens and cards; \
                 listen on 127.0.0.1 behind something that speaks TLS, or say allow_remote = true",
                self.listen
            );
            problems.push(Problem::new("listen", message));
        }
        problems.extend(self.check_public_url());
        for host in self.hosts.iter().filter(|host| !is_host(host)) {
            let message = format!("{host:?} is no host, as in issuer.example.com or 10.0.0.1:8090");
            problems.push(Problem::new("hosts", message));
        }
        if !(1..=ASK_EVERY_S_MAX).contains(&self.ask_every_s) {
            problems.push(Problem::new("ask_every_s", format!("from 1 to {ASK_EVERY_S_MAX}")));
        }
        if let Err(error) = self.vault.sources() {
            problems.push(Problem::new("vault", error.to_string()));
        }
        problems.extend(self.issuing.check());
        problems.extend(self.chains.iter().filter_map(|(id, chain)| chain.problem(id)));
        problems
    }

    fn check_public_url(&self) -> Option<Problem> {
        let wrong = |message: String| Some(Problem::new("public_url", message));
        let Some(url) = &self.public_url else {
            if self.listen.ip().is_unspecified() {
                let message =
                    format!("{} is no address to be reached at; say one", self.listen.ip());
                return wrong(message);
            }
            return None;
        };
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_more = url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some();
        if !is_web || has_more {
            return wrong(format!(
                "{url} has to be http:// or https:// with a host, and nothing behind it"
            ));
        }
        None
    }

    /// Where owners and agents reach it, when it listens at `bound`.
    ///
    /// # Errors
    /// Every such address is a URL's; the parser may refuse all the same.
    pub fn url_at(&self, bound: SocketAddr) -> Result<Url, url::ParseError> {
        match &self.public_url {
            Some(url) => Ok(url.clone()),
            None => Url::parse(&format!("http://{bound}/")),
        }
    }

    /// The nodes that are asked. Chains that [`check`](Self::check) names are left out.
    pub fn nodes(&self) -> BTreeMap<ChainId, ChainNode> {
        let node = |(id, chain): (&String, &ChainSettings)| {
            let node = ChainNode::new(chain.rpc.clone(), chain.confirmations);
            id.parse().ok().map(|id| (id, node))
        };
        self.chains.iter().filter_map(node).collect()
    }
}

impl ChainSettings {
    fn problem(&self, id: &str) -> Option<Problem> {
        let setting = format!("chains.{id}");
        if let Err(error) = id.parse::<ChainId>() {
            return Some(Problem::new(setting, error.to_string()));
        }
        if !matches!(self.rpc.scheme(), "http" | "https") {
            let message = "a node's address begins with http:// or https://";
            return Some(Problem::new(format!("{setting}.rpc"), message));
        }
        if self.confirmations > CONFIRMATIONS_MAX {
            let setting = format!("{setting}.confirmations");
            return Some(Problem::new(setting, format!("at most {CONFIRMATIONS_MAX}")));
        }
        None
    }
}

impl IssuerConfig {
    fn check(&self) -> Vec<Problem> {
        let (least, most) = APPROVAL_S.into_inner();
        let ranges = [
            ("issuing.approval_s", self.approval_s, least, most),
            ("issuing.settle_within_s_max", self.settle_within_s_max, 1, SETTLE_S_MAX),
            ("issuing.deadline_margin_s", self.deadline_margin_s, 0, SETTLE_S_MAX),
            ("issuing.skew_s", self.skew_s, 0, 3_600),
        ];
        let wrong =
            ranges.into_iter().filter(|(_, value, least, most)| !(least..=most).contains(&value));
        wrong
            .map(|(setting, value, least, most)| {
                Problem::new(setting, format!("{value} is not from {least} to {most}"))
            })
            .collect()
    }
}

/// A host's name or address, with a port or without.
fn is_host(text: &str) -> bool {
    let url = Url::parse(&format!("http://{text}/"));
    url.is_ok_and(|url| {
        url.path() == "/" && url.query().is_none() && url.username().is_empty() && url.has_host()
    })
}
