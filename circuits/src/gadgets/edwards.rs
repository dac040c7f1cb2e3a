//! Baby Jubjub's group law, complete, with a doubling in four constraints.
//!
//! circomlib's curve `168700 x² + y² = 1 + 168696 x² y²` is taken to `-X² + y² = 1 + e X² y²` by
//! `X = √-168700 · x`; the factor costs no constraint. -1 is a square in the field and `e` is not,
//! so the addition law below has no exceptions: its denominators `1 ± e·X₁X₂y₁y₂` never vanish at
//! points of the curve.
//!
//! **Addition**, 6 constraints. With `P = (y₁+X₁)(y₂+X₂)` and `M = (y₁-X₁)(y₂-X₂)`, the numerators
//! are `X₁y₂ + y₁X₂ = (P-M)/2` and `y₁y₂ + X₁X₂ = (P+M)/2`. One more product, `β = X₁y₂`, gives
//! `t = e·β·((P-M)/2 - β)`; then `X₃ (1+t) = (P-M)/2` and `y₃ (1-t) = (P+M)/2`.
//!
//! **Doubling**, 4 constraints instead of the usual 5 or 6. With `p = y+X` and `m = y-X`, let
//!
//! ```text
//! r · m = p      s · p = m      p · m = q
//! ```
//!
//! The curve's equation says `q = y² - X² = 1 + e X² y²`, the addition law's first denominator:
//! not zero, so neither are `p` and `m`, and `r = p/m`, `s = m/p` are fixed. Now
//! `r - s = (p²-m²)/q = 4Xy/q`, hence `X₃ = 2Xy/q = (r-s)/2`: linear. And with `w = (r+s)/2`,
//! `q·w = (p²+m²)/2 = y² + X²` is the numerator of `y₃`, whose denominator is `1 - e X² y² = 2-q`.
//! So `y₃ (2-q) = q·w`, which is one constraint: `q · (y₃ + w) = 2 y₃`.

use std::{cell::LazyCell, sync::LazyLock};

use aep2_mandate::babyjubjub::{A, D, Point as NativePoint};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, MontFp};

use crate::system::{Linear, System};

/// `√-a`: `X` is this many times circomlib's `x`.
const SQRT_MINUS_A: Fr =
    MontFp!("6360561867910373094066688120553762416144456282423235903351243436111059670888");

static X_SCALE_INVERSE: LazyLock<Fr> =
    LazyLock::new(|| SQRT_MINUS_A.inverse().expect("the root is not zero"));

/// The curve's constant `e = -d/a`.
static E: LazyLock<Fr> = LazyLock::new(|| -D / A);

static HALF: LazyLock<Fr> =
    LazyLock::new(|| Fr::from(2u64).inverse().expect("the field's characteristic is odd"));

/// `X` of circomlib's `x`.
pub(crate) fn scaled_x(x: Fr) -> Fr {
    x * SQRT_MINUS_A
}

/// A point `(X, y)`.
#[derive(Clone, Debug)]
pub struct Point<L> {
    /// `√-168700` times circomlib's `x`.
    pub x: L,
    /// circomlib's `y`.
    pub y: L,
}

impl<L: Linear> Point<L> {
    /// A constant point.
    pub fn constant(point: &NativePoint) -> Self {
        Self { x: L::constant(scaled_x(point.x())), y: L::constant(point.y()) }
    }

    /// Allocates circomlib's coordinates, unconstrained.
    pub fn allocate<S: System<L = L>>(
        system: &mut S,
        label: &'static str,
        coordinates: impl Fn() -> (Fr, Fr),
    ) -> Self {
        Self {
            x: system.witness(label, || scaled_x(coordinates().0)),
            y: system.witness(label, || coordinates().1),
        }
    }

    /// circomlib's `x`.
    pub fn circomlib_x(&self) -> L {
        self.x.scale(*X_SCALE_INVERSE)
    }

    /// The point's negative.
    pub fn negated(&self) -> Self {
        Self { x: self.x.scale(-Fr::ONE), y: self.y.clone() }
    }

    /// Demands the curve's equation: `p·m = 1 + e (X·y)²`. 3 constraints.
    pub fn enforce_on_curve<S: System<L = L>>(&self, system: &mut S, label: &'static str) {
        let q = system.product(label, &self.y.add(&self.x), &self.y.sub(&self.x));
        let xy = system.product(label, &self.x, &self.y);
        system.enforce(label, &xy.scale(*E), &xy, &q.sub(&L::constant(Fr::ONE)));
    }

    /// Twice the point, which must be on the curve. 4 constraints.
    #[must_use]
    pub fn double<S: System<L = L>>(&self, system: &mut S, label: &'static str) -> Self {
        let (p, m) = (self.y.add(&self.x), self.y.sub(&self.x));
        // One inversion serves both denominators.
        let inverses = LazyCell::new(|| {
            let q = p.value() * m.value();
            let rest = Fr::ONE.double() - q;
            let both = (q * rest).inverse().unwrap_or_default();
            (rest * both, q * both)
        });
        let r = system.witness(label, || p.value().square() * inverses.0);
        system.enforce(label, &r, &m, &p);
        let s = system.witness(label, || m.value().square() * inverses.0);
        system.enforce(label, &s, &p, &m);
        let q = system.product(label, &p, &m);
        let w = r.add(&s).scale(*HALF);
        let y = system.witness(label, || q.value() * w.value() * inverses.1);
        system.enforce(label, &q, &y.add(&w), &y.add(&y));
        Self { x: r.sub(&s).scale(*HALF), y }
    }

    /// The sum of two points, both on the curve. 6 constraints.
    #[must_use]
    pub fn add<S: System<L = L>>(&self, system: &mut S, label: &'static str, other: &Self) -> Self {
        let terms = self.addition(system, label, other);
        // One inversion serves both denominators.
        let inverses = LazyCell::new(|| {
            let (plus, minus) = (Fr::ONE + terms.t.value(), Fr::ONE - terms.t.value());
            let both = (plus * minus).inverse().unwrap_or_default();
            (minus * both, plus * both)
        });
        let sum = Self {
            x: system.witness(label, || terms.x.value() * inverses.0),
            y: system.witness(label, || terms.y.value() * inverses.1),
        };
        terms.enforce_sum(system, label, &sum);
        sum
    }

    /// Demands that `sum` is the sum of two points, both on the curve. 6 constraints.
    pub fn enforce_add<S: System<L = L>>(
        &self,
        system: &mut S,
        label: &'static str,
        other: &Self,
        sum: &Self,
    ) {
        self.addition(system, label, other).enforce_sum(system, label, sum);
    }

    /// The addition law up to its two divisions. `other` stands on the right where it can: of a
    /// table's point, little falls in G2.
    fn addition<S: System<L = L>>(
        &self,
        system: &mut S,
        label: &'static str,
        other: &Self,
    ) -> Addition<L> {
        let plus = system.product(label, &self.y.add(&self.x), &other.y.add(&other.x));
        let minus = system.product(label, &self.y.sub(&self.x), &other.y.sub(&other.x));
        let cross = system.product(label, &self.x, &other.y);
        let x = plus.sub(&minus).scale(*HALF);
        let y = plus.add(&minus).scale(*HALF);
        let t = system.product(label, &x.sub(&cross).scale(*E), &cross);
        Addition { x, y, t }
    }
}

/// The numerators of a sum, and `t`, with which its denominators are `1 + t` and `1 - t`.
struct Addition<L> {
    x: L,
    y: L,
    t: L,
}

impl<L: Linear> Addition<L> {
    fn enforce_sum<S: System<L = L>>(&self, system: &mut S, label: &'static str, sum: &Point<L>) {
        system.enforce(label, &sum.x, &self.t, &self.x.sub(&sum.x));
        system.enforce(label, &sum.y, &self.t, &sum.y.sub(&self.y));
    }
}
