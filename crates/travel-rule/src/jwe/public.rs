//! Public keys on P-256, as JWKs (RFC 7517).

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};
use sha2::{Digest, Sha256};

use super::{base64, error::KeyError, profile::ALGORITHM};
use crate::json::Node;

/// A public key on P-256: a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    x: [u8; 32],
    y: [u8; 32],
}

impl PublicKey {
    /// Reads a public JWK. Members that say what the key is for are passed over.
    ///
    /// # Errors
    /// When it is none on P-256; also when it is a private one, which nobody should hand out.
    pub fn from_jwk(jwk: &[u8]) -> Result<Self, KeyError> {
        let node = Node::parse(jwk).map_err(|_| KeyError::NotAPublicKey)?;
        let optional = ["kid", "alg", "use", "ext", "key_ops"];
        let known = ["kty", "crv", "x", "y", "kid", "alg", "use", "ext", "key_ops"];
        let members = node.members(known, &optional).ok_or(KeyError::NotAPublicKey)?;
        let key = Self::from_members(&members[..4]).ok_or(KeyError::NotAPublicKey)?;
        // A key with another's name is a mistake at best.
        let named = members[4].map(Node::text);
        let ours = key.thumbprint();
        if named.is_some_and(|name| name != Some(ours.as_str())) {
            return Err(KeyError::NotAPublicKey);
        }
        Ok(key)
    }

    /// From `kty`, `crv`, `x` and `y`.
    pub(super) fn from_members(members: &[Option<&Node>]) -> Option<Self> {
        let texts: Option<Vec<_>> =
            members.iter().map(|member| member.and_then(Node::text)).collect();
        let [kty, crv, x, y] = texts?.try_into().ok()?;
        if (kty, crv) != ("EC", "P-256") {
            return None;
        }
        Self::new(*base64::decode_exactly(x)?, *base64::decode_exactly(y)?)
    }

    /// From the 65 bytes of an uncompressed point.
    pub(super) fn from_sec1(point: &[u8]) -> Option<Self> {
        let [4, coordinates @ ..] = point else { return None };
        let (x, y) = coordinates.split_at_checked(32)?;
        Self::new(x.try_into().ok()?, y.try_into().ok()?)
    }

    /// Nothing when this is no point of the curve.
    fn new(x: [u8; 32], y: [u8; 32]) -> Option<Self> {
        let key = Self { x, y };
        ParsedPublicKey::try_from(&key.unparsed()).ok()?;
        Some(key)
    }

    fn to_sec1(self) -> [u8; 65] {
        let mut point = [4; 65];
        point[1..33].copy_from_slice(&self.x);
        point[33..].copy_from_slice(&self.y);
        point
    }

    pub(super) fn unparsed(self) -> UnparsedPublicKey<[u8; 65]> {
        UnparsedPublicKey::new(&ECDH_P256, self.to_sec1())
    }

    pub(super) fn coordinates(&self) -> [String; 2] {
        [base64::encode(&self.x), base64::encode(&self.y)]
    }

    /// Its thumbprint by RFC 7638, which is its `kid`.
    pub fn thumbprint(&self) -> String {
        let [x, y] = self.coordinates();
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        base64::encode(&Sha256::digest(canonical))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint())
    }
}

/// As a JWK that says what it is for: what `GET /v1/travel-rule/key` shows.
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [x, y] = self.coordinates();
        let mut members = serializer.serialize_struct("Jwk", 7)?;
        members.serialize_field("kty", "EC")?;
        members.serialize_field("crv", "P-256")?;
        members.serialize_field("x", &x)?;
        members.serialize_field("y", &y)?;
        members.serialize_field("kid", &self.thumbprint())?;
        members.serialize_field("alg", ALGORITHM)?;
        members.serialize_field("use", "enc")?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = serde_json::Value::deserialize(deserializer)?;
        Self::from_jwk(node.to_string().as_bytes()).map_err(de::Error::custom)
    }
}
