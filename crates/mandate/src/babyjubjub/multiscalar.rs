//! Sums of multiples of many points: Pippenger's buckets with signed digits.
//!
//! Written for tens to thousands of points with scalars of mixed lengths, where a general routine
//! spends most of its time on set-up and on windows that are empty. Points are taken to the
//! isomorphic curve with `a = -1`, on which a point in extended coordinates takes a prepared one
//! in 7 multiplications, without exceptions.
//!
//! Source of the formulas: Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited",
//! <https://eprint.iacr.org/2008/522>.

use std::sync::LazyLock;

use ark_ec::twisted_edwards::TECurveConfig;
use ark_ed_on_bn254::EdwardsConfig;
use ark_ff::{AdditiveGroup, BigInteger, Field, MontFp, PrimeField};
use rayon::prelude::*;

use super::{Point, Scalar};
use crate::field::Fr;

/// `√-1`. With `x' = √-1 · x`, arkworks' `x² + y² = 1 + d x² y²` is `-x'² + y² = 1 - d x'² y²`.
const SQRT_MINUS_ONE: Fr = MontFp!("4407920970296243842541313971887945403937097133418418784715");

/// Whether `Σ scalars[i] · points[i]` is the identity.
///
/// # Panics
/// When there are not as many scalars as points.
pub fn sum_is_identity(points: &[Point], scalars: &[Scalar]) -> bool {
    let sum = sum(points, scalars);
    sum.x == Fr::ZERO && sum.y == sum.z
}

fn sum(points: &[Point], scalars: &[Scalar]) -> Extended {
    assert_eq!(points.len(), scalars.len(), "as many scalars as points");
    let window = window_bits(points.len());
    let bits = scalars.iter().map(|scalar| scalar.into_bigint().num_bits()).max().unwrap_or(0);
    // Signed digits may carry once past the top bit.
    let windows = (bits as usize + 1).div_ceil(window);
    let prepared: Vec<Prepared> = points.iter().map(Prepared::new).collect();
    let digits: Vec<Vec<i32>> =
        scalars.iter().map(|scalar| signed_digits(scalar, window, windows)).collect();

    let sums: Vec<Extended> = (0..windows)
        .into_par_iter()
        .map(|index| window_sum(&prepared, digits.iter().map(|digits| digits[index]), window))
        .collect();
    // Horner's rule, from the highest window down.
    sums.iter().rev().fold(Extended::IDENTITY, |total, sum| {
        (0..window).fold(total, |total, _| total.double()).add(sum)
    })
}

/// `Σ digit · point`, for digits of `window` bits.
fn window_sum(points: &[Prepared], digits: impl Iterator<Item = i32>, window: usize) -> Extended {
    let mut buckets: Vec<Option<Extended>> = vec![None; 1 << (window - 1)];
    for (point, digit) in points.iter().zip(digits) {
        if digit == 0 {
            continue;
        }
        let point = if digit > 0 { *point } else { point.negated() };
        let bucket = &mut buckets[digit.unsigned_abs() as usize - 1];
        *bucket = Some(match bucket {
            Some(sum) => sum.add_prepared(&point),
            None => point.extended(),
        });
    }
    // Σ (k + 1) · bucket[k], as the sum of all suffix sums.
    let (mut suffix, mut weighted) = (None::<Extended>, Extended::IDENTITY);
    for bucket in buckets.into_iter().rev() {
        suffix = match (suffix, bucket) {
            (Some(suffix), Some(bucket)) => Some(suffix.add(&bucket)),
            (suffix, bucket) => suffix.or(bucket),
        };
        if let Some(suffix) = &suffix {
            weighted = weighted.add(suffix);
        }
    }
    weighted
}

/// The window that costs least: about as many additions into buckets as out of them.
fn window_bits(points: usize) -> usize {
    match points {
        0..=48 => 4,
        49..=160 => 5,
        161..=400 => 6,
        401..=1_000 => 7,
        1_001..=3_000 => 8,
        3_001..=10_000 => 10,
        _ => 12,
    }
}

/// `scalar = Σ digit[i] · 2^(window · i)` with digits from `-2^(window-1)` to `2^(window-1)`.
fn signed_digits(scalar: &Scalar, window: usize, windows: usize) -> Vec<i32> {
    let limbs = scalar.into_bigint().0;
    let half = 1i32 << (window - 1);
    let mut carry = 0;
    (0..windows)
        .map(|index| {
            let (limb, shift) = (index * window / 64, index * window % 64);
            let low = limbs.get(limb).map_or(0, |limb| limb >> shift);
            let high = match limbs.get(limb + 1) {
                Some(next) if shift > 0 => next << (64 - shift),
                _ => 0,
            };
            let digit = ((low | high) & ((1 << window) - 1)) as i32 + carry;
            carry = i32::from(digit > half);
            digit - (carry << window)
        })
        .collect()
}

/// A point prepared for addition: `y + x`, `y - x`, `2 d x y`.
#[derive(Clone, Copy)]
struct Prepared {
    plus: Fr,
    minus: Fr,
    product: Fr,
}

impl Prepared {
    fn new(point: &Point) -> Self {
        let (x, y) = (point.0.x * SQRT_MINUS_ONE, point.0.y);
        Self { plus: y + x, minus: y - x, product: -(EdwardsConfig::COEFF_D * x * y).double() }
    }

    fn negated(&self) -> Self {
        Self { plus: self.minus, minus: self.plus, product: -self.product }
    }

    /// The point itself, over the denominator 2.
    fn extended(&self) -> Extended {
        static INVERSE: LazyLock<Fr> =
            LazyLock::new(|| -EdwardsConfig::COEFF_D.inverse().expect("d is not zero"));
        let (x, y) = (self.plus - self.minus, self.plus + self.minus);
        Extended { x, y, z: Fr::from(2u64), t: self.product * *INVERSE }
    }
}

/// `(x/z, y/z)` with `t = x y / z`.
#[derive(Clone, Copy)]
struct Extended {
    x: Fr,
    y: Fr,
    z: Fr,
    t: Fr,
}

impl Extended {
    const IDENTITY: Self = Self { x: Fr::ZERO, y: Fr::ONE, z: Fr::ONE, t: Fr::ZERO };

    /// The point whose four products, named as in the source, are these.
    fn from_products(e: Fr, f: Fr, g: Fr, h: Fr) -> Self {
        Self { x: e * f, y: g * h, z: f * g, t: e * h }
    }

    fn add_prepared(&self, other: &Prepared) -> Self {
        let a = (self.y - self.x) * other.minus;
        let b = (self.y + self.x) * other.plus;
        let c = self.t * other.product;
        let d = self.z.double();
        Self::from_products(b - a, d - c, d + c, b + a)
    }

    fn add(&self, other: &Self) -> Self {
        let a = (self.y - self.x) * (other.y - other.x);
        let b = (self.y + self.x) * (other.y + other.x);
        let c = -(EdwardsConfig::COEFF_D * self.t * other.t).double();
        let d = (self.z * other.z).double();
        Self::from_products(b - a, d - c, d + c, b + a)
    }

    fn double(&self) -> Self {
        let (a, b) = (self.x.square(), self.y.square());
        let e = (self.x + self.y).square() - a - b;
        let g = b - a;
        let f = g - self.z.square().double();
        Self::from_products(e, f, g, -a - b)
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{UniformRand, Zero};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::{
        super::{BASE8, EdwardsAffine, EdwardsProjective},
        *,
    };

    /// Adding the negated library's sum must give the identity, and only that.
    fn agrees(points: &[Point], scalars: &[Scalar]) {
        let expected: EdwardsProjective =
            points.iter().zip(scalars).map(|(point, scalar)| *point.affine() * scalar).sum();
        let mut points = points.to_vec();
        let mut scalars = scalars.to_vec();
        points.push(Point::from(-expected));
        scalars.push(Scalar::from(1u64));
        assert!(sum_is_identity(&points, &scalars), "{} points", points.len());
        points.push(BASE8);
        scalars.push(Scalar::from(1u64));
        assert!(!sum_is_identity(&points, &scalars));
    }

    #[test]
    fn agrees_with_the_library() {
        let mut rng = StdRng::seed_from_u64(5);
        for count in [0, 1, 2, 3, 7, 50, 170, 420, 1_010, 3_100] {
            let points: Vec<Point> =
                (0..count).map(|_| BASE8.multiply(Scalar::rand(&mut rng)).into()).collect();
            let scalars: Vec<Scalar> = (0..count)
                .map(|index| match index % 4 {
                    0 => Scalar::from(rng.r#gen::<u128>()),
                    1 => -Scalar::from(rng.r#gen::<u8>()),
                    _ => Scalar::rand(&mut rng),
                })
                .collect();
            agrees(&points, &scalars);
        }
    }

    #[test]
    fn extremes() {
        let order_two = Point::from(EdwardsAffine::new_unchecked(Fr::zero(), -Fr::from(1u64)));
        let mixed = Point::from(BASE8.0 + order_two.0);
        let points = [Point::from(EdwardsAffine::zero()), order_two, mixed, BASE8, BASE8];
        for scalar in [Scalar::zero(), Scalar::from(1u64), -Scalar::from(1u64), Scalar::from(16u64)]
        {
            agrees(&points, &[scalar; 5]);
        }
        assert!(sum_is_identity(&[], &[]));
        assert!(!sum_is_identity(&[order_two], &[Scalar::from(1u64)]));
        assert!(sum_is_identity(&[order_two], &[Scalar::from(2u64)]));
    }
}
