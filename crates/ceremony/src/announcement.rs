//! The plan in the ceremony: its first contribution.
//!
//! A `.zkey` has no place for a plan. But the hash of every contribution takes in all contributions before
//! it. So the first one is made from the plan's hash, as the last one is from the beacon's value:
//! everybody can compute it, its secret is no secret, and it changes nothing for who trusts whom. After it,
//! each contributor's hash is of this plan. A coordinator who wants another beacon, after he saw
//! contributions or the first beacon's value, has to begin again without them.
//!
//! snarkjs takes it for a beacon's contribution and verifies it.

use ark_bn254::G1Affine;
use ark_ec::AffineRepr;

use crate::{
    contribution::{BEACON_EXPONENTS, Chain, Contribution, Secret, Source},
    plan::Plan,
};

/// The name of the first contribution.
pub const ANNOUNCEMENT_NAME: &str = "the plan";

/// The first contribution of the ceremony that a plan announces.
pub fn announcement(plan: &Plan) -> Contribution {
    let (secret, source) = secret(plan);
    let mut chain = Chain { circuit_hash: plan.circuit_hash.0, contributions: Vec::new() };
    let name = Some(ANNOUNCEMENT_NAME.to_owned());
    chain.push(&secret, &G1Affine::generator(), source, name);
    chain.contributions.remove(0)
}

/// What everybody knows: the secret that a plan's hash gives.
pub(crate) fn secret(plan: &Plan) -> (Secret, Source) {
    // No more hashing than snarkjs demands: there is nothing to delay.
    let exponent = *BEACON_EXPONENTS.start();
    let value = plan.hash();
    let secret = Secret::of_beacon(&value, exponent, &()).expect("32 bytes and a fit exponent");
    (secret, Source::Beacon { value: value.to_vec(), exponent })
}
