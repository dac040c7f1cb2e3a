//! The protected header: one profile, and nothing beside it.

use super::{
    base64,
    error::JweError,
    profile::{ALGORITHM, ENCRYPTION, HEADER_BYTES_MAX, TYPE},
    public::PublicKey,
};
use crate::json::Node;

/// What a header says, apart from what every header says.
pub(super) struct Header {
    pub(super) kid: String,
    pub(super) epk: PublicKey,
    pub(super) apu: Vec<u8>,
    pub(super) apv: Vec<u8>,
}

impl Header {
    /// Reads it from base64url.
    pub(super) fn read(text: &str) -> Result<Self, JweError> {
        if text.len() > HEADER_BYTES_MAX.div_ceil(3) * 4 {
            return Err(JweError::Header);
        }
        let json = base64::decode(text).ok_or(JweError::Form)?;
        let node = Node::parse(&json).map_err(|_| JweError::Header)?;
        let known = ["alg", "enc", "typ", "kid", "epk", "apu", "apv"];
        let Node::Object(members) = &node else { return Err(JweError::Header) };
        if members.iter().any(|(name, _)| !known.contains(&name.as_str())) {
            return Err(JweError::Member);
        }
        // A missing member fails by its own rule below; one that is there twice fails here.
        let members = node.members(known, &known).ok_or(JweError::Header)?;
        let [alg, enc, typ, kid, epk, apu, apv] = members;
        let says = |node: Option<&Node>, text| node.and_then(Node::text) == Some(text);
        if !says(alg, ALGORITHM) || !says(enc, ENCRYPTION) {
            return Err(JweError::Algorithm);
        }
        if !says(typ, TYPE) {
            return Err(JweError::Type);
        }
        let kid = kid.and_then(Node::text).ok_or(JweError::UnknownKey)?.to_owned();
        let epk = epk.and_then(|epk| epk.members(["kty", "crv", "x", "y"], &[]));
        let epk = epk.and_then(|members| PublicKey::from_members(&members));
        let party = |node: Option<&Node>| match node {
            None => Ok(Vec::new()),
            Some(node) => {
                let bytes = node.text().and_then(base64::decode).ok_or(JweError::Header)?;
                Ok(bytes.to_vec())
            }
        };
        Ok(Self {
            kid,
            epk: epk.ok_or(JweError::EphemeralKey)?,
            apu: party(apu)?,
            apv: party(apv)?,
        })
    }

    /// The header of a token sealed to `to` by the key `epk`, in base64url.
    pub(super) fn of(to: &PublicKey, epk: &PublicKey) -> String {
        let [x, y] = epk.coordinates();
        let kid = to.thumbprint();
        base64::encode(
            format!(
                r#"{{"alg":"{ALGORITHM}","enc":"{ENCRYPTION}","typ":"{TYPE}","kid":"{kid}","epk":{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}}}"#
            )
            .as_bytes(),
        )
    }
}
