//! Points as snarkjs writes them.
//!
//! In files, a coordinate is 32 bytes, little-endian, and multiplied by 2^256 (Montgomery's form); one
//! of G2 is two such, the real part first. Infinity is all zeros. For hashing, a coordinate is 32
//! bytes, big-endian; of G2 the imaginary part comes first.

use aep2_prover::groth16::{CoordinateField, msm};
use ark_bn254::{Fq, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::{
    AffineRepr, CurveGroup,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::{BigInt, BigInteger, Field, PrimeField, Zero};
use rayon::prelude::*;

use crate::{binary_file::BinaryFile, error::CeremonyError, sealed_file::SealedReader};

/// How many points are worked on at once.
pub(crate) const CHUNK: usize = 1 << 16;

/// One of the curve's two groups.
pub trait Group:
    SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField + Field<BasePrimeField = Fq>>
{
    /// How many bytes a point takes.
    const BYTES: usize;

    /// Whether a point of the curve is in the group.
    fn in_group(point: &Affine<Self>) -> bool;
}

impl Group for g1::Config {
    const BYTES: usize = 64;

    /// The curve over the prime field has no other points.
    fn in_group(_: &G1Affine) -> bool {
        true
    }
}

impl Group for g2::Config {
    const BYTES: usize = 128;

    fn in_group(point: &G2Affine) -> bool {
        point.is_in_correct_subgroup_assuming_on_curve()
    }
}

/// Reads a point: on the curve, in the group, each number below the modulus. None otherwise.
pub(crate) fn get<P: Group>(bytes: &[u8]) -> Option<Affine<P>> {
    debug_assert_eq!(bytes.len(), P::BYTES);
    if bytes.iter().all(|byte| *byte == 0) {
        return Some(Affine::identity());
    }
    let (numbers, _) = bytes.as_chunks::<32>();
    let numbers: Vec<Fq> = numbers.iter().map(get_fq).collect::<Option<_>>()?;
    let half = numbers.len() / 2;
    let coordinate =
        |numbers: &[Fq]| P::BaseField::from_base_prime_field_elems(numbers.iter().copied());
    let point =
        Affine::<P>::new_unchecked(coordinate(&numbers[..half])?, coordinate(&numbers[half..])?);
    (point.is_on_curve() && P::in_group(&point)).then_some(point)
}

fn get_fq(bytes: &[u8; 32]) -> Option<Fq> {
    let (limbs, _) = bytes.as_chunks();
    let limbs = BigInt(std::array::from_fn(|limb| u64::from_le_bytes(limbs[limb])));
    (limbs < Fq::MODULUS).then(|| Fq::new_unchecked(limbs))
}

/// Writes a point.
pub(crate) fn put<P: Group>(bytes: &mut Vec<u8>, point: &Affine<P>) {
    if point.is_zero() {
        bytes.resize(bytes.len() + P::BYTES, 0);
        return;
    }
    for side in [point.x, point.y] {
        for number in side.to_base_prime_field_elements() {
            bytes.extend(number.0.0.iter().flat_map(|limb| limb.to_le_bytes()));
        }
    }
}

/// Points as they are in files.
pub fn to_bytes<P: Group>(points: &[Affine<P>]) -> Vec<u8> {
    encode(points, put)
}

/// Points as they are hashed.
pub fn to_hashed<P: Group>(points: &[Affine<P>]) -> Vec<u8> {
    encode(points, |bytes, point| {
        if point.is_zero() {
            bytes.resize(bytes.len() + P::BYTES, 0);
            return;
        }
        for side in [point.x, point.y] {
            let numbers: Vec<Fq> = side.to_base_prime_field_elements().collect();
            for number in numbers.iter().rev() {
                bytes.extend(number.into_bigint().to_bytes_be());
            }
        }
    })
}

fn encode<P: Group>(
    points: &[Affine<P>],
    each: impl Fn(&mut Vec<u8>, &Affine<P>) + Sync,
) -> Vec<u8> {
    let pieces: Vec<Vec<u8>> = points
        .par_chunks(1 << 11)
        .map(|points| {
            let mut bytes = Vec::with_capacity(points.len() * P::BYTES);
            points.iter().for_each(|point| each(&mut bytes, point));
            bytes
        })
        .collect();
    pieces.concat()
}

/// A section of points that is read from the front, each checked to be in its group.
pub(crate) struct PointReader<'a> {
    reader: SealedReader<'a>,
    section: &'static str,
}

impl<'a> PointReader<'a> {
    /// Starts at the point `first` of a section; `name` is what errors call it.
    pub(crate) fn new<P: Group>(
        file: &'a BinaryFile,
        (number, name): (u32, &'static str),
        first: u64,
    ) -> Result<Self, CeremonyError> {
        Ok(Self { reader: file.reader(number, first * P::BYTES as u64)?, section: name })
    }

    /// The next `count` points.
    pub(crate) fn take<P: Group>(&mut self, count: usize) -> Result<Vec<Affine<P>>, CeremonyError> {
        let bytes = self.reader.take(count * P::BYTES)?;
        let points: Option<Vec<Affine<P>>> = bytes.par_chunks(P::BYTES).map(get).collect();
        points.ok_or_else(|| CeremonyError::NotAPoint {
            path: self.reader.path().to_owned(),
            section: self.section,
        })
    }
}

/// A sum of multiples, of points that come in chunks.
pub(crate) struct Sum<P: Group>(Projective<P>);

impl<P: Group> Sum<P> {
    pub(crate) fn new() -> Self {
        Self(Projective::zero())
    }

    /// Adds `Σ scalars[i] · points[i]`.
    pub(crate) fn add(&mut self, points: &[Affine<P>], scalars: &[Fr]) {
        let scalars: Vec<_> = scalars.par_iter().map(|scalar| scalar.into_bigint()).collect();
        self.0 += msm::msm(points, &scalars);
    }

    pub(crate) fn total(&self) -> Affine<P> {
        self.0.into_affine()
    }
}

/// `Σ scalars[i] · points[first + i]`, of points in a file.
pub(crate) fn sum_of_section<P: Group>(
    file: &BinaryFile,
    section: (u32, &'static str),
    first: u64,
    scalars: &[Fr],
) -> Result<Affine<P>, CeremonyError> {
    let mut reader = PointReader::new::<P>(file, section, first)?;
    let mut sum = Sum::<P>::new();
    for scalars in scalars.chunks(CHUNK) {
        sum.add(&reader.take::<P>(scalars.len())?, scalars);
    }
    Ok(sum.total())
}

/// All of `points`, each times `factor`.
pub(crate) fn scaled<P: Group>(points: &[Affine<P>], factor: &Fr) -> Vec<Affine<P>> {
    let pieces: Vec<Vec<Affine<P>>> = points
        .par_chunks(1 << 10)
        .map(|points| {
            let products: Vec<Projective<P>> = points.iter().map(|point| *point * factor).collect();
            Projective::normalize_batch(&products)
        })
        .collect();
    pieces.concat()
}
