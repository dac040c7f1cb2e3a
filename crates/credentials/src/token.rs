//! Signed tokens, in JWS' compact form (RFC 7515): reading one without believing it.

use serde_json::{Map, Value};

use crate::{algorithm::Algorithm, base64url, error::CredentialError, json};

/// The longest token that is presented, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;

/// The type of attestations, unless an issuer's settings say otherwise.
pub const ATTESTATION: &str = "aep2-attestation+jwt";
/// KYAPay: who an agent is.
pub(crate) const KYA: &str = "kya+jwt";
/// KYAPay: the same, with a payment.
pub(crate) const KYA_PAY: &str = "kya-pay+jwt";
/// KYAPay: a payment.
pub(crate) const PAY: &str = "pay+jwt";
/// A status list.
pub(crate) const STATUS_LIST: &str = "statuslist+jwt";

/// Names of header members that bring along a key, or say where one is.
const BROUGHT: [&str; 4] = ["jku", "x5u", "jwk", "x5c"];

/// A token that was read, and of which nothing is believed yet.
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    /// What is signed.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    /// The type, as [`media_type`] writes it.
    pub(crate) typ: String,
    pub(crate) claims: Map<String, Value>,
}

/// Reads a token of at most `bytes_max` bytes.
///
/// # Errors
/// When it is no signed token, or demands what is not done here.
pub(crate) fn read(token: &str, bytes_max: usize) -> Result<Unverified<'_>, CredentialError> {
    if token.len() > bytes_max {
        return Err(CredentialError::TooLarge(bytes_max));
    }
    let malformed = CredentialError::Malformed;
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed("it has no three parts"))?;
    let (header, claims) = signed.split_once('.').ok_or(malformed("it has no three parts"))?;
    let part = |text: &str, wrong| base64url::decode(text).ok_or(malformed(wrong));
    let object = |text: &str, wrong| {
        let bytes = base64url::decode(text);
        bytes.and_then(|bytes| json::object(&bytes)).ok_or(malformed(wrong))
    };
    let header = object(header, "its header is not an object, or has a name twice")?;
    if let Some(brought) = BROUGHT.into_iter().find(|name| header.contains_key(*name)) {
        return Err(CredentialError::BroughtKey(brought));
    }
    // `b64` changes what is signed. It is only good where `crit` names it.
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(CredentialError::Critical);
    }
    let text = |name| header.get(name).and_then(Value::as_str);
    let algorithm = text("alg").and_then(Algorithm::named).ok_or(CredentialError::Algorithm)?;
    let kid = text("kid").ok_or(malformed("its header names no key (kid)"))?.to_owned();
    let typ = media_type(text("typ").ok_or(CredentialError::Type)?);
    let claims = object(claims, "its claims are not an object, or have a name twice")?;
    let signature = part(signature, "its signature is not base64url")?;
    Ok(Unverified { signed: signed.as_bytes(), signature, algorithm, kid, typ, claims })
}

/// A type in its one spelling: RFC 7515, 4.1.9, lets `application/` be left out, and media types have
/// no case.
pub(crate) fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").map_or(typ.clone(), str::to_owned)
}
