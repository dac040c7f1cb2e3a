//! Checking a signed request.

use std::{collections::HashMap, sync::Arc};

use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, Parameters, Parser};
use url::{Origin, Url};

use super::{
    base::{self, field},
    request::AgentRequest,
};
use crate::{
    algorithm::Algorithm,
    clock::Clock,
    error::CredentialError,
    fetch::Fetcher,
    keys::{
        key::Key,
        source::{KeySource, Place},
    },
    settings::{AgentSettings, CredentialSettings, SettingsError},
    subject::Thumbprint,
};

/// The tag of these signatures.
const TAG: &str = "web-bot-auth";
/// Where an origin has its keys.
const DIRECTORY: &str = "/.well-known/http-message-signatures-directory";

/// Verifies the requests of agents that the settings name. Clones are the same. It works within a
/// runtime of tokio.
#[derive(Clone, Debug)]
pub struct AgentRequests(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    agents: HashMap<Origin, Agent>,
    clock: Clock,
}

#[derive(Debug)]
struct Agent {
    settings: AgentSettings,
    keys: KeySource,
}

/// Who signed a request. It says that a holder of the key signed these components lately, and nothing
/// of what was not signed. It is no permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSignature {
    /// The agent's origin, as the settings have it.
    pub agent: Url,
    /// The key, which may be one that an attestation names.
    pub key: Thumbprint,
    /// The components that were signed, without their parameters: `@method`, `content-digest` and
    /// so on.
    pub components: Vec<String>,
    /// The nonce, if there is one. Whether it was used before is for the caller to remember.
    pub nonce: Option<String>,
    /// When it was signed, in unix seconds, says the agent.
    pub created_s: u64,
    /// From when on it does not count, in unix seconds.
    pub expires_s: u64,
}

impl AgentSignature {
    /// Whether this component was signed.
    pub fn covers(&self, component: &str) -> bool {
        self.components.iter().any(|covered| covered == component)
    }
}

impl AgentRequests {
    /// Verifies by these settings and this clock. Asks nobody yet.
    ///
    /// # Errors
    /// When a setting is not as it must be, or the system's certificates cannot be read.
    pub fn new(settings: &CredentialSettings, clock: Clock) -> Result<Self, SettingsError> {
        settings.check()?;
        let fetcher = Fetcher::new(&settings.fetch)?;
        let mut agents = HashMap::new();
        for agent in &settings.agents {
            let mut directory = agent.agent.clone();
            directory.set_path(DIRECTORY);
            let directory = agent.directory_url.clone().unwrap_or(directory);
            fetcher.check(agent.agent.as_str(), &directory)?;
            let place = Place::Url(directory);
            let fetch = settings.fetch.clone();
            let keys = KeySource::new(place, fetcher.clone(), fetch, clock.clone());
            agents.insert(agent.agent.origin(), Agent { settings: agent.clone(), keys });
        }
        Ok(Self(Arc::new(Inner { agents, clock })))
    }

    /// Checks that an agent of the settings signed this request.
    ///
    /// # Errors
    /// The first reason why not.
    pub async fn verify(
        &self,
        request: &AgentRequest<'_>,
    ) -> Result<AgentSignature, CredentialError> {
        let (label, signed) = signature_input(request)?;
        let origin = signature_agent(request, &signed)?;
        let agent = self.0.agents.get(&origin).ok_or(CredentialError::UnknownAgent)?;
        let parameters = read(&signed.params, &agent.settings, self.0.clock.now_s())?;
        let base = base::signature_base(request, &signed);
        let base = base.ok_or(CredentialError::RequestComponents)?;
        let signature = signature(request, &label)?;
        let keys = agent.keys.find(|keys| keys.ed25519(&parameters.key)).await?;
        let signed_by =
            |key: &Arc<Key>| key.verifies(Algorithm::EdDsa, base.as_bytes(), &signature);
        if !keys.iter().any(signed_by) {
            return Err(CredentialError::Signature);
        }
        Ok(AgentSignature {
            agent: agent.settings.agent.clone(),
            key: parameters.key,
            components: signed.items.iter().filter_map(name).map(str::to_owned).collect(),
            nonce: parameters.nonce,
            created_s: parameters.created_s,
            expires_s: parameters.expires_s,
        })
    }
}

/// A header that is a dictionary.
fn dictionary(
    request: &AgentRequest<'_>,
    name: &'static str,
) -> Result<Dictionary, CredentialError> {
    let field = field(request.headers, name).ok_or(CredentialError::RequestHeader(name))?;
    Parser::new(&field).parse().map_err(|_| CredentialError::RequestHeader(name))
}

/// The one signature for this purpose: its label, components and parameters.
fn signature_input(request: &AgentRequest<'_>) -> Result<(String, InnerList), CredentialError> {
    let ours = |entry: &ListEntry| match entry {
        ListEntry::InnerList(list) => text(&list.params, "tag") == Some(TAG),
        ListEntry::Item(_) => false,
    };
    let input = dictionary(request, "signature-input")?;
    let mut ours = input.into_iter().filter(|(_, entry)| ours(entry));
    match (ours.next(), ours.next()) {
        (Some((label, ListEntry::InnerList(list))), None) => Ok((label.as_str().to_owned(), list)),
        _ => Err(CredentialError::RequestUnsigned),
    }
}

fn signature(request: &AgentRequest<'_>, label: &str) -> Result<Vec<u8>, CredentialError> {
    match dictionary(request, "signature")?.get(label) {
        Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => {
            Ok(bytes.clone())
        }
        _ => Err(CredentialError::RequestHeader("signature")),
    }
}

/// The origin that the signature covers. What it does not cover, anybody may have written; and
/// without our own name in it, it would be good for others' requests.
fn signature_agent(
    request: &AgentRequest<'_>,
    signed: &InnerList,
) -> Result<Origin, CredentialError> {
    let names = || signed.items.iter().filter_map(name);
    if !names().any(|name| name == "@authority" || name == "@target-uri") {
        return Err(CredentialError::RequestComponents);
    }
    let mut covered = signed.items.iter().filter(|item| name(item) == Some("signature-agent"));
    let (Some(covered), None) = (covered.next(), covered.next()) else {
        return Err(CredentialError::RequestComponents);
    };
    let unreadable = CredentialError::RequestHeader("signature-agent");
    let item = match base::key(covered) {
        Some(key) => match dictionary(request, "signature-agent")?.swap_remove(key) {
            Some(ListEntry::Item(item)) => item,
            _ => return Err(unreadable),
        },
        // The older form: one string.
        None => {
            let field = field(request.headers, "signature-agent").ok_or(unreadable.clone())?;
            Parser::new(&field).parse::<Item>().map_err(|_| unreadable.clone())?
        }
    };
    // Other types of discovery lead elsewhere than to the directory that the settings mean.
    let directory = item
        .params
        .get("type")
        .is_none_or(|typ| matches!(typ, BareItem::Token(token) if token.as_str() == "directory"));
    let BareItem::String(text) = &item.bare_item else { return Err(unreadable) };
    let url = Url::parse(text.as_str()).map_err(|_| unreadable.clone())?;
    let origin_alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !directory || !origin_alone { Err(unreadable) } else { Ok(url.origin()) }
}

fn name(item: &Item) -> Option<&str> {
    match &item.bare_item {
        BareItem::String(name) => Some(name.as_str()),
        _ => None,
    }
}

fn text<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    match parameters.get(name) {
        Some(BareItem::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

/// The parameters of a signature.
struct Read {
    key: Thumbprint,
    nonce: Option<String>,
    created_s: u64,
    expires_s: u64,
}

fn read(
    parameters: &Parameters,
    agent: &AgentSettings,
    now_s: u64,
) -> Result<Read, CredentialError> {
    let wrong = CredentialError::RequestParameter;
    let seconds = |name: &'static str| match parameters.get(name) {
        Some(BareItem::Integer(seconds)) => {
            u64::try_from(i64::from(*seconds)).map_err(|_| wrong(name))
        }
        _ => Err(wrong(name)),
    };
    if parameters.contains_key("alg") && text(parameters, "alg") != Some("ed25519") {
        return Err(wrong("alg"));
    }
    let key = text(parameters, "keyid").and_then(|key| key.parse().ok()).ok_or(wrong("keyid"))?;
    let nonce = match parameters.get("nonce") {
        None => None,
        Some(_) => Some(text(parameters, "nonce").ok_or(wrong("nonce"))?.to_owned()),
    };
    let (created_s, expires_s) = (seconds("created")?, seconds("expires")?);
    if created_s > now_s.saturating_add(agent.clock_skew_s) {
        return Err(CredentialError::NotYetValid);
    }
    if expires_s.saturating_add(agent.clock_skew_s) <= now_s {
        return Err(CredentialError::Expired);
    }
    match expires_s.checked_sub(created_s) {
        None | Some(0) => Err(wrong("expires")),
        Some(lifetime_s) if lifetime_s > agent.lifetime_max_s => Err(CredentialError::Lifetime),
        Some(_) => Ok(Read { key, nonce, created_s, expires_s }),
    }
}
