//! arkworks' canonical compressed bytes.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

use super::{ReadError, fr};
use crate::groth16::{Proof, VerifyingKey};

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 32 + 64 + 32;

/// A proof's bytes.
pub fn proof_to_bytes(proof: &Proof) -> [u8; PROOF_BYTES] {
    let mut bytes = [0; PROOF_BYTES];
    proof.serialize_compressed(&mut bytes[..]).expect("a proof has this length");
    bytes
}

/// Reads a proof.
///
/// # Errors
/// When the bytes are not exactly those of a proof with all points in their groups.
pub fn proof_from_bytes(bytes: &[u8]) -> Result<Proof, ReadError> {
    if bytes.len() != PROOF_BYTES {
        return Err(ReadError::Length { expected: PROOF_BYTES, found: bytes.len() });
    }
    let proof = Proof::deserialize_compressed(bytes).map_err(|_| ReadError::NotAPoint)?;
    let infinite = proof.a.is_zero() || proof.b.is_zero() || proof.c.is_zero();
    if infinite || proof_to_bytes(&proof) != bytes {
        return Err(ReadError::NotAPoint);
    }
    Ok(proof)
}

/// A verifying key's bytes.
pub fn verifying_key_to_bytes(key: &VerifyingKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.serialize_compressed(&mut bytes).expect("a vector takes any bytes");
    bytes
}

/// Public inputs' bytes: 32, little-endian, for each.
pub fn inputs_to_bytes(inputs: &[Fr]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 * inputs.len());
    for input in inputs {
        input.serialize_compressed(&mut bytes).expect("a vector takes any bytes");
    }
    bytes
}

/// Reads public inputs.
///
/// # Errors
/// When the bytes are not a whole number of inputs, or an input is not below the modulus.
pub fn inputs_from_bytes(bytes: &[u8]) -> Result<Vec<Fr>, ReadError> {
    let (inputs, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        let expected = 32 * (inputs.len() + 1);
        return Err(ReadError::Length { expected, found: bytes.len() });
    }
    let limbs = |input: &[u8; 32]| {
        let (limbs, _) = input.as_chunks();
        ark_ff::BigInt::<4>(std::array::from_fn(|limb| u64::from_le_bytes(limbs[limb])))
    };
    inputs.iter().map(|input| fr(limbs(input))).collect()
}
