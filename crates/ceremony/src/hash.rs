//! BLAKE2b with 64 bytes, the hash of snarkjs's ceremonies.

use ark_ec::short_weierstrass::Affine;
use blake2::{Blake2b512, Digest};

use crate::points::{Group, to_hashed};

/// 64 bytes of BLAKE2b.
pub type Hash = [u8; 64];

/// A hash in the making.
#[derive(Clone)]
pub(crate) struct Hasher(Blake2b512);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(Blake2b512::new())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    pub(crate) fn points<P: Group>(&mut self, points: &[Affine<P>]) -> &mut Self {
        self.bytes(&to_hashed(points))
    }

    /// A number, as snarkjs hashes it: four bytes, the highest first.
    pub(crate) fn number(&mut self, number: usize) -> &mut Self {
        self.bytes(&(number as u32).to_be_bytes())
    }

    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
