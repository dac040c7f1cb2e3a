//! The signature algorithms.

use serde::{Deserialize, Serialize};

/// How tokens are signed: public keys only. There is no name here for `none` or for HMAC, so no
/// setting can allow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519. Tokens may call it `EdDSA` or, by RFC 9864, `Ed25519`.
    #[serde(rename = "EdDSA", alias = "Ed25519")]
    EdDsa,
    /// RSA, PKCS #1 v1.5 with SHA-256. Keys have 2048 to 8192 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA, PSS with SHA-256. Keys have 2048 to 8192 bits.
    #[serde(rename = "PS256")]
    Ps256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// The algorithm that a token or a key calls by this name. None for every other one.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            _ => None,
        }
    }
}
