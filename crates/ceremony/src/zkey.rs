//! Phase 2: a `.zkey` file, snarkjs's form of a proving key and its ceremony.
//!
//! | section | content | changed by contributions |
//! | --- | --- | --- |
//! | 1 | the proof system: 1, Groth16 | |
//! | 2 | moduli, sizes, α, β, γ, δ | δ |
//! | 3 | `(β·Aⱼ + α·Bⱼ + Cⱼ)/γ` for the constant one and the public inputs | |
//! | 4 | the coefficients of A and B | |
//! | 5, 6, 7 | `Aⱼ` in G1, `Bⱼ` in G1, `Bⱼ` in G2 | |
//! | 8 | `(β·Aⱼ + α·Bⱼ + Cⱼ)/δ` for witness variables | divided |
//! | 9 | for each odd root of the doubled domain, its Lagrange polynomial at τ, over δ | divided |
//! | 10 | the circuit hash and the [contributions](crate::contribution) | one more |
//!
//! γ is one. Points of all variables are there, infinity among them.

use std::path::Path;

use aep2_prover::groth16::VerifyingKey;
use ark_bn254::{Fq, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};

use crate::{
    binary_file::{BinaryFile, BinaryWriter},
    circuit::Size,
    contribution::Chain,
    error::CeremonyError,
    points::{Group, PointReader, get, to_bytes},
    ptau::Section,
};

pub(crate) const HEADER: u32 = 2;
pub(crate) const PUBLIC: Section = (3, "IC");
pub(crate) const COEFFICIENTS: Section = (4, "coefficients");
pub(crate) const A: Section = (5, "A");
pub(crate) const B_G1: Section = (6, "B in G1");
pub(crate) const B_G2: Section = (7, "B in G2");
pub(crate) const L: Section = (8, "L");
pub(crate) const H: Section = (9, "H");
pub(crate) const CHAIN: u32 = 10;

/// The longest list of contributions that is read, more than the most of them take.
const CHAIN_BYTES_MAX: u64 = 1 << 26;
const HEADER_BYTES_MAX: u64 = 4096;

/// A `.zkey` file: its header and its contributions are read, its points are not.
#[derive(Debug)]
pub struct Zkey {
    pub(crate) file: BinaryFile,
    /// Sizes, and the points of the verifying key.
    pub header: Header,
    /// Who contributed.
    pub chain: Chain,
}

/// Section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The constant one, the public inputs, the witness.
    pub variables: u32,
    /// Public inputs, the constant one not among them.
    pub public: u32,
    /// Rows of the domain.
    pub rows: u32,
    /// α in G1.
    pub alpha_g1: G1Affine,
    /// β in G1.
    pub beta_g1: G1Affine,
    /// β in G2.
    pub beta_g2: G2Affine,
    /// γ in G2.
    pub gamma_g2: G2Affine,
    /// δ in G1.
    pub delta_g1: G1Affine,
    /// δ in G2.
    pub delta_g2: G2Affine,
}

impl Header {
    fn prefix() -> Vec<u8> {
        let mut bytes = Vec::new();
        for modulus in [Fq::MODULUS, Fr::MODULUS] {
            bytes.extend(32u32.to_le_bytes());
            bytes.extend(modulus.to_bytes_le());
        }
        bytes
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Self::prefix();
        for number in [self.variables, self.public, self.rows] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(to_bytes::<g1::Config>(&[self.alpha_g1, self.beta_g1]));
        bytes.extend(to_bytes::<g2::Config>(&[self.beta_g2, self.gamma_g2]));
        bytes.extend(to_bytes::<g1::Config>(&[self.delta_g1]));
        bytes.extend(to_bytes::<g2::Config>(&[self.delta_g2]));
        bytes
    }

    fn read(path: &Path, bytes: &[u8]) -> Result<Self, CeremonyError> {
        let prefix = Self::prefix();
        let rest = bytes
            .strip_prefix(prefix.as_slice())
            .ok_or_else(|| CeremonyError::OtherCurve { path: path.to_owned() })?;
        let damaged = || CeremonyError::damaged(path, "its header is none");
        if rest.len() != 12 + 3 * 64 + 3 * 128 {
            return Err(damaged());
        }
        let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four"));
        let g1 = |at: usize| get::<g1::Config>(&rest[at..at + 64]).filter(|p| !p.is_zero());
        let g2 = |at: usize| get::<g2::Config>(&rest[at..at + 128]).filter(|p| !p.is_zero());
        let points = || {
            Some(Self {
                variables: number(0),
                public: number(4),
                rows: number(8),
                alpha_g1: g1(12)?,
                beta_g1: g1(76)?,
                beta_g2: g2(140)?,
                gamma_g2: g2(268)?,
                delta_g1: g1(396)?,
                delta_g2: g2(460)?,
            })
        };
        let not_a_point =
            || CeremonyError::NotAPoint { path: path.to_owned(), section: "2 (header)" };
        let header = points().ok_or_else(not_a_point)?;
        let fits = header.rows.is_power_of_two() && header.public < header.variables;
        if fits { Ok(header) } else { Err(damaged()) }
    }
}

impl Zkey {
    /// Opens a file, reads its header and its contributions, and compares the sections' lengths.
    /// Points of the large sections are not looked at yet, and nothing is verified.
    ///
    /// # Errors
    /// When it cannot be read, is no `.zkey` of Groth16 over BN254, or sections have other lengths than
    /// the header says.
    pub fn open(path: &Path) -> Result<Self, CeremonyError> {
        let file = BinaryFile::open(path, "zkey", 2)?;
        if file.small(1, 4)? != 1u32.to_le_bytes() {
            return Err(CeremonyError::OtherCurve { path: path.to_owned() });
        }
        let header = Header::read(path, &file.small(HEADER, HEADER_BYTES_MAX)?)?;
        let chain = Chain::read(path, &file.small(CHAIN, CHAIN_BYTES_MAX)?)?;
        let [variables, public, rows] =
            [header.variables, header.public, header.rows].map(u64::from);
        let (g1, g2) = (g1::Config::BYTES as u64, g2::Config::BYTES as u64);
        for ((section, _), bytes) in [
            (PUBLIC, (public + 1) * g1),
            (A, variables * g1),
            (B_G1, variables * g1),
            (B_G2, variables * g2),
            (L, (variables - public - 1) * g1),
            (H, rows * g1),
        ] {
            if file.bytes_of(section)? != bytes {
                return Err(CeremonyError::damaged(path, "a section has the wrong length"));
            }
        }
        Ok(Self { file, header, chain })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Whether the sizes are those of a circuit.
    pub(crate) fn check_size(&self, size: &Size) -> Result<(), CeremonyError> {
        let Header { variables, public, rows, .. } = self.header;
        for (found, expected, what) in [
            (variables, size.variables, "the number of variables"),
            (public, size.public, "the number of public inputs"),
            (rows, size.rows(), "the domain"),
        ] {
            if found as usize != expected {
                return Err(CeremonyError::other_circuit(self.path(), what));
            }
        }
        Ok(())
    }

    /// All points of a section. For large circuits, several hundred megabytes.
    pub(crate) fn points<P: Group>(
        &self,
        section: Section,
    ) -> Result<Vec<ark_ec::short_weierstrass::Affine<P>>, CeremonyError> {
        let count = self.file.bytes_of(section.0)? as usize / P::BYTES;
        PointReader::new::<P>(&self.file, section, 0)?.take::<P>(count)
    }

    /// How many points a section has.
    pub(crate) fn count<P: Group>(&self, section: Section) -> Result<usize, CeremonyError> {
        Ok(self.file.bytes_of(section.0)? as usize / P::BYTES)
    }

    /// The verifying key.
    ///
    /// # Errors
    /// When its points cannot be read.
    pub fn verifying_key(&self) -> Result<VerifyingKey, CeremonyError> {
        let Header { alpha_g1, beta_g2, gamma_g2, delta_g2, .. } = self.header;
        let gamma_abc_g1 = self.points::<g1::Config>(PUBLIC)?;
        Ok(VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1 })
    }
}

/// Starts a `.zkey` with its two headers.
pub(crate) fn create(path: &Path, header: Header) -> Result<BinaryWriter, CeremonyError> {
    let mut writer = BinaryWriter::create(path, "zkey", 1, 10)?;
    writer.section(1, &1u32.to_le_bytes())?;
    writer.section(HEADER, &header.to_bytes())?;
    Ok(writer)
}
