//! Multi-scalar multiplication: `Σ scalarᵢ · pointᵢ`, where nearly all of a prover's time goes.
//!
//! This is Pippenger's bucket method with affine buckets.
//!
//! 1. Scalars become signed digits (`digits.rs`). A zero digit costs nothing, so zeros,
//!    ones and other small scalars need no path of their own.
//! 2. For each window (digit position) the points are sorted by their digit's absolute value,
//!    the *bucket*, by counting.
//! 3. The sorted list is cut into *groups* of equal length, wherever the cut falls. A group adds
//!    up the points of each bucket it holds by rounds of pairwise additions, halving every
//!    bucket's points each round. All additions of a round are independent, so they share one
//!    field inversion (`affine.rs`) and no additions ever conflict, however often a digit repeats.
//! 4. What is left is `Σ b · (sum of bucket b)`. Where buckets are many, this is a multi-scalar
//!    multiplication of its own, and done in the same way; where they are few, a group does it by
//!    itself. A bucket cut in two simply counts twice, once with each part of its points.
//!
//! So groups are independent tasks, all alike in size: threads are kept busy whether there are
//! more of them than windows or fewer, and whatever the scalars are.

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Bucket, Projective, SWCurveConfig};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

pub use super::digits::Scalar;
use super::{
    affine::{Adder, CoordinateField},
    digits::{Signed, Windows},
};

/// How many points one group holds. Large enough that rounds share their inversion widely, small
/// enough that a group's points and working memory stay in a core's own cache.
const GROUP_POINTS: usize = 1 << 13;

/// Bucket numbers of so few bits are worked off one by one.
const NARROW_BITS: u32 = 9;

/// `Σ scalars[i] · points[i]`. Points may repeat, cancel or be infinity.
///
/// # Panics
/// When the lengths differ, or there are 2^31 points or more.
pub fn msm<P>(points: &[Affine<P>], scalars: &[Scalar]) -> Projective<P>
where
    P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>,
{
    assert_eq!(points.len(), scalars.len(), "one scalar for each point");
    msm_by(points, |index| scalars[index])
}

/// Like [`msm`], with `scalar(i)` giving the scalar of `points[i]`.
///
/// # Panics
/// When there are 2^31 points or more.
pub fn msm_by<P>(points: &[Affine<P>], scalar: impl Fn(usize) -> Scalar + Sync) -> Projective<P>
where
    P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>,
{
    assert!(points.len() < 1 << 31, "an index and a sign must fit 32 bits");
    let magnitudes: Vec<Signed> =
        (0..points.len()).into_par_iter().map(|index| Signed::new(scalar(index))).collect();
    let windows = Windows::choose(&magnitudes);
    let sums: Vec<Projective<P>> = (0..windows.count)
        .into_par_iter()
        .map(|window| {
            let sorted = Sorted::new(&magnitudes, |scalar| windows.digit(scalar, window));
            sorted.weighted_sum(points)
        })
        .collect();
    // Horner's rule, from the highest window down.
    sums.into_iter().rev().fold(Projective::ZERO, |mut total, sum| {
        for _ in 0..windows.bits {
            total.double_in_place();
        }
        total + sum
    })
}

/// A window's points, sorted by bucket.
struct Sorted {
    /// Twice a point's index, plus one if it is to be subtracted.
    entries: Vec<u32>,
    /// Where in `entries` bucket b ends. Bucket 0, the points not wanted, has no entries.
    ends: Vec<u32>,
}

impl Sorted {
    /// `digit` gives a point's bucket, 0 if it has none, and whether it is to be subtracted.
    fn new<S: Copy>(scalars: &[S], digit: impl Fn(S) -> (usize, bool)) -> Self {
        let mut ends = vec![0u32];
        for scalar in scalars {
            let (bucket, _) = digit(*scalar);
            if bucket >= ends.len() {
                ends.resize(bucket + 1, 0);
            }
            ends[bucket] += 1;
        }
        // First where each bucket starts; filling the buckets then moves that to where they end.
        ends[0] = 0;
        let mut next = 0;
        for end in &mut ends {
            next += std::mem::replace(end, next);
        }
        let mut entries = vec![0u32; next as usize];
        for (index, scalar) in scalars.iter().enumerate() {
            let (bucket, subtract) = digit(*scalar);
            if bucket > 0 {
                entries[ends[bucket] as usize] = (index as u32) << 1 | u32::from(subtract);
                ends[bucket] += 1;
            }
        }
        Self { entries, ends }
    }

    /// `Σ b · (sum of bucket b's points)`.
    fn weighted_sum<P>(&self, points: &[Affine<P>]) -> Projective<P>
    where
        P: SWCurveConfig<BaseField: CoordinateField>,
    {
        let bits = self.ends.len().ilog2();
        if bits <= NARROW_BITS {
            return self.map_groups(points, |group| group.weighted_sum()).sum();
        }
        // A bucket's sum is to be multiplied by the bucket's number: the same task once more, with
        // few points and small scalars. Cut each number in two and sort by the halves.
        let sums: Vec<Vec<(u32, Affine<P>)>> =
            self.map_groups(points, |group| group.sums().collect()).collect();
        let (buckets, points): (Vec<u32>, Vec<Affine<P>>) = sums.into_iter().flatten().unzip();
        let half = bits / 2;
        let low = |bucket: u32| ((bucket & ((1 << half) - 1)) as usize, false);
        let high = |bucket: u32| ((bucket >> half) as usize, false);
        let mut sum = Sorted::new(&buckets, high).weighted_sum(&points);
        for _ in 0..half {
            sum.double_in_place();
        }
        sum + Sorted::new(&buckets, low).weighted_sum(&points)
    }

    /// Adds up the points of each group's buckets, then asks `result` what is wanted of them.
    fn map_groups<P, R>(
        &self,
        points: &[Affine<P>],
        result: impl Fn(&Group<P>) -> R + Send + Sync,
    ) -> impl IndexedParallelIterator<Item = R>
    where
        P: SWCurveConfig<BaseField: CoordinateField>,
        R: Send,
    {
        let groups = self.entries.par_chunks(GROUP_POINTS).enumerate();
        groups.map_init(Group::new, move |group, (index, entries)| {
            let first = (index * GROUP_POINTS) as u32;
            group.gather(points, entries, self.runs(first, first + entries.len() as u32));
            group.add_up();
            result(group)
        })
    }

    /// The buckets of the entries from `first` up to `end`, with how many of these each holds.
    fn runs(&self, first: u32, end: u32) -> impl Iterator<Item = Run> + '_ {
        let mut bucket = self.ends.partition_point(|stop| *stop <= first);
        let mut position = first;
        std::iter::from_fn(move || {
            while position < end && self.ends[bucket] <= position {
                bucket += 1;
            }
            (position < end).then(|| {
                let stop = self.ends[bucket].min(end);
                let run = Run { bucket: bucket as u32, points: (stop - position) as usize };
                position = stop;
                run
            })
        })
    }
}

/// Points of one bucket that lie side by side in a group.
struct Run {
    bucket: u32,
    points: usize,
}

/// Working memory of one thread: a group of points, bucket after bucket.
struct Group<P: SWCurveConfig<BaseField: CoordinateField>> {
    runs: Vec<Run>,
    points: Vec<Affine<P>>,
    left: Vec<Affine<P>>,
    right: Vec<Affine<P>>,
    adder: Adder<P>,
}

impl<P: SWCurveConfig<BaseField: CoordinateField>> Group<P> {
    fn new() -> Self {
        Self {
            runs: Vec::new(),
            points: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
            adder: Adder::new(),
        }
    }

    fn gather(&mut self, all: &[Affine<P>], entries: &[u32], runs: impl Iterator<Item = Run>) {
        self.runs.clear();
        self.runs.extend(runs);
        self.points.clear();
        // The points lie all over memory. Nothing here depends on what is loaded, so the processor
        // waits for many at once; signs are seen to when all have come, and without branches.
        self.points.extend(entries.iter().map(|entry| all[(entry >> 1) as usize]));
        for (point, entry) in self.points.iter_mut().zip(entries) {
            point.y = [point.y, -point.y][(entry & 1) as usize];
        }
    }

    /// Brings every run down to one point, its sum.
    fn add_up(&mut self) {
        while self.points.len() > self.runs.len() {
            self.left.clear();
            self.right.clear();
            let mut start = 0;
            for run in &self.runs {
                let own = &self.points[start..start + run.points];
                for pair in own.chunks_exact(2) {
                    self.left.push(pair[0]);
                    self.right.push(pair[1]);
                }
                start += run.points;
            }
            self.adder.add_assign(&mut self.left, &self.right);
            // The sums, and of each odd run its last point, close ranks.
            let (mut sum, mut start, mut kept) = (0, 0, 0);
            for run in &mut self.runs {
                let pairs = run.points / 2;
                self.points[kept..kept + pairs].copy_from_slice(&self.left[sum..sum + pairs]);
                sum += pairs;
                kept += pairs;
                let end = start + run.points;
                if run.points % 2 == 1 {
                    self.points[kept] = self.points[end - 1];
                    kept += 1;
                }
                run.points -= pairs;
                start = end;
            }
            self.points.truncate(kept);
        }
    }

    /// Each bucket's sum, once they are added up.
    fn sums(&self) -> impl Iterator<Item = (u32, Affine<P>)> + '_ {
        self.runs.iter().map(|run| run.bucket).zip(self.points.iter().copied())
    }

    /// `Σ bucket · point`, once they are added up: from the highest bucket down, a running sum of
    /// the points is added to the result once for every step that the bucket number falls.
    fn weighted_sum(&self) -> Projective<P> {
        let mut running = Bucket::<P>::ZERO;
        let mut result = Bucket::<P>::ZERO;
        let below = self.runs.iter().rev().skip(1).map(|run| run.bucket).chain([0]);
        for ((run, point), below) in self.runs.iter().zip(&self.points).rev().zip(below) {
            running += point;
            result += &times(&running, run.bucket - below);
        }
        result.into()
    }
}

/// A point times a small positive number.
fn times<P: SWCurveConfig>(point: &Bucket<P>, factor: u32) -> Bucket<P> {
    let mut result = *point;
    for bit in (0..factor.ilog2()).rev() {
        result.double_in_place();
        if factor >> bit & 1 == 1 {
            result += point;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use ark_bn254::{g1, g2};
    use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
    use ark_ff::{Field, PrimeField, UniformRand};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    /// A scalar worth trying: extreme, small, one bit away from a power of two, or any.
    fn scalar(rng: &mut StdRng) -> Fr {
        let power = Fr::from(2u64).pow([rng.gen_range(0..254u64)]);
        let one = Fr::from(1u64);
        match rng.gen_range(0..12) {
            0 => Fr::from(0u64),
            1 => one,
            2 => -one,
            3 => Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO),
            4 => Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO) + one,
            5 => power,
            6 => -power,
            7 => power - one,
            8 => Fr::from(rng.r#gen::<u16>()),
            9 => -Fr::from(rng.r#gen::<u64>()),
            _ => Fr::rand(rng),
        }
    }

    /// Points from a small pool, so that equal and opposite ones meet, and infinity.
    fn points<P: SWCurveConfig>(rng: &mut StdRng, pool: usize, count: usize) -> Vec<Affine<P>> {
        let pool: Vec<Affine<P>> = (0..pool).map(|_| Affine::rand(rng)).collect();
        (0..count)
            .map(|_| match (rng.gen_range(0..8), pool.is_empty()) {
                (0, _) | (_, true) => Affine::identity(),
                (1, _) => -pool[rng.gen_range(0..pool.len())],
                _ => pool[rng.gen_range(0..pool.len())],
            })
            .collect()
    }

    fn agrees<P>(points: &[Affine<P>], scalars: &[Fr])
    where
        P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>,
    {
        let naive: Projective<P> = points.iter().zip(scalars).map(|(p, s)| *p * s).sum();
        let integers: Vec<Scalar> = scalars.iter().map(|s| s.into_bigint()).collect();
        assert_eq!(msm(points, &integers), naive);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn is_the_naive_sum(seed: u64, pool in 0usize..6, count in 0usize..80) {
            let mut rng = StdRng::seed_from_u64(seed);
            let scalars: Vec<Fr> = (0..count).map(|_| scalar(&mut rng)).collect();
            agrees::<g1::Config>(&points(&mut rng, pool, count), &scalars);
            agrees::<g2::Config>(&points(&mut rng, pool, count), &scalars);
        }
    }

    #[test]
    fn short_sums() {
        let p = G1::generator();
        let q = (p * Fr::from(5u64)).into_affine();
        let one = Fr::from(1u64);
        agrees::<g1::Config>(&[], &[]);
        for s in [Fr::from(0u64), one, -one, Fr::from(2u64), Fr::from(1u64 << 40)] {
            agrees::<g1::Config>(&[p], &[s]);
            agrees::<g1::Config>(&[G1::identity()], &[s]);
            for t in [Fr::from(0u64), s, -s, s + one] {
                agrees::<g1::Config>(&[p, p], &[s, t]);
                agrees::<g1::Config>(&[p, -p], &[s, t]);
                agrees::<g1::Config>(&[p, q], &[s, t]);
            }
        }
    }

    type G1 = Affine<g1::Config>;

    /// Long sums, with wide windows and many groups, against arkworks.
    #[test]
    fn long_sums() {
        let mut rng = StdRng::seed_from_u64(1);
        let count = 70_000;
        let pool = points::<g1::Config>(&mut rng, 200, count);
        let random: Vec<Fr> = (0..count).map(|_| Fr::rand(&mut rng)).collect();
        let mixed: Vec<Fr> = (0..count).map(|_| scalar(&mut rng)).collect();
        let bits: Vec<Fr> = (0..count).map(|_| Fr::from(rng.r#gen::<bool>())).collect();
        for scalars in [random, mixed, bits, vec![-Fr::from(1u64); count]] {
            let integers: Vec<Scalar> = scalars.iter().map(|s| s.into_bigint()).collect();
            let expected = Projective::<g1::Config>::msm(&pool, &scalars).unwrap();
            for threads in [1, 3, 40] {
                let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert_eq!(threads.install(|| msm(&pool, &integers)), expected);
            }
        }
        // One point all over: every addition doubles.
        let scalars = vec![Fr::rand(&mut rng); count];
        let sum: Fr = scalars.iter().sum();
        let integers: Vec<Scalar> = scalars.iter().map(|s| s.into_bigint()).collect();
        let point = G1::generator();
        assert_eq!(msm(&vec![point; count], &integers), point * sum);
    }
}
