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

/// Adds lists of affine points pairwise; keeps its working memory between calls.
pub(super) struct Adder<P: SWCurveConfig> {
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

impl<P: SWCurveConfig> Adder<P> {
    pub(super) fn new() -> Self {
        Self { denominators: Vec::new(), before: Vec::new() }
    }

    /// `left[i] += right[i]` for every `i`, for any points: equal, opposite, infinity.
    pub(super) fn add_assign(&mut self, left: &mut [Affine<P>], right: &[Affine<P>]) {
        assert_eq!(left.len(), right.len());
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
    use ark_bn254::{G1Affine, G2Affine};
    use ark_ec::CurveGroup;
    use ark_ff::UniformRand;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn sums_agree<P: SWCurveConfig>(seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let p = Affine::<P>::rand(&mut rng);
        let q = Affine::<P>::rand(&mut rng);
        let zero = Affine::<P>::identity();
        let right = [q, p, -p, zero, p, zero, -q];
        let mut left = [p, p, p, p, zero, zero, q];
        let expected: Vec<Affine<P>> =
            left.iter().zip(&right).map(|(l, r)| (*l + *r).into_affine()).collect();
        let mut adder = Adder::new();
        adder.add_assign(&mut left, &right);
        assert_eq!(left.to_vec(), expected);
        adder.add_assign(&mut [], &[]);
    }

    #[test]
    fn every_kind_of_pair_adds_up() {
        sums_agree::<<G1Affine as AffineRepr>::Config>(1);
        sums_agree::<<G2Affine as AffineRepr>::Config>(2);
    }
}
