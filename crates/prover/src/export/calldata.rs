//! Words for Solidity.
//!
//! Points are as the pairing precompiles take them (EIP-196, EIP-197): a coordinate of G2 is two
//! words, the imaginary part first.

use alloy_primitives::U256;
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ff::{BigInt, PrimeField};

use super::{ReadError, fq, fr, g1, g2};
use crate::groth16::{Proof, VerifyingKey};

/// Bytes of a proof as `uint256[8]`, ABI-encoded.
pub const PROOF_BYTES: usize = 8 * 32;

/// A proof as `uint256[8]`: A.x, A.y, B.x imaginary, B.x real, B.y imaginary, B.y real, C.x, C.y.
pub fn proof_to_words(proof: &Proof) -> [U256; 8] {
    let [a_x, a_y] = g1_words(&proof.a);
    let [b_x1, b_x0, b_y1, b_y0] = g2_words(&proof.b);
    let [c_x, c_y] = g1_words(&proof.c);
    [a_x, a_y, b_x1, b_x0, b_y1, b_y0, c_x, c_y]
}

/// Reads a proof from [`proof_to_words`]' form.
///
/// # Errors
/// When a word is not a field element or a point is not in its group, or is infinity.
pub fn proof_from_words(words: &[U256; 8]) -> Result<Proof, ReadError> {
    let [a_x, a_y, b_x1, b_x0, b_y1, b_y0, c_x, c_y] = words.map(|word| fq(limbs(word)));
    Ok(Proof {
        a: g1(a_x?, a_y?)?,
        b: g2(Fq2::new(b_x0?, b_x1?), Fq2::new(b_y0?, b_y1?))?,
        c: g1(c_x?, c_y?)?,
    })
}

/// A proof's words as ABI-encoded bytes.
pub fn proof_to_bytes(proof: &Proof) -> [u8; PROOF_BYTES] {
    let mut bytes = [0; PROOF_BYTES];
    for (place, word) in bytes.chunks_exact_mut(32).zip(proof_to_words(proof)) {
        place.copy_from_slice(&word.to_be_bytes::<32>());
    }
    bytes
}

/// Reads a proof from [`proof_to_bytes`]' form.
///
/// # Errors
/// Like [`proof_from_words`], and when there are more or fewer bytes.
pub fn proof_from_bytes(bytes: &[u8]) -> Result<Proof, ReadError> {
    let (words, _) = bytes.as_chunks::<32>();
    match <&[[u8; 32]; 8]>::try_from(words) {
        Ok(words) if bytes.len() == PROOF_BYTES => {
            proof_from_words(&words.map(U256::from_be_bytes::<32>))
        }
        _ => Err(ReadError::Length { expected: PROOF_BYTES, found: bytes.len() }),
    }
}

/// Public inputs as words.
pub fn inputs_to_words(inputs: &[Fr]) -> Vec<U256> {
    inputs.iter().map(|input| U256::from_limbs(input.into_bigint().0)).collect()
}

/// Reads public inputs.
///
/// # Errors
/// When a word is not below the scalar field's modulus.
pub fn inputs_from_words(words: &[U256]) -> Result<Vec<Fr>, ReadError> {
    words.iter().map(|word| fr(limbs(*word))).collect()
}

/// A verifying key's points as words: α in G1; β, γ, δ in G2; then the public inputs' points in
/// G1, that of the constant one first. A verifier contract keeps them as constants.
pub fn verifying_key_to_words(key: &VerifyingKey) -> Vec<U256> {
    let mut words = g1_words(&key.alpha_g1).to_vec();
    for point in [&key.beta_g2, &key.gamma_g2, &key.delta_g2] {
        words.extend(g2_words(point));
    }
    words.extend(key.gamma_abc_g1.iter().flat_map(g1_words));
    words
}

/// Reads a verifying key from [`verifying_key_to_words`]' form, as a verifier contract gives it.
///
/// # Errors
/// When there are not as many words as points need, a word is not a field element, or a point is not
/// in its group, or is infinity.
pub fn verifying_key_from_words(words: &[U256]) -> Result<VerifyingKey, ReadError> {
    /// α, β, γ, δ, and the constant input's point.
    const WORDS_MIN: usize = 2 + 3 * 4 + 2;
    let ([a_x, a_y, rest @ ..], true) =
        (words, words.len() >= WORDS_MIN && words.len().is_multiple_of(2))
    else {
        let (expected, found) = (WORDS_MIN * 32, words.len() * 32);
        return Err(ReadError::Length { expected, found });
    };
    let coordinate = |word: &U256| fq(limbs(*word));
    let point_1 = |x: &U256, y: &U256| g1(coordinate(x)?, coordinate(y)?);
    let point_2 = |[x1, x0, y1, y0]: &[U256; 4]| {
        let x = Fq2::new(coordinate(x0)?, coordinate(x1)?);
        g2(x, Fq2::new(coordinate(y0)?, coordinate(y1)?))
    };
    // Lengths as checked: three points of G2, then an even number of words.
    let (points_2, points_1) = rest.split_at(3 * 4);
    let (points_2, points_1) = (points_2.as_chunks().0, points_1.as_chunks::<2>().0);
    Ok(VerifyingKey {
        alpha_g1: point_1(a_x, a_y)?,
        beta_g2: point_2(&points_2[0])?,
        gamma_g2: point_2(&points_2[1])?,
        delta_g2: point_2(&points_2[2])?,
        gamma_abc_g1: points_1.iter().map(|[x, y]| point_1(x, y)).collect::<Result<_, _>>()?,
    })
}

fn limbs(word: U256) -> BigInt<4> {
    BigInt(word.into_limbs())
}

fn word(element: Fq) -> U256 {
    U256::from_limbs(element.into_bigint().0)
}

/// Infinity is two zeros here, in memory and for the precompiles alike.
fn g1_words(point: &G1Affine) -> [U256; 2] {
    [word(point.x), word(point.y)]
}

fn g2_words(point: &G2Affine) -> [U256; 4] {
    [word(point.x.c1), word(point.x.c0), word(point.y.c1), word(point.y.c0)]
}
