//! Legal Entity Identifiers, ISO 17442: 18 letters or digits, and two check digits.

/// Whether this is one: by its form, and by its check digits (ISO 7064, MOD 97-10).
///
/// A letter counts as two digits, A as 10 and Z as 35; the whole number, written so, leaves 1 when it
/// is divided by 97.
pub(super) fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 20 || !bytes[18..].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut left = 0;
    for byte in bytes {
        left = match byte {
            b'0'..=b'9' => left * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => left * 100 + u32::from(byte - b'A') + 10,
            _ => return false,
        } % 97;
    }
    left == 1
}
