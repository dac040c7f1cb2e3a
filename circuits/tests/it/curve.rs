//! Feared: group arithmetic that differs from the curve's. arkworks' is the judge.

use aep2_circuits::{
    checker::Checker,
    gadgets::edwards::Point,
    system::{Circuit, Linear, System},
};
use aep2_mandate::babyjubjub::{A, BASE8, D, EdwardsProjective, Point as NativePoint, Scalar};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::{SeedableRng, rngs::StdRng};

use crate::{probe::Probe, support::small_order};

/// A sum, or of one point a double, and what it is said to be.
struct Arithmetic {
    terms: (NativePoint, Option<NativePoint>),
    result: NativePoint,
}

impl Circuit for Arithmetic {
    fn synthesize<S: System>(&self, system: &mut S) {
        let point = |system: &mut S, point: &NativePoint| {
            let allocated = Point::allocate(system, "term", || (point.x(), point.y()));
            allocated.enforce_on_curve(system, "term");
            allocated
        };
        let first = point(system, &self.terms.0);
        let result = match &self.terms.1 {
            None => first.double(system, "double"),
            Some(other) => {
                let other = point(system, other);
                first.add(system, "add", &other)
            }
        };
        let expected = Point::constant(&self.result);
        let (zero, one) = (S::L::constant(Fr::ZERO), S::L::constant(Fr::ONE));
        system.enforce("result", &result.x.sub(&expected.x), &one, &zero);
        system.enforce("result", &result.y.sub(&expected.y), &one, &zero);
        result.enforce_on_curve(system, "result on the curve");
    }
}

impl Arithmetic {
    fn double(point: EdwardsProjective) -> Self {
        Self { terms: (point.into(), None), result: point.double().into() }
    }

    fn sum(one: EdwardsProjective, other: EdwardsProjective) -> Self {
        Self { terms: (one.into(), Some(other.into())), result: (one + other).into() }
    }
}

/// The points of small order; points of the subgroup; sums of both.
fn points() -> Vec<EdwardsProjective> {
    let mut rng = StdRng::seed_from_u64(8);
    let mut points = small_order();
    let random = BASE8.multiply(Scalar::rand(&mut rng));
    let others = [BASE8.multiply(Scalar::ONE), random, -random, random.double()];
    points.extend(others);
    for torsion in &small_order()[1..] {
        points.push(random + torsion);
    }
    points.extend((0..3).map(|_| BASE8.multiply(Scalar::rand(&mut rng))));
    points
}

#[test]
fn the_small_orders_are_what_they_should_be() {
    let orders: Vec<usize> = small_order()
        .into_iter()
        .map(|point| {
            let multiples = std::iter::successors(Some(point), |multiple| Some(*multiple + point));
            1 + multiples.take_while(|multiple| *multiple != EdwardsProjective::ZERO).count()
        })
        .collect();
    assert_eq!(orders, [1, 8, 4, 8, 2, 8, 4, 8]);
}

#[test]
fn doubling_is_the_curves() {
    for point in points() {
        assert_eq!(Checker::broken(&Arithmetic::double(point)), [""; 0]);
    }
}

/// Every pair, and so `P + P`, `P + (-P)` and the identity.
#[test]
fn addition_is_the_curves() {
    for one in points() {
        for other in points() {
            assert_eq!(Checker::broken(&Arithmetic::sum(one, other)), [""; 0]);
        }
        assert_eq!(Checker::broken(&Arithmetic::sum(one, -one)), [""; 0]);
    }
}

#[test]
fn another_result_is_refused() {
    for point in points() {
        for other in points() {
            let claim = |mut arithmetic: Arithmetic| {
                let right = arithmetic.result;
                arithmetic.result = other.into();
                let broken = Checker::broken(&arithmetic);
                assert_eq!(broken.is_empty(), right == arithmetic.result);
                assert!(broken.iter().all(|label| *label == "result"));
            };
            claim(Arithmetic::double(point));
            claim(Arithmetic::sum(point, BASE8.multiply(Scalar::ONE)));
        }
    }
}

/// A prover may claim any value for any variable of the computation, the result's coordinates
/// among them. Nothing but the right one is accepted, whatever follows from it.
#[test]
fn no_variable_of_an_addition_or_a_doubling_can_be_chosen() {
    let mut rng = StdRng::seed_from_u64(9);
    for one in points() {
        let sum = Arithmetic::sum(one, points()[9]);
        // r, s, q, y; and plus, minus, cross, t, x, y.
        for (arithmetic, label, variables) in
            [(Arithmetic::double(one), "double", 4), (sum, "add", 6)]
        {
            let mut probe = Probe::default();
            arithmetic.synthesize(&mut probe);
            let right = probe.values(label);
            assert_eq!(right.len(), variables);
            for (nth, right) in right.into_iter().enumerate() {
                for wrong in [right + Fr::ONE, -right, Fr::ZERO, Fr::ONE, Fr::rand(&mut rng)] {
                    let broken = Checker::default().with(label, nth, wrong).run(&arithmetic);
                    assert_eq!(
                        broken.contains(&label),
                        wrong != right,
                        "{label} {nth}: {broken:?}"
                    );
                    assert_eq!(broken.is_empty(), wrong == right);
                }
            }
        }
    }
}

/// `enforce_add` takes the sum as given, and must refuse any other point.
#[test]
fn a_given_sum_must_be_the_sum() {
    struct Given([NativePoint; 3]);
    impl Circuit for Given {
        fn synthesize<S: System>(&self, system: &mut S) {
            let [one, other, sum] =
                self.0.map(|point| Point::allocate(system, "point", || (point.x(), point.y())));
            one.enforce_add(system, "add", &other, &sum);
        }
    }
    for one in points() {
        for other in points() {
            let sum = one + other;
            let given = |sum: EdwardsProjective| Given([one.into(), other.into(), sum.into()]);
            assert!(Checker::satisfied(&given(sum)));
            assert!(!Checker::satisfied(&given(sum + BASE8.affine())));
            assert!(!Checker::satisfied(&given(sum + small_order()[4])));
            assert_eq!(Checker::satisfied(&given(-sum)), sum == -sum);
        }
    }
}

#[test]
fn points_off_the_curve_are_refused() {
    struct OnCurve(Fr, Fr);
    impl Circuit for OnCurve {
        fn synthesize<S: System>(&self, system: &mut S) {
            Point::allocate(system, "point", || (self.0, self.1)).enforce_on_curve(system, "curve");
        }
    }
    let mut rng = StdRng::seed_from_u64(10);
    for point in points().into_iter().map(NativePoint::from) {
        let (x, y) = (point.x(), point.y());
        assert!(Checker::satisfied(&OnCurve(x, y)));
        for (x, y) in [
            (x + Fr::ONE, y),
            (x, y + Fr::ONE),
            (y, x),
            (x.double(), y),
            (x, Fr::ZERO),
            (Fr::rand(&mut rng), y),
        ] {
            let on_curve = NativePoint::new(x, y).is_some();
            assert_eq!(Checker::satisfied(&OnCurve(x, y)), on_curve, "({x}, {y})");
            if on_curve {
                continue;
            }
            // p·m = 1 + e (X·y)²: neither product may be chosen to make up for the other.
            let mut probe = Probe::default();
            OnCurve(x, y).synthesize(&mut probe);
            let [q, xy] = probe.values("curve")[..] else { panic!("two products") };
            let e = -D / A;
            let cheat = Checker::default().with("curve", 0, Fr::ONE + e * xy.square());
            assert_eq!(cheat.run(&OnCurve(x, y)), ["curve"]);
            if let Some(root) = ((q - Fr::ONE) / e).sqrt() {
                let cheat = Checker::default().with("curve", 1, root);
                assert_eq!(cheat.run(&OnCurve(x, y)), ["curve"]);
            }
        }
    }
}
