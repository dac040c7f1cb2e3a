//! Hosts, in one spelling.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use url::Url;

/// A host with the port where it is not the scheme's own: `api.example`, `api.example:8443`,
/// `[::1]:8080`. In lower case, names of other scripts in their ASCII form: what a URL's parser
/// makes of it, so that two hosts are the same where their bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

/// Text that is no host in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a host in its usual spelling: lower case, no scheme, no path, a port only where it is not 443"
)]
pub struct InvalidHost(pub String);

impl Host {
    /// The host of an `http` or `https` URL. None for other URLs.
    pub fn of(url: &Url) -> Option<Self> {
        let web = matches!(url.scheme(), "http" | "https");
        let host = url.host_str().filter(|host| web && !host.is_empty())?;
        Some(Self(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        // A parser that drops or changes anything has been given another spelling.
        let read = Url::parse(&format!("https://{text}/")).ok().and_then(|url| Self::of(&url));
        read.filter(|host| host.0 == text).ok_or_else(|| InvalidHost(text.to_owned()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
