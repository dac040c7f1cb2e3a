//! Names of blocks.

use std::{fmt, str::FromStr};

use alloy_primitives::hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::keys::unhex;

/// A block's name: its signature; of a block that hands the card over, a hash of what was handed over to
/// whom. Nobody can give the same block another. As text 128 hexadecimal
/// digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevocationId([u8; 64]);

/// Text that is no block's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a revocation id has 128 hexadecimal digits in lower case")]
pub struct InvalidRevocationId;

impl RevocationId {
    pub(crate) fn from_signature(signature: &[u8]) -> Option<Self> {
        signature.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Display for RevocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RevocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 64]> for RevocationId {
    fn from(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}

impl FromStr for RevocationId {
    type Err = InvalidRevocationId;

    fn from_str(text: &str) -> Result<Self, InvalidRevocationId> {
        unhex(text).map(Self).ok_or(InvalidRevocationId)
    }
}

impl Serialize for RevocationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RevocationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
