//! Multi-scalar multiplication: `Σ scalarᵢ · pointᵢ`, where nearly all of a prover's time goes.
//!
//! This is Pippenger's bucket method with affine buckets.
//!
//! 1. Scalars become signed digits ([`super::digits`]). A zero digit costs nothing, so zeros,
//!    ones and other small scalars need no path of their own.
//! 2. For each window (digit position) the points are sorted by their digit's absolute value,
//!    the *bucket*, by counting.
//! 3. The sorted list is cut into *groups* of equal length, wherever the cut falls. A group adds
//!    up the points of each bucket it holds by rounds of pairwise additions, halving every
//!    bucket's points each round. All additions of a round are independent, so they share one
//!    field inversion ([`Adder`]) and no additions ever conflict, however often a digit repeats.
//! 4. The group then forms `Σ b · (sum of bucket b)`. A bucket cut in two is simply counted in
//!    both groups. So groups are independent tasks, all alike in size: threads are kept busy
//!    whether there are more of them than windows or fewer, and whatever the scalars are.

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
    fn new(scalars: &[Signed], digit: impl Fn(Signed) -> (usize, bool)) -> Self {
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
        self.entries
            .par_chunks(GROUP_POINTS)
            .enumerate()
            .map_init(Group::new, |group, (index, entries)| {
                let first = (index * GROUP_POINTS) as u32;
                group.gather(points, entries, self.runs(first, first + entries.len() as u32));
                group.add_up();
                group.weighted_sum()
            })
            .sum()
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
        self.points.extend(entries.iter().map(|entry| {
            let point = all[(entry >> 1) as usize];
            if entry & 1 == 1 { -point } else { point }
        }));
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

    /// `Σ bucket · point`: from the highest bucket down, a running sum of the points is added to
    /// the result once for every step that the bucket number falls.
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
