//! Signing a request.

use aep2_mandate::units::UnixTime;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use rand::{RngCore, rngs::OsRng};

use super::{
    base,
    digest::content_digest,
    request::{Request, SCHEME, TAG},
};
use crate::{keys::HolderKey, token::CardToken};

/// The label of the signature. A verifier goes by the tag.
const LABEL: &str = "card";

/// The headers of a signed request.
#[derive(Clone, Debug)]
pub struct ProofHeaders {
    /// `Authorization`: the card.
    pub authorization: HeaderValue,
    /// `Content-Digest`.
    pub content_digest: HeaderValue,
    /// `Signature-Input`.
    pub signature_input: HeaderValue,
    /// `Signature`.
    pub signature: HeaderValue,
}

impl ProofHeaders {
    /// Puts them into a request's headers, in place of those that are there.
    pub fn insert_into(self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.authorization);
        headers.insert(HeaderName::from_static("content-digest"), self.content_digest);
        headers.insert(HeaderName::from_static("signature-input"), self.signature_input);
        headers.insert(HeaderName::from_static("signature"), self.signature);
    }
}

/// The value of `Authorization` that carries a card. For a bearer card it is all that is needed.
pub fn authorization(card: &CardToken) -> HeaderValue {
    let mut value = ascii(&format!("{SCHEME} {}", card.expose()));
    value.set_sensitive(true);
    value
}

/// A nonce that nobody used before: 128 random bits.
pub fn random_nonce() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Signs a request with a card of which `key` is the holder's. `nonce` must be new for each
/// request, as [`random_nonce`] makes it: 16 to 64 letters, digits, hyphens and underscores.
pub fn sign(
    request: &Request<'_>,
    card: &CardToken,
    key: &HolderKey,
    created: UnixTime,
    nonce: &str,
) -> ProofHeaders {
    let authorization = authorization(card);
    let content_digest = content_digest(request.body);
    let card = format!("{SCHEME} {}", card.expose());
    let components = base::components(request, &content_digest, &card);
    let names: Vec<String> = components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let parameters = format!(
        "({});created={created};nonce=\"{nonce}\";keyid=\"{}\";alg=\"ed25519\";tag=\"{TAG}\"",
        names.join(" "),
        key.public(),
    );
    let signature = STANDARD.encode(key.sign(base::base(&components, &parameters).as_bytes()));
    ProofHeaders {
        authorization,
        content_digest: ascii(&content_digest),
        signature_input: ascii(&format!("{LABEL}={parameters}")),
        signature: ascii(&format!("{LABEL}=:{signature}:")),
    }
}

/// A header of what can be in one. What cannot, only a caller's wrong nonce, becomes a request
/// that no verifier takes.
fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
