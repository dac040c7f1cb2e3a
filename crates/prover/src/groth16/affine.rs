//! Additions of affine points, many at a time.
//!
//! Adding two affine points needs a division, which costs as much as some 250 multiplications.
//! Montgomery's trick shares one division among any number of additions: three multiplications
//! each take its place, and an addition then costs six in all, against ten or more in projective
//! coordinates. This is what makes both multi-scalar multiplication ([`super::msm`]) and the
//! set-up ([`super::fixed_base`]) fast.

use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, Field, Zero};

/// A field of coordinates, of G1's or G2's curve.
pub trait CoordinateField: Field {
    /// Eight elements at once.
    #[cfg(target_arch = "x86_64")]
    #[doc(hidden)]
    type Eight: super::wide::Elements<Field = Self>;
}

impl CoordinateField for ark_bn254::Fq {
    #[cfg(target_arch = "x86_64")]
    type Eight = super::wide::Fq8;
}

impl CoordinateField for ark_bn254::Fq2 {
    #[cfg(target_arch = "x86_64")]
    type Eight = super::wide::Fq2x8;
}

/// Adds lists of affine points pairwise; keeps its working memory between calls.
pub(super) struct Adder<P: SWCurveConfig<BaseField: CoordinateField>> {
    portable: PortableAdder<P>,
    #[cfg(target_arch = "x86_64")]
    wide: Option<Wide<P>>,
}

/// The fast way, and what it leaves to the portable one.
#[cfg(target_arch = "x86_64")]
struct Wide<P: SWCurveConfig<BaseField: CoordinateField>> {
    adder: super::wide::WideAdder<<P::BaseField as CoordinateField>::Eight>,
    rest: Vec<u32>,
    left: Vec<Affine<P>>,
    right: Vec<Affine<P>>,
}

impl<P: SWCurveConfig<BaseField: CoordinateField>> Adder<P> {
    pub(super) fn new() -> Self {
        Self {
            portable: PortableAdder::new(),
            #[cfg(target_arch = "x86_64")]
            wide: super::wide::WideAdder::new().map(|adder| Wide {
                adder,
                rest: Vec::new(),
                left: Vec::new(),
                right: Vec::new(),
            }),
        }
    }

    /// `left[i] += right[i]` for every `i`, for any points: equal, opposite, infinity.
    pub(super) fn add_assign(&mut self, left: &mut [Affine<P>], right: &[Affine<P>]) {
        assert_eq!(left.len(), right.len());
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = &mut self.wide {
            wide.adder.add_assign(left, right, &mut wide.rest);
            if !wide.rest.is_empty() {
                let indices = || wide.rest.iter().map(|index| *index as usize);
                wide.left.clear();
                wide.left.extend(indices().map(|index| left[index]));
                wide.right.clear();
                wide.right.extend(indices().map(|index| right[index]));
                self.portable.add_assign(&mut wide.left, &wide.right);
                for (index, sum) in indices().zip(&wide.left) {
                    left[index] = *sum;
                }
            }
            return;
        }
        self.portable.add_assign(left, right);
    }
}

/// Adds points with the field's own arithmetic.
struct PortableAdder<P: SWCurveConfig> {
    /// The denominator of each pair's slope, one where no slope is needed.
    denominators: Vec<P::BaseField>,
    /// The product of all denominators before this one.
    before: Vec<P::BaseField>,
}

/// How the sum of two points is to be found.
enum Case {
    /// Two different points that are not opposite: the chord.
    Chord,
    /// Twice the same point: the tangent.
    Tangent,
    /// Opposite points: infinity.
    Opposite,
    /// The left one is infinity: the right one.
    Right,
    /// The right one is infinity: the left one.
    Left,
}

impl Case {
    /// `difference` is `right.x − left.x`.
    #[inline(always)]
    fn of<P: SWCurveConfig>(
        left: &Affine<P>,
        right: &Affine<P>,
        difference: &P::BaseField,
    ) -> Self {
        if left.is_zero() {
            Self::Right
        } else if right.is_zero() {
            Self::Left
        } else if !difference.is_zero() {
            Self::Chord
        } else if left.y == -right.y {
            Self::Opposite
        } else {
            Self::Tangent
        }
    }
}

impl<P: SWCurveConfig> PortableAdder<P> {
    fn new() -> Self {
        Self { denominators: Vec::new(), before: Vec::new() }
    }

    fn add_assign(&mut self, left: &mut [Affine<P>], right: &[Affine<P>]) {
        self.denominators.clear();
        self.before.clear();

        let mut product = P::BaseField::ONE;
        for (l, r) in left.iter().zip(right) {
            let difference = r.x - l.x;
            let denominator = match Case::of(l, r, &difference) {
                Case::Chord => difference,
                Case::Tangent => l.y.double(),
                Case::Opposite | Case::Left | Case::Right => P::BaseField::ONE,
            };
            self.before.push(product);
            self.denominators.push(denominator);
            product *= denominator;
        }

        // No factor is zero: a chord's difference is not, and a tangent's `2y` is zero only for
        // points of order two, which are their own opposites.
        let mut inverse = product.inverse().expect("a product of non-zero factors");

        let factors = self.denominators.iter().zip(&self.before);
        for ((l, r), (denominator, before)) in left.iter_mut().zip(right).zip(factors).rev() {
            let own_inverse = inverse * before;
            inverse *= denominator;
            // A chord's denominator is the difference itself; elsewhere it is never used as one.
            let slope = match Case::of(l, r, &(r.x - l.x)) {
                Case::Chord => (r.y - l.y) * own_inverse,
                Case::Tangent => {
                    let square = l.x.square();
                    let mut numerator = square.double() + square;
                    if !P::COEFF_A.is_zero() {
                        numerator += P::COEFF_A;
                    }
                    numerator * own_inverse
                }
                Case::Opposite => {
                    *l = Affine::identity();
                    continue;
                }
                Case::Right => {
                    *l = *r;
                    continue;
                }
                Case::Left => continue,
            };
            let x = slope.square() - l.x - r.x;
            let y = slope * (l.x - x) - l.y;
            *l = Affine::new_unchecked(x, y);
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Fq, Fq2, g1, g2};
    use ark_ec::CurveGroup;
    use ark_ff::UniformRand;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// Every kind of pair, in every lane, among `chords` ordinary ones.
    fn sums_agree<P: SWCurveConfig<BaseField: CoordinateField>>(chords: usize, spread: usize) {
        let mut rng = StdRng::seed_from_u64(chords as u64);
        let p = Affine::<P>::rand(&mut rng);
        let q = Affine::<P>::rand(&mut rng);
        let zero = Affine::<P>::identity();
        let special =
            [(p, q), (p, p), (p, -p), (p, zero), (zero, p), (zero, zero), (q, -q), (-q, -q)];
        let mut pairs = Vec::new();
        for index in 0..chords {
            pairs.push((Affine::rand(&mut rng), Affine::rand(&mut rng)));
            if index % spread == 0 {
                pairs.push(special[index / spread % special.len()]);
            }
        }
        let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let expected: Vec<Affine<P>> =
            left.iter().zip(&right).map(|(l, r)| (*l + *r).into_affine()).collect();
        let mut sums = left.clone();
        Adder::new().add_assign(&mut sums, &right);
        assert_eq!(sums, expected);
        let mut sums = left;
        PortableAdder::new().add_assign(&mut sums, &right);
        assert_eq!(sums, expected);
    }

    #[test]
    fn every_kind_of_pair_adds_up() {
        for chords in [0, 1, 2, 6, 7, 8, 9, 16, 100, 333] {
            for spread in [1, 2, 7, 50] {
                sums_agree::<g1::Config>(chords, spread);
                sums_agree::<g2::Config>(chords, spread);
            }
        }
    }

    /// Coordinates at the ends of their range and around a limb's end; they need not be points for
    /// the chord's formula to have one value.
    #[test]
    fn extreme_coordinates_add_up() {
        let mut numbers: Vec<Fq> = Vec::new();
        for bit in [0, 1, 51, 52, 53, 63, 64, 65, 103, 104, 156, 208, 253] {
            let power = Fq::from(2u64).pow([bit]);
            // In memory numbers are multiplied by 2^256.
            for number in [power, power / Fq::from(2u64).pow([256])] {
                numbers.extend([number, -number, number - Fq::ONE, Fq::ONE - number]);
            }
        }
        let fq2: Vec<Fq2> = numbers
            .iter()
            .zip(numbers.iter().cycle().skip(5))
            .map(|(real, imaginary)| Fq2::new(*real, *imaginary))
            .collect();
        chords_agree::<g1::Config>(&numbers);
        chords_agree::<g2::Config>(&fq2);
    }

    fn chords_agree<P: SWCurveConfig<BaseField: CoordinateField>>(numbers: &[P::BaseField]) {
        let pick = |index: usize| numbers[index % numbers.len()];
        let count = 4 * numbers.len();
        let point = |index: usize, step: usize| {
            Affine::<P>::new_unchecked(pick(index * step), pick(index * step / 3 + 1))
        };
        let left: Vec<_> = (0..count).map(|index| point(index, 3)).collect();
        let right: Vec<_> = (0..count).map(|index| point(index, 7)).collect();
        let (mut sums, mut expected) = (left.clone(), left);
        // Pairs on one vertical that are neither equal nor opposite occur on no curve.
        let chords = |l: &Affine<P>, r: &Affine<P>| l.x != r.x || l.is_zero() || r.is_zero();
        let kept: Vec<bool> = sums.iter().zip(&right).map(|(l, r)| chords(l, r)).collect();
        Adder::new().add_assign(&mut sums, &right);
        PortableAdder::new().add_assign(&mut expected, &right);
        for ((sum, expected), kept) in sums.iter().zip(&expected).zip(kept) {
            assert!(!kept || sum == expected);
        }
    }
}
