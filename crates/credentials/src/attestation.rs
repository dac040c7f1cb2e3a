//! What an issuer says about somebody.

use std::{fmt, str::FromStr};

use alloy_primitives::B256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;
use url::Url;

use crate::{
    error::CredentialError,
    subject::{Holder, Subject, Thumbprint},
};

/// What an issuer said about somebody, in a token that was verified. It holds nothing personal but
/// countries; the token itself may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// Who says it: `iss`.
    pub issuer: String,
    /// What was checked.
    pub kind: Kind,
    /// Of whom it speaks. It says nothing about anybody else.
    pub subject: Subject,
    /// A key of which the presenter must show, beside being the subject, that they hold it.
    pub confirmation: Option<Thumbprint>,
    /// How thoroughly, in the issuer's words.
    pub level: Option<String>,
    /// Where a person lives, or where a business is registered.
    pub country: Option<Country>,
    /// A person's nationalities.
    pub nationalities: Vec<Country>,
    /// Who the agent is. Only from KYAPay tokens.
    pub agent: Option<AgentIdentity>,
    /// The token's name: `jti`, unique among its issuer's.
    pub token_id: String,
    /// When it was issued, in unix seconds.
    pub issued_at_s: u64,
    /// From when on it is not valid, in unix seconds.
    pub expires_at_s: u64,
    /// Where it is said whether it was revoked. None for one that cannot be revoked.
    pub status: Option<StatusReference>,
    /// SHA-256 of the token, for the record.
    pub evidence: B256,
}

/// What was checked about a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Who a person is: know your customer.
    Kyc,
    /// Who a business is.
    Kyb,
    /// Who an agent is, and who answers for it.
    Kya,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "kyc" => Some(Self::Kyc),
            "kyb" => Some(Self::Kyb),
            "kya" => Some(Self::Kya),
            _ => None,
        }
    }
}

/// A country: two capitals, as ISO 3166-1 has them. Whether there is such a country is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

/// A text is no country's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a country's code: expected two capitals")]
pub struct NoCountry;

/// Who an agent is, by a KYAPay token. Names and addresses of people are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentIdentity {
    /// The agent's account at the issuer: `sub`.
    pub account: String,
    /// The agent's name: `aid.name`.
    pub name: String,
    /// The platform on which it runs: `apd`.
    pub platform: Option<Platform>,
    /// How the person or business behind it was checked: of `hid`.
    pub principal: Verification,
    /// The issuer's environment: `env`.
    pub environment: Option<String>,
}

/// The platform on which an agent runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Its id: `id`.
    pub id: String,
    /// Its name: `name`.
    pub name: Option<String>,
    /// How it was checked.
    pub verification: Verification,
}

/// How somebody was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Whether the check succeeded: `verified`. False where the token does not say.
    pub verified: bool,
    /// Who checked: `verifier`.
    pub verifier: Option<String>,
    /// The check's id: `verification_id`.
    pub id: Option<String>,
}

/// An entry of a status list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusReference {
    /// The list's address, and name.
    pub uri: Url,
    /// The entry's number, from 0.
    pub index: u64,
}

impl Attestation {
    /// Checks that who presents it is whom it is about, and, where it demands that, holds the key.
    ///
    /// # Errors
    /// When it is about somebody else, or the key was not shown.
    pub fn check_holder(&self, holder: &Holder<'_>) -> Result<(), CredentialError> {
        if !self.subject.is(holder) {
            return Err(match self.subject {
                Subject::Holder(_) => CredentialError::NotConfirmed,
                _ => CredentialError::OtherSubject,
            });
        }
        match self.confirmation {
            Some(key) if !holder.keys.contains(&key) => Err(CredentialError::NotConfirmed),
            _ => Ok(()),
        }
    }

    /// All countries that it names, for policies that exclude some.
    pub fn countries(&self) -> impl Iterator<Item = Country> + '_ {
        self.country.iter().chain(&self.nationalities).copied()
    }
}

impl FromStr for Country {
    type Err = NoCountry;

    fn from_str(text: &str) -> Result<Self, NoCountry> {
        match text.as_bytes() {
            [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => Ok(Self([*first, *second])),
            _ => Err(NoCountry),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
