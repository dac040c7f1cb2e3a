//! Many signatures at once, by one random linear combination.
//!
//! With random 128-bit weights `wᵢ`, all equations hold, but for a chance of 2^-128, when
//!
//! ```text
//! Σ wᵢ · R8ᵢ + Σ (wᵢ · 8 · challengeᵢ) · Aᵢ − (Σ wᵢ · Sᵢ) · Base8 = 0
//! ```
//!
//! That argument needs a group of prime order: parts of small order could cancel one another
//! with a chance of one half. Keys have none by construction; each `R8` is checked for its own.
//! So a batch accepts exactly what [`PublicKey::verify`] accepts.

use std::collections::HashMap;

use ark_ff::AdditiveGroup;
use rand::{CryptoRng, Rng, RngCore};
use rayon::prelude::*;

use super::single::{PublicKey, Signature};
use crate::{
    babyjubjub::{BASE8, Scalar, multiscalar},
    field::Fr,
};

/// Below this many, checking one at a time costs less than another combination.
const BATCH_MIN: usize = 4;

/// Signatures that do not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of the signatures do not hold, the first at index {}", indices.len(), indices[0])]
pub struct Forged {
    /// Their places in the list, ascending; at least one.
    pub indices: Vec<usize>,
}

/// Verifies many signatures, several times faster than one at a time, on the threads of the rayon
/// pool that it is called in.
///
/// # Errors
/// When any does not hold: all that do not, found by halving the list.
pub fn verify_many(
    signed: &[(PublicKey, Fr, Signature)],
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<(), Forged> {
    let mut indices = Vec::new();
    find_forged(signed, 0, rng, &mut indices);
    if indices.is_empty() { Ok(()) } else { Err(Forged { indices }) }
}

fn find_forged(
    signed: &[(PublicKey, Fr, Signature)],
    offset: usize,
    rng: &mut (impl CryptoRng + RngCore),
    forged: &mut Vec<usize>,
) {
    if signed.len() < BATCH_MIN {
        let one_by_one = signed.iter().enumerate();
        forged.extend(one_by_one.filter_map(|(index, (key, message, signature))| {
            (!key.verify(*message, signature)).then_some(offset + index)
        }));
    } else if !combination_holds(signed, rng) {
        let (left, right) = signed.split_at(signed.len() / 2);
        find_forged(left, offset, rng, forged);
        find_forged(right, offset + left.len(), rng, forged);
    }
}

fn combination_holds(
    signed: &[(PublicKey, Fr, Signature)],
    rng: &mut (impl CryptoRng + RngCore),
) -> bool {
    let mut points = Vec::with_capacity(2 * signed.len() + 1);
    let mut weights = Vec::with_capacity(2 * signed.len() + 1);
    let mut of_keys: HashMap<PublicKey, Scalar> = HashMap::new();
    let mut of_base = Scalar::ZERO;
    // A challenge, where the R8 is in the subgroup.
    let challenges: Option<Vec<Scalar>> = signed
        .par_iter()
        .map(|(key, message, signature)| {
            let well_formed = signature.r8().is_in_subgroup();
            well_formed.then(|| key.eightfold_challenge(*message, signature))
        })
        .collect();
    let Some(challenges) = challenges else { return false };
    for ((key, _, signature), challenge) in signed.iter().zip(challenges) {
        let weight = Scalar::from(rng.r#gen::<u128>());
        points.push(*signature.r8());
        weights.push(weight);
        *of_keys.entry(*key).or_default() += weight * challenge;
        of_base += weight * signature.s();
    }
    for (key, weight) in of_keys {
        points.push(*key.point());
        weights.push(weight);
    }
    points.push(BASE8);
    weights.push(-of_base);
    multiscalar::sum_is_identity(&points, &weights)
}
