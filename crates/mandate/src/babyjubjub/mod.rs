//! Baby Jubjub as circomlib has it: `168700 x² + y² = 1 + 168696 x² y²` over the BN254 scalar
//! field, eight times a prime in order.
//!
//! Arithmetic is arkworks'. Its curve has the same points with `x` multiplied by `√168700`, so
//! that the coefficient of `x²` is one; a [`Point`] holds that form and speaks circomlib's.
//!
//! Source: <https://github.com/iden3/circomlib/blob/master/circuits/babyjub.circom>, ERC-2494.

pub mod multiscalar;

use std::sync::LazyLock;

use ark_ec::CurveGroup;
pub use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective, Fr as Scalar};
use ark_ff::{AdditiveGroup, Field, MontFp, PrimeField};

use crate::field::Fr;

/// The curve's `a`.
pub const A: Fr = MontFp!("168700");
/// The curve's `d`.
pub const D: Fr = MontFp!("168696");

/// `√a`: arkworks' `x` is this many times circomlib's.
const SQRT_A: Fr =
    MontFp!("7214280148105020021932206872019688659210616427216992810330019057549499971851");

/// circomlib's base point `Base8`, a generator of the subgroup of prime order.
pub const BASE8: Point = Point(EdwardsAffine::new_unchecked(
    MontFp!("15863623088992515880085393097393553694825975317405843389771115419751650972659"),
    MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
));

/// A point on the curve, of any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point(EdwardsAffine);

impl Point {
    /// The point with these coordinates, or nothing when they are off the curve.
    pub fn new(x: Fr, y: Fr) -> Option<Self> {
        let point = EdwardsAffine::new_unchecked(x * SQRT_A, y);
        point.is_on_curve().then_some(Self(point))
    }

    /// The identity, (0, 1).
    pub fn identity() -> Self {
        Self(EdwardsAffine::zero())
    }

    /// circomlib's `x`.
    pub fn x(&self) -> Fr {
        static INVERSE: LazyLock<Fr> =
            LazyLock::new(|| SQRT_A.inverse().expect("the root is not zero"));
        self.0.x * *INVERSE
    }

    /// circomlib's `y`.
    pub fn y(&self) -> Fr {
        self.0.y
    }

    /// The point in arkworks' form.
    pub fn affine(&self) -> &EdwardsAffine {
        &self.0
    }

    /// Whether the point's order divides the cofactor, 8.
    pub fn is_small_order(&self) -> bool {
        let eightfold = EdwardsProjective::from(self.0).double().double().double();
        eightfold == EdwardsProjective::ZERO
    }

    /// Whether the point lies in the subgroup of prime order.
    ///
    /// The reduced Tate pairing of order 8 with a point of order 8 tells a point's part of small
    /// order from one exponentiation in the field, a tenth of what a multiplication by the
    /// subgroup's order costs. Source: Koshelev, "Subgroup membership testing on elliptic curves
    /// via the Tate pairing", <https://eprint.iacr.org/2022/037>.
    pub fn is_in_subgroup(&self) -> bool {
        match TorsionPairing::get().miller_value(self.x(), self.y()) {
            // A point of small order, where the pairing's function has its zeros and poles.
            value if value == Fr::ZERO => *self == Self::identity(),
            value => TorsionPairing::final_power(value) == Fr::ONE,
        }
    }

    /// `scalar` times the point.
    pub fn multiply(&self, scalar: Scalar) -> EdwardsProjective {
        self.0 * scalar
    }
}

impl From<EdwardsProjective> for Point {
    fn from(point: EdwardsProjective) -> Self {
        Self(point.into_affine())
    }
}

impl From<EdwardsAffine> for Point {
    fn from(point: EdwardsAffine) -> Self {
        Self(point)
    }
}

/// The pairing with the point `T` of order 8 whose coordinates stand in [`TorsionPairing::get`].
///
/// On the Montgomery form `v² = u³ + 168698 u² + u` with `u = (1 + y)/(1 - y)` and `v = u/x`, the
/// Miller function is `(l² / vertical(2T))² · tangent(2T)² / vertical(4T))² · (u - 0)`, where `l`
/// is the tangent at `T` and `4T = (0, 0)`. Only its class modulo 8th powers counts, so every
/// division is a multiplication by a power.
struct TorsionPairing {
    tangent: Tangent,
    tangent_double: Tangent,
}

/// The line `v - v0 - slope (u - u0)`.
struct Tangent {
    u: Fr,
    v: Fr,
    slope: Fr,
}

impl TorsionPairing {
    /// `(r - 1) / 8`.
    const EXPONENT: ark_ff::BigInt<4> = Fr::MODULUS.const_shr().const_shr().const_shr();

    fn get() -> &'static Self {
        static PAIRING: LazyLock<TorsionPairing> = LazyLock::new(|| {
            let (x, y): (Fr, Fr) = (
                MontFp!(
                    "4342719913949491028786768530115087822524712248835451589697801404893164183326"
                ),
                MontFp!(
                    "4826523245007015323400664741523384119579596407052839571721035538011798951543"
                ),
            );
            let order_eight = Point::new(x, y).expect("T is on the curve");
            let double = Point::from(EdwardsProjective::from(order_eight.0).double());
            TorsionPairing {
                tangent: Tangent::at(&order_eight),
                tangent_double: Tangent::at(&double),
            }
        });
        &PAIRING
    }

    /// `value` to the [`EXPONENT`](Self::EXPONENT), four bits at a time.
    fn final_power(value: Fr) -> Fr {
        let mut powers = [Fr::ONE; 16];
        for index in 1..16 {
            powers[index] = powers[index - 1] * value;
        }
        let nibbles =
            Self::EXPONENT.0.iter().rev().flat_map(|limb| {
                (0..16).rev().map(move |nibble| (limb >> (4 * nibble)) as usize & 15)
            });
        nibbles.skip_while(|nibble| *nibble == 0).fold(Fr::ONE, |power, nibble| {
            let sixteenth = power.square().square().square().square();
            if nibble == 0 { sixteenth } else { sixteenth * powers[nibble] }
        })
    }

    /// The Miller function at `(x, y)`, up to 8th powers; zero at points of small order.
    fn miller_value(&self, x: Fr, y: Fr) -> Fr {
        let (plus, minus) = (Fr::ONE + y, Fr::ONE - y);
        let denominator = minus * x;
        let line = |tangent: &Tangent| {
            plus - tangent.v * denominator - tangent.slope * (x * plus - tangent.u * denominator)
        };
        let vertical_double = plus - self.tangent_double.u * minus;
        let fourth = (line(&self.tangent) * vertical_double * minus).square();
        let second = fourth * line(&self.tangent_double) * denominator;
        let plus_cubed = plus.square() * plus;
        (second * plus_cubed).square() * plus * minus
    }
}

impl Tangent {
    fn at(point: &Point) -> Self {
        let (x, y) = (point.x(), point.y());
        let u = (Fr::ONE + y) / (Fr::ONE - y);
        let v = u / x;
        let coefficient = (A + D).double() / (A - D);
        let slope = ((u.square() + u.square().double()) + (coefficient * u).double() + Fr::ONE)
            / v.double();
        Self { u, v, slope }
    }
}

#[cfg(test)]
mod tests {
    use ark_ec::PrimeGroup;
    use ark_ff::UniformRand;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn order_eight() -> Point {
        Point::new(
            MontFp!("4342719913949491028786768530115087822524712248835451589697801404893164183326"),
            MontFp!("4826523245007015323400664741523384119579596407052839571721035538011798951543"),
        )
        .expect("on the curve")
    }

    #[test]
    fn base_point_is_circomlibs() {
        let x =
            MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553");
        assert_eq!(Point::new(x, BASE8.y()), Some(BASE8));
        assert_eq!(BASE8.x(), x);
        let order = Scalar::MODULUS;
        assert_eq!(EdwardsProjective::from(BASE8.0).mul_bigint(order), EdwardsProjective::ZERO);
    }

    #[test]
    fn the_torsion_point_has_order_eight() {
        let twice = EdwardsProjective::from(order_eight().0).double();
        let fourth = twice.double();
        assert_ne!(fourth, EdwardsProjective::ZERO);
        assert_eq!(fourth.double(), EdwardsProjective::ZERO);
    }

    #[test]
    fn the_pairing_agrees_with_multiplying_by_the_order() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..50 {
            let mut point = BASE8.multiply(Scalar::rand(&mut rng));
            for coset in 0..8 {
                let candidate = Point::from(point);
                assert!(candidate.0.is_on_curve());
                let slow = candidate.0.is_in_correct_subgroup_assuming_on_curve();
                assert_eq!(candidate.is_in_subgroup(), slow);
                assert_eq!(slow, coset == 0);
                point += order_eight().0;
            }
        }
    }

    #[test]
    fn small_orders() {
        let mut point = EdwardsProjective::ZERO;
        for multiple in 0..8 {
            let small = Point::from(point);
            assert!(small.is_small_order());
            assert_eq!(small.is_in_subgroup(), multiple == 0);
            point += order_eight().0;
        }
        assert!(!BASE8.is_small_order());
    }

    #[test]
    fn points_off_the_curve() {
        assert_eq!(Point::new(BASE8.y(), BASE8.x()), None);
        assert_eq!(Point::new(Fr::ZERO, Fr::ZERO), None);
        assert_eq!(Point::new(Fr::ZERO, Fr::ONE), Some(Point::identity()));
    }
}
