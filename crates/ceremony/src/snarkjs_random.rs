//! snarkjs's way from a hash to secrets and points.
//!
//! The hash's first 32 bytes, as eight big-endian words, seed ChaCha20. A number is drawn as four
//! times 64 bits, the lowest first, is cut to 254 bits, is drawn again until it is below the modulus,
//! and is then taken for the number's form in memory, multiplied by 2^256. A point is an x that has a
//! y, and a bit that chooses between its two; in G2 the cofactor is then cleared.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine, g2};
use ark_ec::{
    AffineRepr, CurveConfig, CurveGroup,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{BigInt, PrimeField, Zero};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::hash::Hash;

/// ChaCha20, drawn from as snarkjs does.
pub(crate) struct SnarkjsRandom(ChaCha20Rng);

impl SnarkjsRandom {
    /// Seeded with the first 32 bytes of a hash.
    pub(crate) fn new(hash: &[u8]) -> Self {
        let mut seed = [0u8; 32];
        seed.copy_from_slice(&hash[..32]);
        seed.as_chunks_mut::<4>().0.iter_mut().for_each(|word| word.reverse());
        Self(ChaCha20Rng::from_seed(seed))
    }

    fn limbs(&mut self, modulus: BigInt<4>) -> BigInt<4> {
        loop {
            let mut limbs = [0u64; 4];
            for limb in &mut limbs {
                let (high, low) = (self.0.next_u32(), self.0.next_u32());
                *limb = u64::from(high) << 32 | u64::from(low);
            }
            limbs[3] &= (1 << 62) - 1;
            if BigInt(limbs) < modulus {
                return BigInt(limbs);
            }
        }
    }

    /// A scalar.
    pub(crate) fn scalar(&mut self) -> Fr {
        Fr::new_unchecked(self.limbs(Fr::MODULUS))
    }

    fn fq(&mut self) -> Fq {
        Fq::new_unchecked(self.limbs(Fq::MODULUS))
    }

    /// A point of G1.
    pub(crate) fn g1(&mut self) -> G1Affine {
        self.point(Self::fq, is_negative)
    }

    /// A point of G2.
    fn g2(&mut self) -> G2Affine {
        let x = |own: &mut Self| {
            let real = own.fq();
            Fq2::new(real, own.fq())
        };
        let point: G2Affine =
            self.point(
                x,
                |y: &Fq2| {
                    if y.c1.is_zero() { is_negative(&y.c0) } else { is_negative(&y.c1) }
                },
            );
        point.mul_bigint(g2::Config::COFACTOR).into_affine()
    }

    fn point<P: SWCurveConfig>(
        &mut self,
        draw: impl Fn(&mut Self) -> P::BaseField,
        is_negative: impl Fn(&P::BaseField) -> bool,
    ) -> Affine<P> {
        loop {
            let x = draw(self);
            let greatest = self.0.next_u32() & 1 == 1;
            if let Some((y, other)) = Affine::<P>::get_ys_from_x_unchecked(x) {
                let y = if is_negative(&y) == greatest { y } else { other };
                return Affine::new_unchecked(x, y);
            }
        }
    }
}

fn is_negative(number: &Fq) -> bool {
    number.into_bigint() > Fq::MODULUS_MINUS_ONE_DIV_TWO
}

/// The point of G2 that a hash stands for: nobody knows its logarithm.
pub fn hash_to_g2(hash: &Hash) -> G2Affine {
    SnarkjsRandom::new(hash).g2()
}
