//! Many multiples of one point, the bulk of a set-up.
//!
//! All multiples `d · 2^(c·w) · G` of a digit `d` in a window `w` are tabulated. A multiple of `G`
//! is then one addition for each window; many scalars go through the windows side by side, so that
//! their additions share inversions and the results come out affine.

use std::sync::atomic::{AtomicU64, Ordering};

use ark_bn254::Fr;
use ark_ec::{
    CurveGroup,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, PrimeField};
use rayon::prelude::*;

use super::{
    affine::{Adder, CoordinateField},
    digits::{Signed, Windows},
};

/// Scalars that go through the windows side by side.
const CHUNK: usize = 1 << 11;

/// Multiples of one point, ready to be added up.
pub(super) struct FixedBase<P: SWCurveConfig> {
    windows: Windows,
    /// For each window `w`, the multiples 1, 2, … of `2^(bits·w) · G`.
    tables: Vec<Vec<Affine<P>>>,
}

impl<P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>> FixedBase<P> {
    /// Tables of `base` that suit about `scalars` multiplications.
    pub(super) fn new(base: Affine<P>, scalars: usize) -> Self {
        let windows = (2..=14)
            .map(Windows::new)
            .min_by_key(|windows| windows.count * (scalars + (1 << (windows.bits - 1))))
            .expect("there are sizes to choose from");
        let mut shifted = Projective::from(base);
        let bases: Vec<Affine<P>> = (0..windows.count)
            .map(|_| {
                let own = shifted.into_affine();
                for _ in 0..windows.bits {
                    shifted.double_in_place();
                }
                own
            })
            .collect();
        let tables = bases
            .into_par_iter()
            .map(|base| {
                // 1..=k gives k+1..=2k by adding k.
                let mut multiples = vec![base];
                let mut adder = Adder::new();
                for _ in 1..windows.bits {
                    let mut next = multiples.clone();
                    let last = vec![multiples[multiples.len() - 1]; multiples.len()];
                    adder.add_assign(&mut next, &last);
                    multiples.extend(next);
                }
                multiples
            })
            .collect();
        Self { windows, tables }
    }

    /// `scalars[i] · G`. `done` counts the scalars that are through, for those who watch.
    pub(super) fn multiply(&self, scalars: &[Fr], done: impl Fn(u64) + Sync) -> Vec<Affine<P>> {
        let through = AtomicU64::new(0);
        let mut points = vec![Affine::identity(); scalars.len()];
        points.par_chunks_mut(CHUNK).zip(scalars.par_chunks(CHUNK)).for_each_init(
            Adder::new,
            |adder, (sums, scalars)| {
                let scalars: Vec<Signed> =
                    scalars.iter().map(|scalar| Signed::new(scalar.into_bigint())).collect();
                let mut addends = vec![Affine::identity(); scalars.len()];
                for (window, table) in self.tables.iter().enumerate() {
                    for (addend, scalar) in addends.iter_mut().zip(&scalars) {
                        *addend = match self.windows.digit(*scalar, window) {
                            (0, _) => Affine::identity(),
                            (digit, false) => table[digit - 1],
                            (digit, true) => -table[digit - 1],
                        };
                    }
                    adder.add_assign(sums, &addends);
                }
                let own = scalars.len() as u64;
                done(through.fetch_add(own, Ordering::Relaxed) + own);
            },
        );
        points
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{g1, g2};
    use ark_ff::{Field, UniformRand, Zero};
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn multiples_agree<P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>>(
        count: usize,
        planned: usize,
    ) {
        let mut rng = StdRng::seed_from_u64(count as u64);
        let base = Affine::<P>::rand(&mut rng);
        let mut scalars = vec![Fr::zero(), Fr::ONE, -Fr::ONE, Fr::from(2u64), -Fr::from(2u64)];
        scalars.extend((1..254).step_by(7).map(|bit| Fr::from(2u64).pow([bit])));
        scalars.push(Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO));
        scalars.push(Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO) + Fr::ONE);
        scalars.resize_with(count.max(scalars.len()), || Fr::rand(&mut rng));
        let points = FixedBase::new(base, planned).multiply(&scalars, |_| {});
        for (point, scalar) in points.iter().zip(&scalars) {
            assert_eq!(*point, (base * scalar).into_affine());
        }
    }

    #[test]
    fn multiples_are_what_they_should_be() {
        for planned in [0, 1, 100, 10_000, 10_000_000] {
            multiples_agree::<g1::Config>(CHUNK + 1, planned);
            multiples_agree::<g2::Config>(1, planned);
        }
    }
}
