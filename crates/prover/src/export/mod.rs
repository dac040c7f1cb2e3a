//! Proofs, verifying keys and public inputs in the forms that other software reads.
//!
//! Reading is strict everywhere: a field element has one form, points are on their curves and in
//! their groups, and what has a second spelling of the same proof is refused.

pub mod calldata;
pub mod canonical;
pub mod snarkjs;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::PrimeField;

/// Why something is no proof and no public input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Too few or too many bytes.
    #[error("there must be {expected} bytes, not {found}")]
    Length {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number is not below its field's modulus, or not written as it should be.
    #[error("a number is not a field element in its one form")]
    NotAFieldElement,
    /// A point is infinity, off its curve or outside its group.
    #[error("a point of the proof is not in its group")]
    NotAPoint,
    /// The form as a whole is not as it should be.
    #[error("malformed: {0}")]
    Malformed(String),
}

fn fq(number: impl Into<<Fq as PrimeField>::BigInt>) -> Result<Fq, ReadError> {
    Fq::from_bigint(number.into()).ok_or(ReadError::NotAFieldElement)
}

fn fr(number: impl Into<<Fr as PrimeField>::BigInt>) -> Result<Fr, ReadError> {
    Fr::from_bigint(number.into()).ok_or(ReadError::NotAFieldElement)
}

fn g1(x: Fq, y: Fq) -> Result<G1Affine, ReadError> {
    let point = G1Affine::new_unchecked(x, y);
    let valid = !point.is_zero() && point.is_on_curve();
    // The curve over the prime field has no smaller subgroup.
    if valid { Ok(point) } else { Err(ReadError::NotAPoint) }
}

fn g2(x: Fq2, y: Fq2) -> Result<G2Affine, ReadError> {
    let point = G2Affine::new_unchecked(x, y);
    let valid =
        !point.is_zero() && point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve();
    if valid { Ok(point) } else { Err(ReadError::NotAPoint) }
}
