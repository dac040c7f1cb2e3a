//! Proofs, and verifying them.

use ark_bn254::{Bn254, Fr, G2Affine};
use ark_ec::AffineRepr;
use ark_groth16::Groth16;

use super::key::VerifyingKey;

/// A proof: three points, `A` and `C` in G1 and `B` in G2.
pub type Proof = ark_groth16::Proof<Bn254>;

/// A verifying key made ready for many proofs.
#[derive(Clone, Debug)]
pub struct PreparedVerifyingKey(ark_groth16::PreparedVerifyingKey<Bn254>);

impl From<&VerifyingKey> for PreparedVerifyingKey {
    fn from(key: &VerifyingKey) -> Self {
        Self(ark_groth16::prepare_verifying_key(key))
    }
}

impl PreparedVerifyingKey {
    /// Whether `proof` shows that the statement with these public inputs holds. The points must
    /// be known to lie in their groups, as those of every proof read by this crate are.
    ///
    /// A wrong number of public inputs is refused: the verification equation alone would take
    /// missing ones for zeros.
    pub fn verify(&self, public_inputs: &[Fr], proof: &Proof) -> bool {
        public_inputs.len() + 1 == self.0.vk.gamma_abc_g1.len()
            && Groth16::<Bn254>::verify_proof(&self.0, proof, public_inputs).unwrap_or(false)
    }
}

/// [`PreparedVerifyingKey::verify`] for a single proof.
pub fn verify(key: &VerifyingKey, public_inputs: &[Fr], proof: &Proof) -> bool {
    PreparedVerifyingKey::from(key).verify(public_inputs, proof)
}

/// Whether anybody can forge proofs for this key, whatever the circuit: δ is γ, the generator, or
/// the negative of one.
///
/// Where δ = k·γ for a known k, points for the public inputs can be moved to the proof's `C`, and any
/// statement is proved. The key of a ceremony to which nobody contributed has δ = γ = the generator.
/// A key that passes may still be known to somebody: only its provenance says.
pub fn is_forgeable(key: &VerifyingKey) -> bool {
    let known = [key.gamma_g2, G2Affine::generator()];
    known.into_iter().any(|point| key.delta_g2 == point || key.delta_g2 == -point)
}
