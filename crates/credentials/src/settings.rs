//! The section `[credentials]` of settings' files.
//!
//! ```toml
//! [[credentials.issuers]]
//! issuer = "https://kyc.example"
//! jwks_url = "https://kyc.example/.well-known/jwks.json"
//! audience = "https://pay.example"
//! kinds = ["kyc", "kyb"]
//! chains = [8453]
//!
//! [[credentials.agents]]
//! agent = "https://agents.example"
//! ```

use std::{collections::HashSet, path::PathBuf};

use serde::Deserialize;
use thiserror::Error;
use url::{Origin, Url};

use crate::{algorithm::Algorithm, attestation::Kind, token};

/// Whose word counts, and about what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialSettings {
    /// Who may attest.
    pub issuers: Vec<IssuerSettings>,
    /// Agents whose signed requests are recognised.
    pub agents: Vec<AgentSettings>,
    /// How keys and lists are fetched.
    pub fetch: FetchSettings,
}

/// One issuer of attestations.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// Its name, as tokens have it in `iss`, letter by letter.
    pub issuer: String,
    /// Where its keys are. Exactly one of this and `jwks_file` is set.
    pub jwks_url: Option<Url>,
    /// A file with its keys. It is read anew every `fetch.refresh_interval_min_s` seconds.
    pub jwks_file: Option<PathBuf>,
    /// How it may sign.
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// Our name, which `aud` must have.
    pub audience: String,
    /// What it may attest.
    pub kinds: Vec<Kind>,
    /// About what kinds of subjects it may speak. `holder` only where whoever takes attestations
    /// checks that their presenters hold the key.
    #[serde(default = "accounts_and_agents")]
    pub subjects: Vec<SubjectKind>,
    /// On which chains the accounts are of which it may speak: their ids. None: on any that a token
    /// names.
    pub chains: Option<Vec<u64>>,
    /// Whether its word about an address counts on every EVM chain. False where it counts on the
    /// chain that the token names: an address that is a contract's may be somebody else's on another.
    #[serde(default)]
    pub any_chain: bool,
    /// Which types of tokens (`typ`) are taken. `kya+jwt` and `kya-pay+jwt` are KYAPay's and are read
    /// as such; all others are read as attestations.
    #[serde(default = "attestations_only")]
    pub types: Vec<String>,
    /// For how long a token may be valid, from `iat` to `exp`, in seconds.
    #[serde(default = "a_year")]
    pub lifetime_max_s: u64,
    /// By how much its clock may differ from ours, in seconds. At most 600.
    #[serde(default = "a_minute")]
    pub clock_skew_s: u64,
    /// Whether tokens without a status, which cannot be revoked, are refused.
    #[serde(default)]
    pub status_required: bool,
    /// Where its status lists may be, besides the origins of `jwks_url` and of `issuer`.
    #[serde(default)]
    pub status_origins: Vec<Url>,
    /// From which environments KYAPay tokens are taken (`env`). Tokens that name none are taken.
    #[serde(default = "production")]
    pub environments: Vec<String>,
    /// Whether KYAPay tokens are taken that do not say of their principal that it was verified.
    #[serde(default)]
    pub unverified_principals: bool,
}

/// A kind of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// An account.
    Account,
    /// An agent, by the key that signs its mandates.
    Agent,
    /// Whoever holds a key.
    Holder,
}

/// An agent, or rather its operator, that signs requests by RFC 9421 (Web Bot Auth).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSettings {
    /// Its origin, as `Signature-Agent` has it: `https://agents.example`.
    pub agent: Url,
    /// Where its keys are. Without it, at `/.well-known/http-message-signatures-directory` of the
    /// origin.
    pub directory_url: Option<Url>,
    /// For how long a signature may be valid, from `created` to `expires`, in seconds.
    #[serde(default = "an_hour")]
    pub lifetime_max_s: u64,
    /// By how much its clock may differ from ours, in seconds. At most 600.
    #[serde(default = "a_minute")]
    pub clock_skew_s: u64,
}

/// How keys and status lists are fetched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchSettings {
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// The largest set of keys that is read, in bytes.
    pub keys_bytes_max: usize,
    /// The largest status list that is read, in bytes, as it is sent and after decompression.
    pub status_list_bytes_max: usize,
    /// One issuer is not asked for its keys more often than this, in seconds, whatever tokens say.
    /// The same for each status list.
    pub refresh_interval_min_s: u64,
    /// For how long keys are used without asking for newer ones, in seconds, even if the issuer says
    /// that they may be kept for longer. So long, at most, a key that it removed is still good.
    pub keys_fresh_max_s: u64,
    /// For how long keys are used, in seconds from when they were fetched, while the issuer gives no
    /// newer ones.
    pub keys_stale_max_s: u64,
    /// For how long a status list is used without asking for a newer one, in seconds, even if it
    /// says that it may be kept for longer.
    pub status_fresh_max_s: u64,
    /// Whether private addresses may be asked. For issuers in one's own network.
    pub allow_private_addresses: bool,
    /// Whether `http` is allowed to this machine itself. For tests, and proxies beside the service.
    pub allow_loopback_http: bool,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            timeout_ms: 5000,
            keys_bytes_max: 256 << 10,
            status_list_bytes_max: 4 << 20,
            refresh_interval_min_s: 60,
            keys_fresh_max_s: 24 * 3600,
            keys_stale_max_s: 48 * 3600,
            status_fresh_max_s: 12 * 3600,
            allow_private_addresses: false,
            allow_loopback_http: false,
        }
    }
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A setting is not as it must be.
    #[error("credentials: {who}: {wrong}")]
    Wrong {
        /// The issuer's or the agent's name, or `fetch`.
        who: String,
        /// What is wrong.
        wrong: &'static str,
    },
    /// The system's certificates cannot be read.
    #[error("credentials: no client for https can be made: {0}")]
    Client(String),
}

impl CredentialSettings {
    /// Checks what can be checked without asking anybody.
    ///
    /// # Errors
    /// The first setting that is not as it must be.
    pub fn check(&self) -> Result<(), SettingsError> {
        let named = |who: &str| {
            let who = who.to_owned();
            move |wrong| SettingsError::Wrong { who, wrong }
        };
        self.fetch.check().map_err(named("fetch"))?;
        let mut names = HashSet::new();
        for issuer in &self.issuers {
            issuer.check().map_err(named(&issuer.issuer))?;
            if !names.insert(&issuer.issuer) {
                return Err(named(&issuer.issuer)("named twice"));
            }
        }
        let mut origins = HashSet::new();
        for agent in &self.agents {
            agent.check().map_err(named(agent.agent.as_str()))?;
            if !origins.insert(agent.agent.origin()) {
                return Err(named(agent.agent.as_str())("named twice"));
            }
        }
        Ok(())
    }
}

impl IssuerSettings {
    fn check(&self) -> Result<(), &'static str> {
        let types: Vec<_> = self.types.iter().map(|typ| token::media_type(typ)).collect();
        let wrong = [
            (self.issuer.is_empty(), "issuer is empty"),
            (self.audience.is_empty(), "audience is empty"),
            (
                self.jwks_url.is_some() == self.jwks_file.is_some(),
                "set exactly one of jwks_url and jwks_file",
            ),
            (self.algorithms.is_empty(), "algorithms is empty"),
            (self.kinds.is_empty(), "kinds is empty"),
            (self.subjects.is_empty(), "subjects is empty"),
            (self.chains.as_ref().is_some_and(Vec::is_empty), "chains is empty"),
            (types.is_empty(), "types is empty"),
            (types.iter().any(|typ| typ == token::PAY), "types: pay+jwt is a payment"),
            (types.iter().any(|typ| typ == token::STATUS_LIST), "types: statuslist+jwt is a list"),
            (self.clock_skew_s > 600, "clock_skew_s is more than 600"),
            (self.lifetime_max_s == 0, "lifetime_max_s is 0"),
        ];
        wrong.into_iter().find(|(wrong, _)| *wrong).map_or(Ok(()), |(_, wrong)| Err(wrong))
    }

    /// Whether a status list of this issuer may be at this address.
    pub(crate) fn may_keep_lists_at(&self, url: &Url) -> bool {
        let own = [self.jwks_url.clone(), Url::parse(&self.issuer).ok()];
        let allowed = own.iter().flatten().chain(&self.status_origins);
        // An opaque origin equals none, itself neither.
        allowed.map(Url::origin).any(|origin| origin.is_tuple() && origin == url.origin())
    }
}

impl AgentSettings {
    fn check(&self) -> Result<(), &'static str> {
        let origin_alone = matches!(self.agent.origin(), Origin::Tuple(..))
            && self.agent.path() == "/"
            && self.agent.query().is_none()
            && self.agent.fragment().is_none();
        match self {
            _ if !origin_alone => Err("agent is not an origin, as https://agents.example"),
            _ if self.clock_skew_s > 600 => Err("clock_skew_s is more than 600"),
            _ if self.lifetime_max_s == 0 => Err("lifetime_max_s is 0"),
            _ => Ok(()),
        }
    }
}

impl FetchSettings {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            _ if self.timeout_ms == 0 => Err("timeout_ms is 0"),
            _ if self.refresh_interval_min_s == 0 => Err("refresh_interval_min_s is 0"),
            _ if self.keys_fresh_max_s < self.refresh_interval_min_s => {
                Err("keys_fresh_max_s is less than refresh_interval_min_s")
            }
            _ if self.keys_stale_max_s < self.keys_fresh_max_s => {
                Err("keys_stale_max_s is less than keys_fresh_max_s")
            }
            _ => Ok(()),
        }
    }
}

fn all_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

fn accounts_and_agents() -> Vec<SubjectKind> {
    vec![SubjectKind::Account, SubjectKind::Agent]
}

fn attestations_only() -> Vec<String> {
    vec![token::ATTESTATION.to_owned()]
}

fn production() -> Vec<String> {
    vec!["production".to_owned()]
}

const fn a_year() -> u64 {
    366 * 24 * 3600
}

const fn an_hour() -> u64 {
    3600
}

const fn a_minute() -> u64 {
    60
}
