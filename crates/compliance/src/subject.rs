//! Who is looked at: a payer, a payee, an agent.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// What somebody is in a payment. Each kind has rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// The owner of the account that pays.
    Payer,
    /// Who is paid.
    Payee,
    /// Who signs for the account.
    Agent,
}

impl SubjectKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Payer, Self::Payee, Self::Agent];

    /// The kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payer => "payer",
            Self::Payee => "payee",
            Self::Agent => "agent",
        }
    }
}

/// Somebody who takes part in a payment. In text `payer:0x…`, `payee:0x…` or `agent:0x…`.
///
/// The same address as a payer and as a payee is two subjects: what is asked about them differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The owner of accounts.
    Payer(Address),
    /// Who is paid.
    Payee(Address),
    /// The hash of a mandate key, as the account names it on chain.
    Agent(B256),
}

/// Why a text names no subject.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no subject: write payer:0x…, payee:0x… (an address) or agent:0x… (the hash of a key)"
)]
pub struct SubjectError(String);

impl Subject {
    /// What it is in a payment.
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::Payer(_) => SubjectKind::Payer,
            Self::Payee(_) => SubjectKind::Payee,
            Self::Agent(_) => SubjectKind::Agent,
        }
    }

    /// Its address on an EVM chain; an agent has none.
    pub const fn address(&self) -> Option<Address> {
        match self {
            Self::Payer(address) | Self::Payee(address) => Some(*address),
            Self::Agent(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind().name();
        match self {
            Self::Payer(address) | Self::Payee(address) => write!(f, "{kind}:{address}"),
            Self::Agent(key) => write!(f, "{kind}:{key}"),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError(text.chars().take(100).collect());
        let (kind, id) = text.split_once(':').ok_or_else(wrong)?;
        // Without the prefix the same address would have two spellings.
        if !id.starts_with("0x") {
            return Err(wrong());
        }
        let subject = match kind {
            "payer" => Self::Payer(id.parse().map_err(|_| wrong())?),
            "payee" => Self::Payee(id.parse().map_err(|_| wrong())?),
            "agent" => Self::Agent(id.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        Ok(subject)
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
