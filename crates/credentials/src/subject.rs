//! About whom a credential speaks, and who presents it.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

use crate::base64url;

/// The namespace of EVM chains in CAIP-2 and CAIP-10.
const EVM: &str = "eip155:";
/// What a mandate key's URI begins with.
const AGENT_KEY: &str = "aep2:key:0x";
/// What the URI of a confirmation key begins with: RFC 9278's, which names RFC 7638's thumbprint.
const THUMBPRINT: &str = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:";

/// About whom a credential speaks. As text and in JSON it is a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An account on EVM chains: `eip155:<chain>:<address>` (CAIP-10).
    Account {
        /// The chain's id. None for all EVM chains, written `*`: only where the settings say that an
        /// issuer's word about an address counts on every chain.
        chain_id: Option<u64>,
        /// The address.
        address: Address,
    },
    /// An agent, by the key that signs its mandates: `aep2:key:0x<x><y>`.
    Agent(AgentKey),
    /// Whoever shows that they hold this key.
    Holder(Thumbprint),
}

/// A mandate key: the Baby Jubjub point's coordinates, as interfaces write them. Only compared here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AgentKey {
    /// The first coordinate, big-endian.
    pub x: B256,
    /// The second.
    pub y: B256,
}

/// A public key's thumbprint by RFC 7638 with SHA-256. As text it is base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub B256);

/// Who presents a credential: what a service knows of whom it serves, by other means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder<'a> {
    /// The account's chain and the address of its owner, or the payee's.
    pub account: Option<(u64, Address)>,
    /// The key that signs the mandates.
    pub agent: Option<AgentKey>,
    /// Keys of which it was shown, in this very request, that the presenter holds them.
    pub keys: &'a [Thumbprint],
}

/// A text is no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "not a subject: expected eip155:<chain>:<address>, aep2:key:0x<x><y> or a key's thumbprint"
)]
pub struct NoSubject;

impl Subject {
    /// Whether the holder is this subject.
    pub fn is(&self, holder: &Holder<'_>) -> bool {
        match self {
            Self::Account { chain_id, address } => {
                holder.account.is_some_and(|(chain, account)| {
                    account == *address && chain_id.is_none_or(|chain_id| chain_id == chain)
                })
            }
            Self::Agent(key) => holder.agent == Some(*key),
            Self::Holder(key) => holder.keys.contains(key),
        }
    }

    /// Whether a text claims to be the name of an account or an agent's key.
    pub(crate) fn is_meant(text: &str) -> bool {
        let starts = |prefix: &str| {
            text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        starts(EVM) || starts("aep2:")
    }
}

impl FromStr for Subject {
    type Err = NoSubject;

    fn from_str(text: &str) -> Result<Self, NoSubject> {
        if let Some(account) = text.strip_prefix(EVM) {
            let (chain, address) = account.split_once(':').ok_or(NoSubject)?;
            let chain_id = if chain == "*" { None } else { Some(chain_id(chain)?) };
            return Ok(Self::Account { chain_id, address: read_address(address)? });
        }
        if let Some(thumbprint) = text.strip_prefix(THUMBPRINT) {
            return thumbprint.parse().map(Self::Holder);
        }
        text.parse().map(Self::Agent)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { chain_id: Some(chain), address } => write!(f, "{EVM}{chain}:{address}"),
            Self::Account { chain_id: None, address } => write!(f, "{EVM}*:{address}"),
            Self::Agent(key) => key.fmt(f),
            Self::Holder(key) => write!(f, "{THUMBPRINT}{key}"),
        }
    }
}

impl FromStr for AgentKey {
    type Err = NoSubject;

    fn from_str(text: &str) -> Result<Self, NoSubject> {
        let digits = text.strip_prefix(AGENT_KEY).ok_or(NoSubject)?;
        // One spelling: a comparison of texts elsewhere must say the same as one here.
        let usual = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 128 || !digits.bytes().all(usual) {
            return Err(NoSubject);
        }
        let (x, y) = digits.split_at(64);
        let read = |digits: &str| digits.parse::<B256>().map_err(|_| NoSubject);
        Ok(Self { x: read(x)?, y: read(y)? })
    }
}

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{AGENT_KEY}{}{}", hex::encode(self.x), hex::encode(self.y))
    }
}

impl FromStr for Thumbprint {
    type Err = NoSubject;

    fn from_str(text: &str) -> Result<Self, NoSubject> {
        let bytes = base64url::decode(text).ok_or(NoSubject)?;
        B256::try_from(bytes.as_slice()).map(Self).map_err(|_| NoSubject)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0.as_slice()))
    }
}

/// A chain's id, in the one spelling that CAIP-2 has for it.
fn chain_id(text: &str) -> Result<u64, NoSubject> {
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().map_err(|_| NoSubject) } else { Err(NoSubject) }
}

/// An address. In mixed case its checksum (EIP-55) must be right.
fn read_address(text: &str) -> Result<Address, NoSubject> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40).ok_or(NoSubject)?;
    let lower = digits.bytes().any(|byte| byte.is_ascii_lowercase());
    let upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if lower && upper {
        Address::parse_checksummed(text, None).map_err(|_| NoSubject)
    } else {
        text.parse().map_err(|_| NoSubject)
    }
}

/// Text in JSON, by `Display` and `FromStr`.
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(Subject);
as_text!(AgentKey);
as_text!(Thumbprint);
