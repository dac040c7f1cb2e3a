//! Seeds on the command line: for results that can be made again.

use rand::{CryptoRng, RngCore, SeedableRng, rngs::OsRng};
use rand_chacha::ChaCha20Rng;

/// Any text as the seed of a generator: its BLAKE3 hash.
pub(crate) fn bytes(text: &str) -> [u8; 32] {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// A generator from a seed, or from the operating system's randomness.
pub(crate) fn generator(seed: Option<&str>) -> impl CryptoRng + RngCore + use<> {
    match seed {
        Some(text) => ChaCha20Rng::from_seed(bytes(text)),
        None => {
            let mut seed = [0; 32];
            OsRng.fill_bytes(&mut seed);
            ChaCha20Rng::from_seed(seed)
        }
    }
}
