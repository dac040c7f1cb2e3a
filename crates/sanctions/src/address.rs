//! Addresses as lists spell them.

use alloy_primitives::{Address, hex};

/// An address as a list spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelled {
    pub(crate) address: Address,
    /// It is written in both cases, and they are not those of EIP-55. On a chain the cases mean
    /// nothing, so it counts all the same; but somebody may have mistyped it.
    pub(crate) checksum_is_wrong: bool,
}

/// Whether an address may lack its `0x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    Needed,
    Optional,
}

/// Reads an address: 40 hex digits after `0x` or `0X`, in any case, and nothing else.
pub(crate) fn read(text: &str, prefix: Prefix) -> Option<Spelled> {
    let digits = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => digits,
        None if prefix == Prefix::Optional => text,
        None => return None,
    };
    // Bytes, not characters: a look-alike from another script is longer, and no hex digit. The
    // decoder would take a second prefix.
    if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let address = Address::from(hex::decode_to_array::<_, 20>(digits).ok()?);
    let has = |kind: fn(&u8) -> bool| digits.as_bytes().iter().any(kind);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let checksum_is_wrong = mixed && address.to_checksum(None)[2..] != *digits;
    Some(Spelled { address, checksum_is_wrong })
}

/// Whether a value that is no EVM address was meant to be one, or is nothing at all. Otherwise it is
/// an address of another chain.
///
/// `ticker` is the currency that the list names with it.
pub(crate) fn is_unreadable(value: &str, ticker: &str) -> bool {
    // Other chains' addresses are letters and digits; a few have a prefix, or a memo.
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'_' | b'-');
    // Not BNB and AVAX, which have chains of both kinds, and not the tokens that are on several.
    let evm_only = ["ETH", "ETC", "ARB", "BSC", "MATIC", "POL"];
    // Sui and Aptos write 0x and 64 digits.
    let other_chain_hex =
        value.len() == 66 && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let hex_like = value.starts_with("0x") || value.starts_with("0X");
    !value.bytes().all(plain)
        || evm_only.contains(&ticker.to_ascii_uppercase().as_str())
        || (hex_like && !other_chain_hex)
}
