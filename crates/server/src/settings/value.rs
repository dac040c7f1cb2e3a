//! What settings are made of where the standard types say too little.

use std::{fmt, str::FromStr};

use aep2_circuits::{Shape, shape::ShapeError};
use aep2_mandate::{units::Ceiling, wire::Strict};
use alloy::{primitives::Address, transports::http::reqwest::Url};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Where the chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rpc {
    /// In this process, kept in the data directory.
    Embedded,
    /// A node. The address may hold an access key: see [`Rpc::name`].
    Node(Url),
}

/// A text is no address of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain is \"embedded\", or the address of a node, which begins with http:// or https://")]
pub struct NotAnRpc;

impl FromStr for Rpc {
    type Err = NotAnRpc;

    fn from_str(text: &str) -> Result<Self, NotAnRpc> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        let url = Url::parse(text).map_err(|_| NotAnRpc)?;
        match (url.scheme(), url.host()) {
            ("http" | "https", Some(_)) => Ok(Self::Node(url)),
            _ => Err(NotAnRpc),
        }
    }
}

impl fmt::Display for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Node(url) => url.fmt(f),
        }
    }
}

impl Rpc {
    /// The address without what may be an access key: for messages and logs.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded => self.to_string(),
            Self::Node(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
            }
        }
    }
}

/// A shape, written `16x16-capture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeName(pub Shape);

impl FromStr for ShapeName {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ShapeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads and writes a type as its text.
macro_rules! as_text {
    ($($name:ty),+) => { $(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+ };
}
as_text!(Rpc, ShapeName);

/// A token that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSetting {
    /// Where it is.
    pub address: Address,
    /// The least that a mandate in it must allow, in base units.
    pub amount_min: Strict<Ceiling>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, at least this serious.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// Batches and their steps.
    Info,
    /// Every request.
    Debug,
    /// Everything.
    Trace,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_name_holds_no_access_key() -> Result<(), NotAnRpc> {
        let node: Rpc = "https://user:SECRET@node.example:8443/v3/SECRET?key=SECRET".parse()?;
        assert_eq!(node.name(), "https://node.example:8443");
        assert_eq!("embedded".parse::<Rpc>()?.name(), "embedded");
        for text in ["", "Embedded", "8545", "127.0.0.1:8545", "ws://127.0.0.1", "file:///etc"] {
            assert_eq!(text.parse::<Rpc>(), Err(NotAnRpc), "{text:?}");
        }
        Ok(())
    }
}
