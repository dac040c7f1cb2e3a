//! Signed digits of scalars.
//!
//! A scalar above r/2 is first replaced by its negative, so that a small scalar and its negative
//! are equally cheap. The absolute value is then written with digits from −2^(c−1) to 2^(c−1):
//! half as many multiples of a point are needed as with digits from 0 to 2^c, as −P costs nothing.

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, PrimeField};
use rayon::prelude::*;

/// A scalar as an integer below the group's order r.
pub type Scalar = BigInt<4>;

/// Bits of the absolute value of a scalar: at most (r − 1)/2, below 2^253.
pub(super) const SCALAR_BITS: usize = 253;

/// A scalar as sign and absolute value; the sign is the top bit, which no absolute value reaches.
#[derive(Clone, Copy)]
pub(super) struct Signed([u64; 4]);

const SIGN: u64 = 1 << 63;

impl Signed {
    pub(super) fn new(scalar: Scalar) -> Self {
        if scalar <= Fr::MODULUS_MINUS_ONE_DIV_TWO {
            return Self(scalar.0);
        }
        let mut opposite = Fr::MODULUS;
        opposite.sub_with_borrow(&scalar);
        let [a, b, c, d] = opposite.0;
        Self([a, b, c, d | SIGN])
    }

    fn is_negative(self) -> bool {
        self.0[3] & SIGN != 0
    }

    fn magnitude(self) -> [u64; 4] {
        let [a, b, c, d] = self.0;
        [a, b, c, d & !SIGN]
    }

    /// Bits of the absolute value; zero has none.
    fn bits(self) -> usize {
        let magnitude = self.magnitude();
        (0..4)
            .rev()
            .find(|limb| magnitude[*limb] != 0)
            .map_or(0, |limb| 64 * limb + 64 - magnitude[limb].leading_zeros() as usize)
    }
}

/// How scalars are cut into digits.
pub(super) struct Windows {
    /// Bits of a digit.
    pub(super) bits: usize,
    /// Digits of a scalar.
    pub(super) count: usize,
    /// `Σ 2^(bits − 1 + bits·w)` over all windows but the last. Adding it lets every digit be read
    /// on its own, without carries from the lower ones: the digit is what stands in the window
    /// then, less 2^(bits − 1).
    bias: [u64; 4],
}

impl Windows {
    /// The last window takes what is left and the carry, unsigned. It must not exceed the buckets
    /// of the others, so a bit is left free there.
    pub(super) fn new(bits: usize) -> Self {
        let count = (SCALAR_BITS + 1).div_ceil(bits);
        let mut bias = [0u64; 4];
        for window in 0..count - 1 {
            let bit = bits * window + bits - 1;
            bias[bit / 64] |= 1 << (bit % 64);
        }
        Self { bits, count, bias }
    }

    /// The cheapest cut for these scalars, by additions: one for each point that has a digit in a
    /// window, and about three more for each bucket in use.
    pub(super) fn choose(scalars: &[Signed]) -> Self {
        let mut lengths = scalars
            .par_iter()
            .fold(
                || [0u64; SCALAR_BITS + 1],
                |mut lengths, scalar| {
                    lengths[scalar.bits()] += 1;
                    lengths
                },
            )
            .reduce(
                || [0u64; SCALAR_BITS + 1],
                |mut sum, lengths| {
                    sum.iter_mut().zip(lengths).for_each(|(s, l)| *s += l);
                    sum
                },
            );
        // From "scalars of this many bits" to "scalars of more bits than this".
        let mut longer = 0;
        for length in lengths.iter_mut().rev() {
            longer += std::mem::replace(length, longer);
        }
        (4..=18)
            .map(Self::new)
            .min_by_key(|windows| {
                (0..windows.count)
                    .map(|window| {
                        let points = lengths[(windows.bits * window).min(SCALAR_BITS)];
                        points + 3 * points.min(1 << (windows.bits - 1))
                    })
                    .sum::<u64>()
            })
            .expect("there are sizes to choose from")
    }

    /// The scalar's digit in this window: its bucket (0 for a zero digit) and whether the point
    /// is to be subtracted.
    #[inline(always)]
    pub(super) fn digit(&self, scalar: Signed, window: usize) -> (usize, bool) {
        let negative = scalar.is_negative();
        let biased = add(scalar.magnitude(), self.bias);
        let first_bit = self.bits * window;
        let (limb, shift) = (first_bit / 64, first_bit % 64);
        let mut value = biased.get(limb).map_or(0, |low| low >> shift);
        if shift > 0 {
            value |= biased.get(limb + 1).map_or(0, |high| high << (64 - shift));
        }
        let value = (value & ((1 << self.bits) - 1)) as usize;
        if window == self.count - 1 {
            return (value, negative);
        }
        let half = 1 << (self.bits - 1);
        if value >= half { (value - half, negative) } else { (half - value, !negative) }
    }
}

/// The sum of two numbers that is known to stay below 2^256.
#[inline(always)]
fn add(left: [u64; 4], right: [u64; 4]) -> [u64; 4] {
    let mut carry = false;
    std::array::from_fn(|limb| {
        let (sum, first) = left[limb].overflowing_add(right[limb]);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first | second;
        sum
    })
}

#[cfg(test)]
mod tests {
    use ark_ff::{Field, UniformRand};
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// What the digits come to.
    fn value(windows: &Windows, scalar: Signed) -> Fr {
        (0..windows.count).rev().fold(Fr::from(0u64), |sum, window| {
            let (bucket, subtract) = windows.digit(scalar, window);
            assert!(bucket <= 1 << (windows.bits - 1), "a digit has at most half the window");
            let digit = Fr::from(bucket as u64);
            sum * Fr::from(1u64 << windows.bits) + if subtract { -digit } else { digit }
        })
    }

    #[test]
    fn digits_add_up() {
        let mut rng = StdRng::seed_from_u64(1);
        let one = Fr::from(1u64);
        let half = Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO);
        let mut scalars = vec![Fr::from(0u64), one, -one, half, half + one, half - one];
        for bit in 0..254u64 {
            let power = Fr::from(2u64).pow([bit]);
            scalars.extend([power, power - one, power + one, -power]);
        }
        scalars.extend((0..200).map(|_| Fr::rand(&mut rng)));
        for bits in 2..=18 {
            let windows = Windows::new(bits);
            for scalar in &scalars {
                assert_eq!(value(&windows, Signed::new(scalar.into_bigint())), *scalar, "{bits}");
            }
        }
    }

    #[test]
    fn lengths_are_those_of_the_absolute_value() {
        let bits = |scalar: Fr| Signed::new(scalar.into_bigint()).bits();
        let one = Fr::from(1u64);
        assert_eq!((bits(Fr::from(0u64)), bits(one), bits(-one)), (0, 1, 1));
        for bit in 0..253u64 {
            assert_eq!(bits(Fr::from(2u64).pow([bit])).min(253), bit as usize + 1);
        }
        assert!(bits(Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO)) <= SCALAR_BITS);
    }
}
