//! The BN254 scalar field: canonical bytes, and how Ethereum's values become elements.

use alloy_primitives::{Address, B256};
pub use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

/// The element with these big-endian bytes, or nothing when they are not below the modulus: a
/// value has one encoding.
pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Fr> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    Fr::from_bigint(ark_ff::BigInt(limbs))
}

/// The element's canonical bytes, big-endian.
pub fn to_be_bytes(element: &Fr) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&element.into_bigint().to_bytes_be());
    bytes
}

/// An address as an element: its 160 bits, big-endian.
pub fn from_address(address: Address) -> Fr {
    Fr::from_be_bytes_mod_order(address.as_slice())
}

/// A hash without its last byte: 248 bits, so that every value is canonical.
pub fn truncated_hash(hash: B256) -> Fr {
    Fr::from_be_bytes_mod_order(&hash[..31])
}

/// A hash reduced modulo the field's order.
pub fn reduced_hash(hash: B256) -> Fr {
    Fr::from_be_bytes_mod_order(hash.as_slice())
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, Field};

    use super::*;

    #[test]
    fn only_canonical_bytes_are_read() {
        for element in [Fr::ZERO, Fr::ONE, -Fr::ONE] {
            assert_eq!(from_be_bytes(&to_be_bytes(&element)), Some(element));
        }
        let mut modulus = [0; 32];
        modulus.copy_from_slice(&Fr::MODULUS.to_bytes_be());
        assert_eq!(from_be_bytes(&modulus), None);
        assert_eq!(from_be_bytes(&[0xff; 32]), None);
    }

    #[test]
    fn hashes_and_addresses() {
        assert_eq!(truncated_hash(B256::with_last_byte(0xff)), Fr::ZERO);
        assert_eq!(truncated_hash(B256::from([1; 32])), Fr::from_be_bytes_mod_order(&[1; 31]));
        assert_eq!(from_address(Address::with_last_byte(7)), Fr::from(7u64));
        assert_eq!(reduced_hash(B256::with_last_byte(7)), Fr::from(7u64));
    }
}
