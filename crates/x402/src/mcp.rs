//! x402 over the Model Context Protocol: what a `tools/call` and its result carry.
//!
//! | where | what |
//! | --- | --- |
//! | the result's `structuredContent`, and as text in `content[0]`, with `isError` | [`PaymentRequired`] |
//! | the call's `_meta["x402/payment"]` | [`PaymentPayload`] |
//! | the result's `_meta["x402/payment-response"]` | [`SettleResponse`] |
//!
//! This is the tool-result binding of x402's `specs/transports-v2/mcp.md`, which works with every
//! revision of MCP. What a payment is for is in [`tool_resource`].
//!
//! Everything here is JSON and nothing else: it fits any MCP library.

use std::{fmt, str::FromStr};

use alloy_primitives::keccak256;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};
use thiserror::Error;
use url::Url;

use crate::{
    canonical::{self, CanonicalError},
    objects::{PaymentPayload, PaymentRequired},
    settlement::SettleResponse,
};

/// The method of a call, as [`Purchase::method`](crate::purchase::Purchase::method) has it.
pub const METHOD: &str = "tools/call";
/// The key of a call's payment in its `_meta`.
pub const PAYMENT: &str = "x402/payment";
/// The key of what became of it in the result's `_meta`.
pub const PAYMENT_RESPONSE: &str = "x402/payment-response";

/// The arguments of a call.
pub type Arguments = Map<String, Value>;

/// Whose tool it is: the host of the server, with the port where it is not the scheme's own; for a
/// server without an address on the net, a name that its owner gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerName(String);

/// A server's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a server's name: a host in lower case, with a port or without")]
pub struct InvalidServerName(pub String);

impl FromStr for ServerName {
    type Err = InvalidServerName;

    fn from_str(name: &str) -> Result<Self, InvalidServerName> {
        let fits =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']');
        let usual = !name.is_empty() && name.len() <= 255 && name.bytes().all(fits);
        if usual { Ok(Self(name.to_owned())) } else { Err(InvalidServerName(name.to_owned())) }
    }
}

impl TryFrom<&Url> for ServerName {
    type Error = InvalidServerName;

    fn try_from(url: &Url) -> Result<Self, InvalidServerName> {
        let host = url.host_str().unwrap_or_default();
        match url.port() {
            Some(port) => format!("{host}:{port}").parse(),
            None => host.parse(),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a call's payment is for, as [`Purchase::resource`](crate::purchase::Purchase::resource)
/// has it:
///
/// ```text
/// mcp://{server}/tools/{tool}?arguments={keccak256 of the arguments in RFC 8785's spelling}
/// ```
///
/// The tool's name is percent-encoded but for letters, digits and `-._~`; the hash is in lower
/// case with `0x`; no arguments are `{}`. So a payment for a call is for its arguments too.
///
/// # Errors
/// When the arguments have no canonical spelling.
pub fn tool_resource(
    server: &ServerName,
    tool: &str,
    arguments: Option<&Arguments>,
) -> Result<String, CanonicalError> {
    let arguments = Value::Object(arguments.cloned().unwrap_or_default());
    let hash = keccak256(canonical::canonical(&arguments)?);
    let mut name = String::with_capacity(tool.len());
    for byte in tool.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                name.push(char::from(byte));
            }
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(format!("mcp://{server}/tools/{name}?arguments={hash}"))
}

/// What a call's `_meta` says of its payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallMeta<P = PaymentPayload> {
    /// The payment.
    #[serde(
        rename = "x402/payment",
        default = "Option::default",
        skip_serializing_if = "Option::is_none"
    )]
    pub payment: Option<P>,
}

/// What a result's `_meta` says of the payment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResultMeta {
    /// What became of it.
    #[serde(rename = "x402/payment-response", default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<SettleResponse>,
}

/// Why something cannot be read.
#[derive(Debug, Error)]
#[error("{what} cannot be read: {source}")]
pub struct Unreadable {
    /// What.
    pub what: &'static str,
    /// What is wrong with it.
    pub source: serde_json::Error,
}

/// The payment in a call's `_meta`.
///
/// # Errors
/// When there is one that cannot be read.
pub fn payment(meta: &Arguments) -> Result<Option<PaymentPayload>, Unreadable> {
    member(meta, PAYMENT)
}

/// What became of a payment, in a result's `_meta`.
///
/// # Errors
/// When there is something that cannot be read.
pub fn settlement(meta: &Arguments) -> Result<Option<SettleResponse>, Unreadable> {
    member(meta, PAYMENT_RESPONSE)
}

fn member<T: DeserializeOwned>(
    meta: &Arguments,
    key: &'static str,
) -> Result<Option<T>, Unreadable> {
    let Some(value) = meta.get(key) else { return Ok(None) };
    let read = serde_json::from_value(value.clone());
    read.map(Some).map_err(|source| Unreadable { what: key, source })
}

/// A result that asks for a payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequiredResult {
    /// Always.
    pub is_error: bool,
    /// The terms.
    pub structured_content: Box<RawValue>,
    /// The terms again, for clients that read text only.
    pub content: Vec<Text>,
}

/// A block of text in a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// `text`.
    #[serde(rename = "type")]
    pub kind: TextKind,
    /// The text.
    pub text: String,
}

/// The kind of a block of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// Text.
    Text,
}

impl PaymentRequiredResult {
    /// The result that asks for what is `required`.
    ///
    /// # Errors
    /// When it has no JSON, which this crate's objects always have.
    pub fn new(required: &PaymentRequired) -> serde_json::Result<Self> {
        let structured_content = serde_json::value::to_raw_value(required)?;
        let text = structured_content.get().to_owned();
        let content = vec![Text { kind: TextKind::Text, text }];
        Ok(Self { is_error: true, structured_content, content })
    }
}

/// What a result asks for, out of its `structuredContent`, or out of its first text. Nothing where
/// the result asks for nothing.
///
/// # Errors
/// When it asks for something that cannot be read, or for two different things: what a person or a
/// language model is shown in the text must be what is signed.
pub fn required(
    structured_content: Option<&Value>,
    text: Option<&str>,
) -> Result<Option<PaymentRequired>, Unreadable> {
    let asks = |value: &Value| value.get("x402Version").is_some() && value.get("accepts").is_some();
    let unreadable = |what| move |source| Unreadable { what, source };
    let structured = structured_content.filter(|value| asks(value));
    let parsed = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let written = text.zip(parsed).filter(|(_, value)| asks(value));
    match (structured, written) {
        (Some(value), Some((_, other))) if *value != other => {
            let source = serde::de::Error::custom("the terms in the text are others");
            Err(Unreadable { what: "structuredContent", source })
        }
        // Read from the text itself where there is one, which shows what is said twice.
        (_, Some((text, _))) => {
            serde_json::from_str(text).map(Some).map_err(unreadable("content[0].text"))
        }
        (Some(value), None) => {
            let read = serde_json::from_str(&value.to_string());
            read.map(Some).map_err(unreadable("structuredContent"))
        }
        (None, None) => Ok(None),
    }
}
