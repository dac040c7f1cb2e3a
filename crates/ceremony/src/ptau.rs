//! Phase 1: a `.ptau` file, snarkjs's form of the powers of τ.
//!
//! | section | points | |
//! | --- | --- | --- |
//! | 1 | | the field's modulus, the power `p` of the file, that of its ceremony |
//! | 2 | `τⁱ` in G1, `i < 2^(p+1) − 1` | |
//! | 3 | `τⁱ` in G2, `i < 2^p` | |
//! | 4, 5 | `α·τⁱ`, `β·τⁱ` in G1, `i < 2^p` | |
//! | 6 | `β` in G2 | |
//! | 7 | | the contributions to phase 1 |
//! | 12, 13, 14, 15 | the same four lists in Lagrange form | in a file prepared for phase 2 |
//!
//! A section in Lagrange form has the Lagrange polynomials, at τ, of the domains with 2^0, 2^1, …, 2^p
//! roots, one after the other: the domain with `2^k` roots starts at point `2^k − 1`.
//!
//! # What is checked
//!
//! `Ptau::check` reads the points that a circuit uses. Each is in its group; each list holds the
//! powers of one τ, which is the same in all; α and β are the same in their lists and in G2; none of
//! them is a number that anybody knows. A random linear combination of a list and one of its
//! neighbours are compared by pairings: a list with one wrong point passes with a chance of 2^-128.
//! The Lagrange points are compared with the powers in the same way.
//!
//! Who contributed to the powers is not asked here. That is `snarkjs powersoftau verify`'s work, and the
//! hashes that a public ceremony published: [`Ptau::hash`] is the file's.

use std::path::Path;

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::{AffineRepr, pairing::Pairing, short_weierstrass::Affine};
use ark_ff::{BigInteger, PrimeField, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

use crate::{
    binary_file::BinaryFile,
    circuit::{Size, random_scalars},
    error::CeremonyError,
    hash::Hash,
    points::{CHUNK, Group, PointReader, Sum, sum_of_section},
    progress::{Step, Watch},
};

/// A section's number, and what errors call it.
pub(crate) type Section = (u32, &'static str);

pub(crate) const TAU_G1: Section = (2, "τ in G1");
pub(crate) const TAU_G2: Section = (3, "τ in G2");
pub(crate) const ALPHA_TAU: Section = (4, "α·τ");
pub(crate) const BETA_TAU: Section = (5, "β·τ");
const BETA_G2: Section = (6, "β in G2");
pub(crate) const LAGRANGE_TAU_G1: Section = (12, "Lagrange of τ in G1");
pub(crate) const LAGRANGE_TAU_G2: Section = (13, "Lagrange of τ in G2");
pub(crate) const LAGRANGE_ALPHA_TAU: Section = (14, "Lagrange of α·τ");
pub(crate) const LAGRANGE_BETA_TAU: Section = (15, "Lagrange of β·τ");

/// A `.ptau` file.
#[derive(Debug)]
pub struct Ptau {
    file: BinaryFile,
    power: u32,
}

/// The powers' own secrets, as points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Secrets {
    pub(crate) alpha_g1: G1Affine,
    pub(crate) beta_g1: G1Affine,
    pub(crate) beta_g2: G2Affine,
}

impl Ptau {
    /// Opens a file and hashes it. Its points are not looked at yet.
    ///
    /// # Errors
    /// When it cannot be read, is no `.ptau`, is for another curve, or its sections have other lengths
    /// than its header says.
    pub fn open(path: &Path) -> Result<Self, CeremonyError> {
        let file = BinaryFile::open(path, "ptau", 1)?;
        let header = file.small(1, 256)?;
        let other_curve = || CeremonyError::OtherCurve { path: path.to_owned() };
        let modulus = Fq::MODULUS.to_bytes_le();
        let (head, powers) = header.split_at_checked(4 + modulus.len()).ok_or_else(other_curve)?;
        if head[..4] != (modulus.len() as u32).to_le_bytes() || head[4..] != modulus {
            return Err(other_curve());
        }
        let (powers, rest) = powers.as_chunks::<4>();
        let power = powers.first().map_or(0, |power| u32::from_le_bytes(*power));
        if powers.len() != 2 || !rest.is_empty() || !(1..=28).contains(&power) {
            return Err(CeremonyError::damaged(path, "its header is none"));
        }
        let ptau = Self { file, power };
        let (g1, g2, count) = (g1::Config::BYTES as u64, g2::Config::BYTES as u64, 1u64 << power);
        ptau.expect(TAU_G1, (2 * count - 1) * g1)?;
        ptau.expect(TAU_G2, count * g2)?;
        ptau.expect(ALPHA_TAU, count * g1)?;
        ptau.expect(BETA_TAU, count * g1)?;
        ptau.expect(BETA_G2, g2)?;
        if ptau.file.has(LAGRANGE_TAU_G1.0) {
            ptau.expect(LAGRANGE_TAU_G1, (4 * count - 1) * g1)?;
            ptau.expect(LAGRANGE_TAU_G2, (2 * count - 1) * g2)?;
            ptau.expect(LAGRANGE_ALPHA_TAU, (2 * count - 1) * g1)?;
            ptau.expect(LAGRANGE_BETA_TAU, (2 * count - 1) * g1)?;
        }
        Ok(ptau)
    }

    fn expect(&self, (section, _): Section, bytes: u64) -> Result<(), CeremonyError> {
        if self.file.bytes_of(section)? != bytes {
            return Err(CeremonyError::damaged(self.path(), "a section has the wrong length"));
        }
        Ok(())
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file has powers of τ below `2^(power + 1) − 1`.
    pub fn power(&self) -> u32 {
        self.power
    }

    /// BLAKE2b of the whole file: what the public ceremonies publish of theirs, and `b2sum` prints. It was
    /// computed when the file was opened, and all points that are read are of the file that has it.
    pub fn hash(&self) -> &Hash {
        self.file.hash()
    }

    /// Checks that this is the file with that hash.
    ///
    /// # Errors
    /// [`CeremonyError::OtherPowers`] when it is another.
    pub fn require(&self, expected: &Hash) -> Result<(), CeremonyError> {
        if self.hash() == expected {
            return Ok(());
        }
        let (path, expected, found) =
            (self.path().to_owned(), Box::new((*expected).into()), Box::new((*self.hash()).into()));
        Err(CeremonyError::OtherPowers { path, expected, found })
    }

    /// Checks all powers of τ that a circuit of this size uses.
    ///
    /// The powers of τ up to `2n − 1` for a domain of `n` rows are used, one more than a file of the
    /// domain's own size has: see the crate's documentation.
    ///
    /// # Errors
    /// When there are too few, a point is in no group, they are not the powers of one τ, or a secret is
    /// a number that anybody knows.
    pub(crate) fn check(&self, size: &Size, watch: &dyn Watch) -> Result<Secrets, CeremonyError> {
        if self.power < size.power + 1 {
            let path = self.path().to_owned();
            let (needed, found) = (size.power + 1, self.power);
            return Err(CeremonyError::TooFewPowers { path, needed, found });
        }
        let rows = size.rows();
        let total = 5 * rows as u64;
        watch.step(Step::Powers, 0, total);
        let tau_g1 = self.ladder::<g1::Config>(TAU_G1, 2 * rows)?;
        watch.step(Step::Powers, 2 * rows as u64, total);
        let tau_g2 = self.ladder::<g2::Config>(TAU_G2, rows)?;
        watch.step(Step::Powers, 3 * rows as u64, total);
        let alpha = self.ladder::<g1::Config>(ALPHA_TAU, rows)?;
        watch.step(Step::Powers, 4 * rows as u64, total);
        let beta = self.ladder::<g1::Config>(BETA_TAU, rows)?;
        watch.step(Step::Powers, total, total);
        let beta_g2 = PointReader::new::<g2::Config>(&self.file, BETA_G2, 0)?.take(1)?[0];

        let (one_g1, one_g2) = (G1Affine::generator(), G2Affine::generator());
        let not_powers = |(_, section): Section| {
            let path = self.path().to_owned();
            Err(CeremonyError::NotPowers { path, section })
        };
        if tau_g1.first != one_g1 {
            return not_powers(TAU_G1);
        }
        if tau_g2.first != one_g2 {
            return not_powers(TAU_G2);
        }
        let tau_to_rows =
            PointReader::new::<g1::Config>(&self.file, TAU_G1, rows as u64)?.take(1)?[0];
        self.check_unknown(&tau_g1.second, "τ")?;
        // Then τ would be one of the domain's roots, or of the coset's.
        self.check_unknown(&tau_to_rows, "τ")?;
        self.check_unknown(&alpha.first, "α")?;
        self.check_unknown(&beta.first, "β")?;
        for (section, list) in [(TAU_G1, &tau_g1), (ALPHA_TAU, &alpha), (BETA_TAU, &beta)] {
            if !same_ratio((list.lower, list.upper), (one_g2, tau_g2.second)) {
                return not_powers(section);
            }
        }
        if !same_ratio((one_g1, tau_g1.second), (tau_g2.lower, tau_g2.upper)) {
            return not_powers(TAU_G2);
        }
        if !same_ratio((one_g1, beta.first), (one_g2, beta_g2)) {
            return not_powers(BETA_G2);
        }
        Ok(Secrets { alpha_g1: alpha.first, beta_g1: beta.first, beta_g2 })
    }

    fn check_unknown(&self, point: &G1Affine, secret: &'static str) -> Result<(), CeremonyError> {
        let one = G1Affine::generator();
        if point.is_zero() || *point == one || *point == -one {
            return Err(CeremonyError::Known { path: self.path().to_owned(), secret });
        }
        Ok(())
    }

    /// Random linear combinations of the first `count` points without the last, and of the same without
    /// the first.
    fn ladder<P: Group>(&self, section: Section, count: usize) -> Result<Ladder<P>, CeremonyError> {
        let mut reader = PointReader::new::<P>(&self.file, section, 0)?;
        let (mut lower, mut upper) = (Sum::<P>::new(), Sum::<P>::new());
        let mut points = reader.take::<P>(1)?;
        let (first, mut second) = (points[0], None);
        let mut left = count - 1;
        while left > 0 {
            // The last point of a chunk is the first of the next one.
            let chunk = left.min(CHUNK);
            points.drain(..points.len() - 1);
            points.extend(reader.take::<P>(chunk)?);
            second = second.or(points.get(1).copied());
            let scalars = random_scalars(chunk);
            lower.add(&points[..chunk], &scalars);
            upper.add(&points[1..], &scalars);
            left -= chunk;
        }
        let second = second.expect("a domain has two rows");
        Ok(Ladder { first, second, lower: lower.total(), upper: upper.total() })
    }

    /// Checks all points in Lagrange form that [`begin`](crate::begin) uses, against powers that are
    /// checked.
    pub(crate) fn check_lagrange(
        &self,
        size: &Size,
        watch: &dyn Watch,
    ) -> Result<(), CeremonyError> {
        if !self.file.has(LAGRANGE_TAU_G1.0) {
            return Err(CeremonyError::NotPrepared { path: self.path().to_owned() });
        }
        let (own, double) = (size.domain(), size.double_domain());
        watch.step(Step::Lagrange, 0, 5);
        self.check_lagrange_of::<g1::Config>(LAGRANGE_TAU_G1, TAU_G1, own)?;
        watch.step(Step::Lagrange, 1, 5);
        self.check_lagrange_of::<g1::Config>(LAGRANGE_TAU_G1, TAU_G1, double)?;
        watch.step(Step::Lagrange, 2, 5);
        self.check_lagrange_of::<g2::Config>(LAGRANGE_TAU_G2, TAU_G2, own)?;
        watch.step(Step::Lagrange, 3, 5);
        self.check_lagrange_of::<g1::Config>(LAGRANGE_ALPHA_TAU, ALPHA_TAU, own)?;
        watch.step(Step::Lagrange, 4, 5);
        self.check_lagrange_of::<g1::Config>(LAGRANGE_BETA_TAU, BETA_TAU, own)?;
        watch.step(Step::Lagrange, 5, 5);
        Ok(())
    }

    /// A polynomial with random values on the domain, at τ: by its values, and by its coefficients.
    fn check_lagrange_of<P: Group>(
        &self,
        lagrange: Section,
        powers: Section,
        domain: Radix2EvaluationDomain<Fr>,
    ) -> Result<(), CeremonyError> {
        let values = random_scalars(domain.size());
        let by_values =
            sum_of_section::<P>(&self.file, lagrange, domain.size() as u64 - 1, &values)?;
        if by_values != self.evaluate::<P>(powers, domain, values)? {
            let path = self.path().to_owned();
            return Err(CeremonyError::NotPowers { path, section: lagrange.1 });
        }
        Ok(())
    }

    /// The polynomial with these values on the domain, evaluated at τ in the exponent.
    pub(crate) fn evaluate<P: Group>(
        &self,
        powers: Section,
        domain: Radix2EvaluationDomain<Fr>,
        mut values: Vec<Fr>,
    ) -> Result<Affine<P>, CeremonyError> {
        domain.ifft_in_place(&mut values);
        sum_of_section::<P>(&self.file, powers, 0, &values)
    }

    /// All Lagrange polynomials at τ of the domain with `2^power` roots.
    pub(crate) fn lagrange<P: Group>(
        &self,
        section: Section,
        power: u32,
    ) -> Result<Vec<Affine<P>>, CeremonyError> {
        let mut reader = PointReader::new::<P>(&self.file, section, (1 << power) - 1)?;
        reader.take::<P>(1 << power)
    }

    /// The powers of τ from `first` on, in G1.
    pub(crate) fn powers(&self, first: usize) -> Result<PointReader<'_>, CeremonyError> {
        PointReader::new::<g1::Config>(&self.file, TAU_G1, first as u64)
    }
}

/// What is kept of a list of powers.
struct Ladder<P: Group> {
    first: Affine<P>,
    second: Affine<P>,
    lower: Affine<P>,
    upper: Affine<P>,
}

/// Whether `b = k·a` in G1 and `d = k·c` in G2 for one k. All four must not be infinity.
pub(crate) fn same_ratio((a, b): (G1Affine, G1Affine), (c, d): (G2Affine, G2Affine)) -> bool {
    let none_zero = !(a.is_zero() || b.is_zero() || c.is_zero() || d.is_zero());
    none_zero && Bn254::multi_pairing([a, -b], [d, c]).is_zero()
}
