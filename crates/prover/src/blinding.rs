//! What hides the segments of a window.
//!
//! The segments' sums are public, and a small segment's would tell which debits and payouts are its
//! own. So each segment's sum has a random blind, committed to with the segment, and all blinds add
//! up to zero: the sums are uniform given their total. A salt keeps the commitment itself from being
//! guessed.
//!
//! Other blinds and salts are other commitments, and another challenge. So the secret that they are
//! drawn from is stored, durably, before the first segment is proved, and is the same after a restart.
//!
//! **Every batch has a secret of its own.** A segment that is proved in two batches under one blind,
//! as after a mandate was taken out of the window's other segments, has two sums with one unknown:
//! then they show what the blind was to hide. Sums are public as soon as they are sent, whether the
//! batch settles or not.

use std::fmt;

use aep2_mandate::field::Fr;
use ark_ff::UniformRand;
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// The secret from which a window's blinds and salts are drawn. Whoever knows it can sort the
/// window's entries into its segments; it gives no power over money.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Blinding([u8; 32]);

impl Blinding {
    /// A fresh secret.
    pub fn random(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self(secret)
    }

    /// The secret that was kept.
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The secret, to be kept.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Blind and salt of each of `count` segments. The blinds add up to 0; a single one is 0.
    ///
    /// The same secret gives the same values for the same count.
    pub fn of_segments(&self, count: usize) -> Vec<(Fr, Fr)> {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        // Drawn in the field itself: a hash reduced into it would not be uniform.
        let mut covers: Vec<(Fr, Fr)> =
            (0..count).map(|_| (Fr::rand(&mut rng), Fr::rand(&mut rng))).collect();
        let total: Fr = covers.iter().map(|(blind, _)| blind).sum();
        if let Some((blind, _)) = covers.first_mut() {
            *blind -= total;
        }
        covers
    }
}

/// Not the secret.
impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn blinds_cancel_and_nothing_repeats() {
        let secret = Blinding::from_bytes([7; 32]);
        for count in 1..=64 {
            let covers = secret.of_segments(count);
            assert_eq!(covers, secret.of_segments(count));
            let blinds: Fr = covers.iter().map(|(blind, _)| blind).sum();
            assert_eq!(blinds, Fr::from(0u64));
            let all: HashSet<Fr> =
                covers.iter().flat_map(|(blind, salt)| [*blind, *salt]).collect();
            assert_eq!(all.len(), 2 * count);
        }
        let (blind, salt) = secret.of_segments(1)[0];
        assert!(blind == Fr::from(0u64) && salt != Fr::from(0u64));
        assert_ne!(secret.of_segments(2), Blinding::from_bytes([8; 32]).of_segments(2));
        assert!(!format!("{secret:?}").contains('7'));
    }
}
