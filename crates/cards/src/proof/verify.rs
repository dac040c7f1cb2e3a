//! Checking a signed request.

use std::borrow::Cow;

use aep2_mandate::units::UnixTime;
use http::{HeaderMap, header::AUTHORIZATION};
use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, Parameters, Parser};
use thiserror::Error;

use super::{
    base,
    digest::content_digest,
    request::{Request, SCHEME, TAG},
};
use crate::{error::CardError, keys::HolderPublicKey, token::CardToken};

/// By how many seconds a request's time may differ from the verifier's, unless it says otherwise.
pub const WINDOW_S: u64 = 60;

/// The parameters of a signature, all of them.
const PARAMETERS: [&str; 5] = ["created", "nonce", "keyid", "alg", "tag"];

/// A proof that holds. It holds once: whoever verifies refuses a nonce that it saw before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Who signed.
    pub holder: HolderPublicKey,
    /// The request's nonce: 16 to 64 letters, digits, hyphens and underscores.
    pub nonce: String,
    /// When it was signed, says who signed.
    pub created: UnixTime,
    /// Until when the nonce must be remembered: later, the proof is too old by itself.
    pub remember_until: UnixTime,
}

/// Why a request is not its card's holder's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// A header is missing, or there are two.
    #[error("the request needs the header {0}, once")]
    Header(&'static str),
    /// `Authorization` does not carry a card.
    #[error("Authorization does not carry a card: {0}")]
    Card(CardError),
    /// Not a structured field, or not what belongs into it.
    #[error("the header {0} cannot be read")]
    Malformed(&'static str),
    /// No signature for this purpose, or several.
    #[error("the request needs one signature with the tag {TAG}")]
    NoSignature,
    /// The components are not those that must be signed.
    #[error("the signature does not cover exactly {0}")]
    Components(String),
    /// A parameter is missing, unknown, or not what it must be.
    #[error("the signature's parameter {0} is not as it must be")]
    Parameter(&'static str),
    /// Signed with another key.
    #[error("the signature is not by the card's holder")]
    NotTheHolder,
    /// The clocks differ too much, or the request is an old one.
    #[error("the request was signed {signed}, it is {now}")]
    Time {
        /// When it was signed, in unix seconds.
        signed: UnixTime,
        /// The time, in unix seconds.
        now: UnixTime,
    },
    /// The body is not the one that was signed.
    #[error("the body is not the one of Content-Digest")]
    Body,
    /// The signature is wrong: something of what it covers was changed.
    #[error("the signature is wrong")]
    Signature,
}

impl ProofError {
    /// Its name, stable across releases.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Header(_) => "proof_header",
            Self::Card(error) => error.code(),
            Self::Malformed(_) => "proof_malformed",
            Self::NoSignature => "proof_missing",
            Self::Components(_) => "proof_components",
            Self::Parameter(_) => "proof_parameter",
            Self::NotTheHolder => "proof_not_the_holder",
            Self::Time { .. } => "proof_time",
            Self::Body => "proof_body",
            Self::Signature => "proof_signature",
        }
    }
}

/// The card that a request carries. Whose request it is must be shown by [`verify`], unless the
/// card has no holder.
///
/// # Errors
/// When it carries none, or several.
pub fn card_of(headers: &HeaderMap) -> Result<CardToken, ProofError> {
    let value = once(headers, AUTHORIZATION.as_str())?;
    let card = value.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(' '));
    card.ok_or(ProofError::Card(CardError::Text))?.parse().map_err(ProofError::Card)
}

/// Checks that `holder` signed this request at `now`, give or take `window_s` seconds.
///
/// # Errors
/// The first reason why not.
pub fn verify(
    request: &Request<'_>,
    headers: &HeaderMap,
    holder: &HolderPublicKey,
    now: UnixTime,
    window_s: u64,
) -> Result<Proof, ProofError> {
    let digest = once(headers, "content-digest")?;
    if digest != content_digest(request.body) {
        return Err(ProofError::Body);
    }
    let authorization = once(headers, AUTHORIZATION.as_str())?;
    let components = base::components(request, digest, authorization);

    let (label, parameters) = signature_input(headers)?;
    if Some(&parameters.items) != base::items(&components).as_ref() {
        let names: Vec<_> = components.iter().map(|(name, _)| *name).collect();
        return Err(ProofError::Components(names.join(", ")));
    }
    let (created, nonce) = read(&parameters.params, holder)?;
    let apart = created.seconds_since(now).or_else(|| now.seconds_since(created));
    if apart.is_none_or(|apart| apart > window_s) {
        return Err(ProofError::Time { signed: created, now });
    }
    let written = base::written(&parameters).ok_or(ProofError::Malformed("signature-input"))?;
    let base = base::base(&components, &written);
    if !holder.verifies(base.as_bytes(), &signature(headers, &label)?) {
        return Err(ProofError::Signature);
    }
    let remember_until = created.checked_add(window_s + 1).unwrap_or(UnixTime::MAX);
    Ok(Proof { holder: *holder, nonce, created, remember_until })
}

/// The value of a header that must be there once.
fn once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, ProofError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(value)), None) => Ok(value.trim()),
        _ => Err(ProofError::Header(name)),
    }
}

/// A header that is a dictionary, on however many lines.
fn dictionary(headers: &HeaderMap, name: &'static str) -> Result<Dictionary, ProofError> {
    let lines: Result<Vec<_>, _> = headers.get_all(name).iter().map(|line| line.to_str()).collect();
    let lines = lines.map_err(|_| ProofError::Malformed(name))?;
    if lines.is_empty() {
        return Err(ProofError::Header(name));
    }
    let parsed = Parser::new(&lines.join(", ")).parse();
    parsed.map_err(|_| ProofError::Malformed(name))
}

/// The signature for this purpose: its label, its components and parameters. Others, for other
/// purposes, may stand beside it.
fn signature_input(headers: &HeaderMap) -> Result<(String, InnerList), ProofError> {
    let ours = |entry: &ListEntry| match entry {
        ListEntry::InnerList(list) => text(&list.params, "tag").as_deref() == Some(TAG),
        ListEntry::Item(_) => false,
    };
    let input = dictionary(headers, "signature-input")?;
    let mut ours = input.into_iter().filter(|(_, entry)| ours(entry));
    match (ours.next(), ours.next()) {
        (Some((label, ListEntry::InnerList(list))), None) => Ok((label.as_str().to_owned(), list)),
        _ => Err(ProofError::NoSignature),
    }
}

fn signature(headers: &HeaderMap, label: &str) -> Result<[u8; 64], ProofError> {
    let signatures = dictionary(headers, "signature")?;
    let bytes = match signatures.get(label) {
        Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => bytes,
        _ => return Err(ProofError::Malformed("signature")),
    };
    bytes.as_slice().try_into().map_err(|_| ProofError::Malformed("signature"))
}

fn text<'a>(parameters: &'a Parameters, name: &str) -> Option<Cow<'a, str>> {
    match parameters.get(name) {
        Some(BareItem::String(text)) => Some(Cow::Borrowed(text.as_str())),
        _ => None,
    }
}

/// When the request was signed, and its nonce.
fn read(
    parameters: &Parameters,
    holder: &HolderPublicKey,
) -> Result<(UnixTime, String), ProofError> {
    if parameters.keys().any(|name| !PARAMETERS.contains(&name.as_str())) {
        return Err(ProofError::Parameter("unknown"));
    }
    if text(parameters, "alg").as_deref() != Some("ed25519") {
        return Err(ProofError::Parameter("alg"));
    }
    if text(parameters, "keyid").as_deref() != Some(holder.to_string().as_str()) {
        return Err(ProofError::NotTheHolder);
    }
    let created = match parameters.get("created") {
        Some(BareItem::Integer(seconds)) => u64::try_from(i64::from(*seconds)).ok(),
        _ => None,
    };
    let created = created.and_then(|seconds| UnixTime::new(seconds).ok());
    let created = created.ok_or(ProofError::Parameter("created"))?;
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = |nonce: &str| (16..=64).contains(&nonce.len()) && nonce.bytes().all(usual);
    let nonce = text(parameters, "nonce").filter(|nonce| fits(nonce));
    Ok((created, nonce.ok_or(ProofError::Parameter("nonce"))?.into_owned()))
}
