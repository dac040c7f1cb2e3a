//! base64url without padding, as JOSE has it: one spelling for each sequence of bytes.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

/// The bytes that a text stands for. Other spellings of them are refused.
pub(super) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
    let length = Base64UrlUnpadded::decode(text, &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// Exactly so many bytes.
pub(super) fn decode_exactly<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = decode(text)?;
    <[u8; N]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

/// Writes bytes behind a text.
pub(super) fn encode_to(bytes: &[u8], text: &mut String) {
    let mut buffer = Zeroizing::new(vec![0; Base64UrlUnpadded::encoded_len(bytes)]);
    // The buffer is exactly as large as it must be.
    text.push_str(Base64UrlUnpadded::encode(bytes, &mut buffer).unwrap_or_default());
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(Base64UrlUnpadded::encoded_len(bytes));
    encode_to(bytes, &mut text);
    text
}
