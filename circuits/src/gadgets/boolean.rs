//! Bits and ranges.

use std::cell::LazyCell;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};

use crate::system::{Linear, System};

/// Demands that `bit` is 0 or 1.
pub fn enforce_boolean<S: System>(system: &mut S, label: &'static str, bit: &S::L) {
    system.enforce(label, bit, &bit.sub(&S::L::constant(Fr::ONE)), &S::L::constant(Fr::from(0u64)));
}

/// Allocates a bit.
pub fn bit<S: System>(system: &mut S, label: &'static str, value: impl FnOnce() -> Fr) -> S::L {
    let bit = system.witness(label, value);
    enforce_boolean(system, label, &bit);
    bit
}

/// Allocates `count` bits, the lowest first, that spell the number `value`.
///
/// A value too wide for them leaves its excess in the last "bit", which then is none: the range
/// check fails, and nothing is silently cut off.
pub fn bits<S: System>(
    system: &mut S,
    label: &'static str,
    count: usize,
    value: impl FnOnce() -> Fr,
) -> Vec<S::L> {
    let spelled = LazyCell::new(|| spell(value(), count));
    (0..count).map(|index| bit(system, label, || spelled[index])).collect()
}

fn spell(value: Fr, count: usize) -> Vec<Fr> {
    let number = value.into_bigint();
    let mut bits: Vec<Fr> =
        (0..count).map(|index| Fr::from(u64::from(number.get_bit(index)))).collect();
    if number.num_bits() as usize > count {
        let (low, top) = (bits[..count - 1].iter(), power_of_two(count - 1));
        let low = low.rev().fold(Fr::from(0u64), |low, bit| low.double() + bit);
        bits[count - 1] = (value - low) / top;
    }
    bits
}

/// The number that `bits` spell, the lowest first.
pub fn number<L: Linear>(bits: &[L]) -> L {
    let powers = std::iter::successors(Some(Fr::ONE), |power| Some(power.double()));
    L::dot(&powers.take(bits.len()).collect::<Vec<_>>(), bits)
}

/// `2^exponent`.
pub fn power_of_two(exponent: usize) -> Fr {
    Fr::from(2u64).pow([exponent as u64])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checker::Checker, system::Circuit};

    struct Range(usize, Fr);

    impl Circuit for Range {
        fn synthesize<S: System>(&self, system: &mut S) {
            let bits = bits(system, "bit", self.0, || self.1);
            let own = system.witness("value", || self.1);
            let one = S::L::constant(Fr::ONE);
            system.enforce("spelled", &number(&bits), &one, &own);
        }
    }

    #[test]
    fn a_range_holds_its_numbers_and_no_others() {
        for value in [0u64, 1, 126, 127] {
            assert!(Checker::satisfied(&Range(7, value.into())));
        }
        for value in [Fr::from(128u64), Fr::from(255u64), -Fr::ONE] {
            assert_eq!(Checker::broken(&Range(7, value)), ["bit"], "{value}");
        }
        assert!(Checker::satisfied(&Range(254, -Fr::ONE)));
    }
}
