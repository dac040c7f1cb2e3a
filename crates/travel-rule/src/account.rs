//! How accounts are written: addresses, CAIP-10, and accounts within a wallet.

use alloy_primitives::Address;

/// An address on a chain, by CAIP-10: `eip155:8453:0x…`, with its checksum.
pub fn caip10(chain_id: u64, address: Address) -> String {
    format!("eip155:{chain_id}:{address}")
}

/// An account of a wallet: `eip155:8453:0x…/7`, the wallet by CAIP-10 and the account's number.
pub fn wallet_account(chain_id: u64, wallet: Address, account: u32) -> String {
    format!("{}/{account}", caip10(chain_id, wallet))
}

/// The chain and the address of a CAIP-10 name of an EVM chain.
pub(crate) fn from_caip10(text: &str) -> Option<(u64, Address)> {
    let (chain, address) = text.strip_prefix("eip155:")?.split_once(':')?;
    let number = chain.parse().ok()?;
    // One spelling of each number: no sign, no zeros before it.
    if chain != u64::to_string(&number) {
        return None;
    }
    Some((number, from_hex(address)?))
}

/// An address in hexadecimal. In mixed case its checksum (EIP-55) must fit: it is there against
/// mistakes.
pub(crate) fn from_hex(text: &str) -> Option<Address> {
    let digits = text.strip_prefix("0x")?;
    if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let is_mixed = digits.bytes().any(|byte| byte.is_ascii_lowercase())
        && digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_mixed { Address::parse_checksummed(text, None).ok() } else { text.parse().ok() }
}

/// Whether an account number is this address: alone, or by CAIP-10 on this chain.
pub(crate) fn is_address(text: &str, chain_id: u64, address: Address) -> bool {
    from_hex(text) == Some(address) || from_caip10(text) == Some((chain_id, address))
}

/// Whether an account number is this account of this wallet.
pub(crate) fn is_wallet_account(text: &str, chain_id: u64, wallet: Address, account: u32) -> bool {
    let Some((of, number)) = text.rsplit_once('/') else { return false };
    from_caip10(of) == Some((chain_id, wallet)) && number == u32::to_string(&account)
}
