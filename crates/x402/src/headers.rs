//! Objects in HTTP headers: base64 of JSON, bounded before it is read.
//!
//! | header | carries |
//! | --- | --- |
//! | `PAYMENT-REQUIRED` | [`PaymentRequired`](crate::PaymentRequired), with the status 402 |
//! | `PAYMENT-SIGNATURE` | [`PaymentPayload`](crate::PaymentPayload) |
//! | `PAYMENT-RESPONSE` | [`SettleResponse`](crate::SettleResponse) |
//! | `X-PAYMENT`, `X-PAYMENT-RESPONSE` | the same two as the first version of x402 names them |

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use x402_types::util::Base64Bytes;

/// A payee's terms.
pub const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static("payment-required");
/// A payer's payment.
pub const PAYMENT_SIGNATURE: HeaderName = HeaderName::from_static("payment-signature");
/// What became of it.
pub const PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("payment-response");
/// A payer's payment, in x402's first version.
pub const X_PAYMENT: HeaderName = HeaderName::from_static("x-payment");
/// What became of it, in x402's first version.
pub const X_PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("x-payment-response");

/// The longest header that is read, in bytes of base64. A mandate with its terms takes about
/// 3,000; servers and proxies rarely let 16 KiB of headers through.
pub const HEADER_BYTES_MAX: usize = 12 * 1024;

/// Why a header's object cannot be read.
#[derive(Debug, Error)]
pub enum HeaderError {
    /// The header is there more than once: which one counts would be a guess.
    #[error("the header {0} is there more than once")]
    Repeated(HeaderName),
    /// Longer than [`HEADER_BYTES_MAX`].
    #[error("the header {name} has {found} bytes, more than {HEADER_BYTES_MAX}")]
    TooLong {
        /// The header.
        name: HeaderName,
        /// Its length.
        found: usize,
    },
    /// Not standard base64 with padding.
    #[error("the header {name} is not base64")]
    NotBase64 {
        /// The header.
        name: HeaderName,
    },
    /// Not the object that belongs there.
    #[error("the header {name} does not hold what it should: {source}")]
    NotTheObject {
        /// The header.
        name: HeaderName,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// The JSON text in a header, or nothing where the header is not there.
///
/// # Errors
/// When the header is repeated, too long, or not base64.
pub fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Vec<u8>>, HeaderError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderError::Repeated(name.clone()));
    }
    decode(value, name).map(Some)
}

fn decode(value: &HeaderValue, name: &HeaderName) -> Result<Vec<u8>, HeaderError> {
    let encoded = value.as_bytes();
    if encoded.len() > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong { name: name.clone(), found: encoded.len() });
    }
    let decoded = Base64Bytes::from(encoded).decode();
    decoded.map_err(|_| HeaderError::NotBase64 { name: name.clone() })
}

/// The object in a header, or nothing where the header is not there.
///
/// # Errors
/// When the header is repeated, too long, not base64, or not the object's JSON.
pub fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Option<T>, HeaderError> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    let object = serde_json::from_slice(&text);
    object.map(Some).map_err(|source| HeaderError::NotTheObject { name: name.clone(), source })
}

/// The object in this value of a header.
///
/// # Errors
/// When it is too long, not base64, or not the object's JSON.
pub fn object<T: DeserializeOwned>(
    value: &HeaderValue,
    name: &HeaderName,
) -> Result<T, HeaderError> {
    let object = serde_json::from_slice(&decode(value, name)?);
    object.map_err(|source| HeaderError::NotTheObject { name: name.clone(), source })
}

/// The header that carries `object`.
///
/// # Errors
/// When the object has no JSON, which this crate's objects always have.
pub fn write(object: &impl Serialize) -> serde_json::Result<HeaderValue> {
    let encoded = Base64Bytes::encode(serde_json::to_vec(object)?);
    // Base64 has no character that a header may not have.
    HeaderValue::from_bytes(encoded.as_ref()).map_err(serde::ser::Error::custom)
}
