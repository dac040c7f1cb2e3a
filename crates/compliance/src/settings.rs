//! `compliance.toml`: who is asked about whom, who decides, where it is kept.
//!
//! [`EXAMPLE`] has all settings with what they do. Paths in the file are relative to the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aep2_credentials::{Attestations, CredentialSettings, Kind};
use aep2_mandate::{clock::Clock, units::ChainId};
use aep2_sanctions::{ListSettings, SanctionsSettings};
use aep2_travel_rule::{KeyRing, jwe};
use aep2_vault::VaultSettings;
use alloy::providers::DynProvider;
use alloy_primitives::Address;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::{
    compliance::{Compliance, Parts},
    config::ScreeningConfig,
    enforcer::Enforcer,
    error::ComplianceError,
    officers::{self, Officer},
    presenting::Presenting,
    provider::{Provider, Providers},
    providers::{
        AttestedIdentity, ChainOracle, HttpProvider, LISTS, ListsError, OracleFunction,
        PresentedBook, SanctionLists,
    },
    rules::Rules,
    travel_rule::{TravelRuleParts, TravelRuleSettings},
};

/// The settings of a processor's compliance. [`EXAMPLE`] says what each does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComplianceSettings {
    /// Where officers are served.
    pub listen: SocketAddr,
    /// Whether that may be an address which other machines reach.
    pub allow_remote: bool,
    /// The directory of the store.
    pub store: PathBuf,
    /// Where the key comes from that encrypts what is personal.
    pub vault: VaultSettings,
    /// Who may look, and who may decide.
    pub officers: Vec<Officer>,
    /// Who is asked about whom.
    pub rules: Rules,
    /// Times and bounds.
    pub screening: ScreeningConfig,
    /// Sanctions lists.
    pub lists: Vec<ListSettings>,
    /// Contracts that are asked.
    pub oracles: Vec<OracleSettings>,
    /// Services that are asked.
    pub services: Vec<ServiceSettings>,
    /// Identities that issuers attest.
    pub identities: Vec<IdentitySettings>,
    /// The issuers.
    pub credentials: CredentialSettings,
    /// The Travel Rule; off where it is not there.
    pub travel_rule: Option<TravelRuleSettings>,
}

/// A contract that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleSettings {
    /// The name by which rules know it.
    pub name: String,
    /// Its address, on the processor's chain.
    pub contract: Address,
    /// What it is asked.
    pub function: OracleFunction,
    /// How long its answer counts, in seconds.
    #[serde(default = "a_day")]
    pub valid_s: u64,
}

/// A service that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// The name by which rules know it.
    pub name: String,
    /// Where it is asked.
    pub url: Url,
    /// A file with the secret that both sides know.
    pub secret_file: PathBuf,
    /// How long an answer counts at most, in seconds.
    #[serde(default = "a_day")]
    pub valid_s_max: u64,
}

/// An identity that has to be attested.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// The name by which rules know it.
    pub name: String,
    /// What has to be attested: one of these.
    pub kinds: Vec<Kind>,
    /// By which issuers; by any that is named under `credentials`, where this is not there.
    #[serde(default)]
    pub issuers: Option<BTreeSet<String>>,
    /// Countries that are not served, by their two capitals.
    #[serde(default)]
    pub countries_refused: BTreeSet<String>,
    /// How often it is asked whether an attestation was revoked, in seconds.
    #[serde(default = "a_day")]
    pub recheck_s: u64,
}

const fn a_day() -> u64 {
    86_400
}

impl Default for ComplianceSettings {
    /// For this machine. Nobody is asked, nobody may decide, and there is no key yet.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8404).into(),
            allow_remote: false,
            store: PathBuf::from("compliance"),
            vault: VaultSettings::default(),
            officers: Vec::new(),
            rules: Rules::default(),
            screening: ScreeningConfig::default(),
            lists: Vec::new(),
            oracles: Vec::new(),
            services: Vec::new(),
            identities: Vec::new(),
            credentials: CredentialSettings::default(),
            travel_rule: None,
        }
    }
}

/// All settings with their defaults, and what they do.
pub const EXAMPLE: &str = include_str!("../compliance.example.toml");

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

/// Why compliance does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting.
    #[error("{setting}: {message}")]
    Setting {
        /// Its name.
        setting: String,
        /// What is wrong.
        message: String,
    },
    /// A sanctions list.
    #[error(transparent)]
    Lists(#[from] ListsError),
    /// The store.
    #[error(transparent)]
    Compliance(#[from] ComplianceError),
}

/// Compliance, and what has to be kept up while it runs.
#[derive(Clone, Debug)]
pub struct Started {
    /// Compliance.
    pub compliance: Compliance,
    /// The lists, whose files are looked at.
    pub lists: Option<SanctionLists>,
    /// The issuers, whose keys are kept fresh.
    pub attestations: Option<Attestations>,
}

impl Started {
    /// Does all that has to be done while the processor runs, for ever.
    pub async fn run(self, enforcer: Arc<dyn Enforcer>) {
        let Self { compliance, lists, attestations } = self;
        let telling = compliance.clone();
        let keep_lists = async {
            if let Some(lists) = lists {
                lists.keep(|change| telling.note_list_change(change)).await;
            }
        };
        let keep_keys = async {
            if let Some(attestations) = attestations {
                attestations.keep_fresh().await;
            }
        };
        tokio::join!(compliance.run(enforcer), keep_lists, keep_keys);
    }
}

/// The chain that a processor settles on.
#[derive(Clone, Debug)]
pub struct OnChain {
    /// A node.
    pub node: DynProvider,
    /// The chain.
    pub chain_id: ChainId,
    /// The debit wallet.
    pub wallet: Address,
}

fn wrong(setting: impl Into<String>, error: impl std::fmt::Display) -> StartError {
    StartError::Setting { setting: setting.into(), message: error.to_string() }
}

impl ComplianceSettings {
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
        let issuers = self.credentials.issuers.iter_mut().map(|issuer| &mut issuer.jwks_file);
        let optional = std::iter::once(&mut vault.kek_file).chain(previous).chain(issuers);
        let travel_rule = self.travel_rule.iter_mut().flat_map(|rule| {
            std::iter::once(&mut rule.key_file).chain(&mut rule.previous_key_files)
        });
        let paths = optional
            .flatten()
            .chain(travel_rule)
            .chain(self.lists.iter_mut().map(|list| &mut list.path))
            .chain(self.services.iter_mut().map(|service| &mut service.secret_file))
            .chain([&mut self.store]);
        for path in paths {
            *path = folder.join(&*path);
        }
    }

    /// Opens the store and everything that it needs.
    ///
    /// # Errors
    /// When a setting cannot be used, a list is missing or bad, or the store cannot be opened.
    pub fn start(&self, chain: &OnChain, clock: &Clock) -> Result<Started, StartError> {
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            let message = format!(
                "{} can be reached from other machines: listen on 127.0.0.1 behind something that speaks \
                 TLS, or say allow_remote = true",
                self.listen
            );
            return Err(wrong("listen", message));
        }
        officers::check(&self.officers).map_err(|error| wrong("officers", error))?;
        let vault = self.vault.open().map_err(|error| wrong("vault", error))?;
        std::fs::create_dir_all(&self.store).map_err(|error| wrong("store", error))?;

        let lists = self.open_lists()?;
        let (attestations, presented) = self.attestations(clock)?;
        let providers = self.providers(chain, lists.as_ref(), (&attestations, &presented))?;
        self.rules.check(&providers).map_err(|error| wrong("rules", error))?;
        let presenting = attestations.clone().map(|attestations| Presenting {
            attestations,
            presented,
            chain_id: chain.chain_id,
        });
        let parts = Parts {
            providers,
            rules: self.rules.clone(),
            config: self.screening.clone(),
            vault,
            clock: clock.clone(),
            presenting,
            travel_rule: self.travel_rule(chain)?,
        };
        let compliance = Compliance::open(&self.store.join("store"), parts)?;
        Ok(Started { compliance, lists, attestations })
    }

    fn open_lists(&self) -> Result<Option<SanctionLists>, StartError> {
        if self.lists.is_empty() {
            return Ok(None);
        }
        let settings = SanctionsSettings { lists: self.lists.clone() };
        Ok(Some(SanctionLists::open(&settings, &self.store.join("lists.json"))?))
    }

    fn attestations(
        &self,
        clock: &Clock,
    ) -> Result<(Option<Attestations>, PresentedBook), StartError> {
        if self.credentials.issuers.is_empty() {
            return Ok((None, PresentedBook::default()));
        }
        let clock = clock.clone();
        let clock = aep2_credentials::Clock::new(move || clock.now().get());
        let attestations = Attestations::new(&self.credentials, clock);
        let attestations = attestations.map_err(|error| wrong("credentials", error))?;
        Ok((Some(attestations), PresentedBook::default()))
    }

    fn providers(
        &self,
        chain: &OnChain,
        lists: Option<&SanctionLists>,
        (attestations, presented): (&Option<Attestations>, &PresentedBook),
    ) -> Result<Providers, StartError> {
        let mut all: BTreeMap<String, Arc<dyn Provider>> = BTreeMap::new();
        let mut add = |setting: &str, provider: Arc<dyn Provider>| {
            let name = provider.name().to_owned();
            match all.insert(name.clone(), provider) {
                None => Ok(()),
                Some(_) => Err(wrong(setting, format!("two providers are called {name:?}"))),
            }
        };
        if let Some(lists) = lists {
            add(LISTS, Arc::new(lists.clone()))?;
        }
        for oracle in &self.oracles {
            let asked = (oracle.contract, oracle.function);
            let (name, node) = (oracle.name.clone(), chain.node.clone());
            let provider = ChainOracle::new(name, node, asked, oracle.valid_s);
            add("oracles", Arc::new(provider))?;
        }
        for service in &self.services {
            let setting = format!("services.{}", service.name);
            let secret = std::fs::read(&service.secret_file).map_err(|error| {
                wrong(&setting, format!("{}: {error}", service.secret_file.display()))
            })?;
            let secret = secret.trim_ascii().to_vec();
            let within = Duration::from_secs(self.screening.answer_within_s.max(1));
            let (name, url) = (service.name.clone(), service.url.clone());
            let provider = HttpProvider::new(name, url, secret, service.valid_s_max, within);
            let provider = provider.map_err(|error| wrong(&setting, error))?;
            add("services", Arc::new(provider))?;
        }
        for identity in &self.identities {
            let attestations = attestations.clone().ok_or_else(|| {
                wrong("identities", "name at least one issuer under [[credentials.issuers]]")
            })?;
            let provider = AttestedIdentity {
                name: identity.name.clone(),
                attestations,
                presented: presented.clone(),
                kinds: identity.kinds.clone(),
                issuers: identity.issuers.clone(),
                countries_refused: identity.countries_refused.clone(),
                recheck_s: identity.recheck_s,
            };
            add("identities", Arc::new(provider))?;
        }
        Ok(Providers::new(all.into_values()))
    }

    fn travel_rule(&self, chain: &OnChain) -> Result<Option<TravelRuleParts>, StartError> {
        let Some(rule) = &self.travel_rule else { return Ok(None) };
        let read = |path: &Path| {
            let read = jwe::read(path);
            read.map_err(|error| wrong("travel_rule.key_file", error))
        };
        let newest = KeyRing::new(read(&rule.key_file)?);
        let keys = rule
            .previous_key_files
            .iter()
            .try_fold(newest, |ring, path| Ok::<_, StartError>(ring.with_previous(read(path)?)))?;
        Ok(Some(TravelRuleParts {
            keys,
            thresholds: rule.thresholds.clone(),
            period_s: rule.period_s,
            chain_id: chain.chain_id,
            wallet: chain.wallet,
        }))
    }
}
