//! Base64 as tokens and keys have it: RFC 4648's alphabet for URLs, without padding, in one spelling.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The bytes. None for padding, white space, other letters, and bits that say nothing but are set.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
