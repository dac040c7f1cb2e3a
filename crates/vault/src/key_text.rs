//! A key as text: 32 bytes, in hexadecimal digits or in base64.

use alloy_primitives::hex;
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes of a key's text that are read.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 10;

/// Why a text is no key. Nothing of the text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "no key: expected 32 bytes as 64 hexadecimal digits or as base64, found {bytes} bytes of text"
)]
pub struct KeyTextError {
    /// How long the text is, without what was trimmed.
    pub bytes: usize,
}

/// The key that is written here. White space around it does not count, nor does the mark that some
/// editors put at the beginning of UTF-8.
pub(crate) fn read(text: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyTextError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii();
    let mut key = Zeroizing::new([0; 32]);
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    // 64 digits are no base64 of 32 bytes, which has 43 or 44.
    let is_read = if digits.len() == 64 {
        hex::decode_to_slice(digits, &mut *key).is_ok()
    } else {
        let text = if text.len() == 44 { text.strip_suffix(b"=").unwrap_or(text) } else { text };
        text.len() == 43
            && (Base64Unpadded::decode(text, &mut *key).is_ok()
                || Base64UrlUnpadded::decode(text, &mut *key).is_ok())
    };
    if is_read { Ok(key) } else { Err(KeyTextError { bytes: text.len() }) }
}
