//! The signature check: `R8 = S · Base8 - 8 · challenge · A`.
//!
//! `R8` enters as a witness, because the challenge hashes it, and is demanded to be the result; so
//! it is a multiple of curve points, whatever was put in. `A` is demanded to be on the curve.
//!
//! Neither `S < l` nor the canonical form of the challenge's bits is enforced here: `S + l` proves
//! the same signature, and a second challenge value is worth one bit to a forger. Natively both
//! are enforced.

use std::{cell::LazyCell, sync::LazyLock};

use aep2_mandate::babyjubjub::{BASE8, Point as NativePoint, Scalar};
use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField};

use super::{
    boolean::{bit, bits, number},
    edwards::{Point, scaled_x},
    poseidon,
};
use crate::system::{Linear, System};

/// Bits of the challenge, which is any field element.
const CHALLENGE_BITS: usize = 254;

/// Windows of three bits that hold any scalar below the subgroup's order (251 bits).
const SCALAR_WINDOWS: usize = 84;

/// Demands that `(r8, s)` is the signature on `message` by the key at `key`, which must be on the
/// curve; the caller demands that.
pub fn enforce_signature<S: System>(
    system: &mut S,
    key: &Point<S::L>,
    r8: &Point<S::L>,
    s: impl FnOnce() -> Scalar,
    message: &S::L,
) {
    let hashed =
        [r8.circomlib_x(), r8.y.clone(), key.circomlib_x(), key.y.clone(), message.clone()];
    let challenge = poseidon::hash(system, "challenge", &hashed);
    let offset = eightfold_multiple(system, key, &challenge).negated();
    enforce_base_multiple(system, s, &offset, r8);
}

/// `8 · scalar · point`, for a point on the curve and any field element.
///
/// With the 127 two-bit digits `eⱼ` of the scalar and `dⱼ = 2eⱼ - 3`, one of -3, -1, 1, 3,
///
/// ```text
/// 2 · scalar = 4^127 + Σ dⱼ 4^j - 1
/// ```
///
/// so no window is empty, and a digit's point is the point or its triple, either negated or not:
/// the digit is positive when its high bit is set, and a triple when its bits agree.
fn eightfold_multiple<S: System>(
    system: &mut S,
    point: &Point<S::L>,
    scalar: &S::L,
) -> Point<S::L> {
    let one = S::L::constant(Fr::ONE);
    let digits = bits(system, "challenge bits", CHALLENGE_BITS, || scalar.value());
    system.enforce("challenge bits", &number(&digits), &one, scalar);

    let label = "key multiple";
    let double = point.double(system, label);
    let triple = double.add(system, label, point);
    let (x_step, y_step) = (triple.x.sub(&point.x), triple.y.sub(&point.y));

    let mut sum: Option<Point<S::L>> = None;
    for digit in digits.chunks_exact(2).rev() {
        let both = system.product(label, &digit[0], &digit[1]);
        let agree = one.add(&both).add(&both).sub(&digit[0]).sub(&digit[1]);
        let positive_x = point.x.add(&system.product(label, &x_step, &agree));
        let chosen = Point {
            x: system.product(label, &positive_x, &digit[1].add(&digit[1]).sub(&one)),
            y: point.y.add(&system.product(label, &y_step, &agree)),
        };
        // The first sum is the point itself, whose double there is already.
        let twofold = sum.map_or_else(|| double.clone(), |sum| sum.double(system, label));
        sum = Some(twofold.double(system, label).add(system, label, &chosen));
    }
    let sum = sum.expect("a challenge has digits");
    sum.add(system, label, &point.negated()).double(system, label).double(system, label)
}

/// Demands `offset + S · Base8 = result`.
///
/// `S` is written with digits `dᵢ = 2eᵢ - 7`, one of ±1, ±3, ±5, ±7: then `Σ dᵢ 8^i = S` modulo the
/// subgroup's order for `Σ eᵢ 8^i = (S + 8^84 - 1)/2`. A digit is a sign and the index of an odd
/// multiple; nothing else depends on `S`, so its bits are never put together.
fn enforce_base_multiple<S: System>(
    system: &mut S,
    s: impl FnOnce() -> Scalar,
    offset: &Point<S::L>,
    result: &Point<S::L>,
) {
    let label = "base multiple";
    let one = S::L::constant(Fr::ONE);
    let digits = LazyCell::new(|| signed_digits(&s()));
    let mut sum = offset.clone();
    for (window, multiples) in BASE_MULTIPLES.iter().enumerate() {
        let positive = bit(system, label, || Fr::from(u64::from(digits[window].0)));
        let index = [
            bit(system, label, || Fr::from(u64::from(digits[window].1 & 1))),
            bit(system, label, || Fr::from(u64::from(digits[window].1 >> 1))),
        ];
        let both = system.product(label, &index[0], &index[1]);
        // The value at (b₀, b₁) of a table of four: linear in b₀, b₁ and their product.
        let choose = |table: [Fr; 4]| {
            let [none, first, second, all] = table;
            let factors = [none, first - none, second - none, all - first - second + none];
            S::L::dot(&factors, &[one.clone(), index[0].clone(), index[1].clone(), both.clone()])
        };
        let x = choose(multiples.map(|(x, _)| x));
        let sign = positive.add(&positive).sub(&one);
        let chosen =
            Point { x: system.product(label, &x, &sign), y: choose(multiples.map(|(_, y)| y)) };
        if window + 1 < SCALAR_WINDOWS {
            sum = sum.add(system, label, &chosen);
        } else {
            sum.enforce_add(system, label, &chosen, result);
        }
    }
}

/// The sign (true for positive) and the index (0 for 1, 3 for 7) of each of a scalar's digits.
fn signed_digits(s: &Scalar) -> Vec<(bool, u8)> {
    let offset = Scalar::from(8u64).pow([SCALAR_WINDOWS as u64]) - Scalar::ONE;
    let half = Scalar::from(2u64).inverse().expect("the order is odd");
    let number = ((*s + offset) * half).into_bigint();
    let digit = |window: usize| {
        (0..3).rev().fold(0, |digit, bit| digit << 1 | u8::from(number.get_bit(3 * window + bit)))
    };
    // e = 4, 5, 6, 7 stand for 1, 3, 5, 7 and e = 3, 2, 1, 0 for their negatives.
    (0..SCALAR_WINDOWS)
        .map(|window| match digit(window) {
            negative @ 0..4 => (false, 3 - negative),
            positive => (true, positive - 4),
        })
        .collect()
}

/// `(X, y)` of 1, 3, 5 and 7 times `8^i · Base8`, for each window `i`.
static BASE_MULTIPLES: LazyLock<Vec<[(Fr, Fr); 4]>> = LazyLock::new(|| {
    (0..SCALAR_WINDOWS)
        .map(|window| {
            let unit = Scalar::from(8u64).pow([window as u64]);
            [1u64, 3, 5, 7].map(|odd| {
                let point = NativePoint::from(BASE8.multiply(unit * Scalar::from(odd)));
                (scaled_x(point.x()), point.y())
            })
        })
        .collect()
});
