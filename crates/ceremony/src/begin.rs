//! The beginning of a ceremony: δ is one. From the same circuit and the same powers of τ anybody makes
//! the same file, byte for byte, snarkjs's `groth16 setup` included.

use std::path::Path;

use aep2_circuits::system::Circuit;
use ark_bn254::{G1Affine, G2Affine, g1, g2};
use ark_ec::{
    AffineRepr, CurveGroup,
    short_weierstrass::{Affine, Projective},
};
use rayon::prelude::*;

use crate::{
    binary_file::BinaryWriter,
    circuit::{Coefficient, Size, coefficients},
    columns::{Column, Columns},
    contribution::Chain,
    error::CeremonyError,
    hash::{Hash, Hasher},
    points::{CHUNK, Group, to_bytes},
    progress::{Step, Watch},
    ptau::{
        LAGRANGE_ALPHA_TAU, LAGRANGE_BETA_TAU, LAGRANGE_TAU_G1, LAGRANGE_TAU_G2, Ptau, Secrets,
    },
    zkey::{self, A, B_G1, B_G2, CHAIN, COEFFICIENTS, H, Header, L, PUBLIC},
};

/// Makes the beginning of a ceremony for `circuit` from powers of τ, which are checked, and gives its
/// circuit hash. The file appears complete under its name, or not at all.
///
/// # Errors
/// When the powers are too few, not prepared, or wrong; or a file cannot be read or written.
pub fn begin(
    circuit: &impl Circuit,
    ptau: &Ptau,
    path: &Path,
    watch: &dyn Watch,
) -> Result<Hash, CeremonyError> {
    let size = Size::of(circuit)?;
    let secrets = ptau.check(&size, watch)?;
    ptau.check_lagrange(&size, watch)?;

    watch.step(Step::Circuit, 0, 1);
    let columns = Columns::of(circuit, &size);
    watch.step(Step::Circuit, 1, 1);

    let header = header(&size, &secrets);
    let mut hasher = Hasher::new();
    hash_header(&mut hasher, &header);
    let mut writer = zkey::create(path, header)?;
    put_coefficients(&mut writer, circuit, &size)?;

    let tau = ptau.lagrange::<g1::Config>(LAGRANGE_TAU_G1, size.power)?;
    let alpha = ptau.lagrange::<g1::Config>(LAGRANGE_ALPHA_TAU, size.power)?;
    let beta = ptau.lagrange::<g1::Config>(LAGRANGE_BETA_TAU, size.power)?;
    let bound = [(&columns.a, &beta[..]), (&columns.b, &alpha[..]), (&columns.c, &tau[..])];
    let progress = Counting::new(&size, watch);
    let mut lists = Lists { writer: &mut writer, hasher: &mut hasher, columns: &columns, progress };
    let first_witness = 1 + size.public;
    lists.put::<g1::Config>(PUBLIC.0, 0..first_witness, &bound)?;
    put_h(lists.writer, ptau, &size)?;
    hash_h(lists.hasher, ptau, &size)?;
    lists.put::<g1::Config>(L.0, first_witness..size.variables, &bound)?;
    lists.put::<g1::Config>(A.0, 0..size.variables, &[(&columns.a, &tau)])?;
    lists.put::<g1::Config>(B_G1.0, 0..size.variables, &[(&columns.b, &tau)])?;
    drop((tau, alpha, beta));
    let tau = ptau.lagrange::<g2::Config>(LAGRANGE_TAU_G2, size.power)?;
    lists.put::<g2::Config>(B_G2.0, 0..size.variables, &[(&columns.b, &tau)])?;

    let circuit_hash = hasher.finish();
    writer.section(CHAIN, &Chain { circuit_hash, contributions: Vec::new() }.to_bytes())?;
    writer.finish()?;
    Ok(circuit_hash)
}

/// The header of a beginning.
pub(crate) fn header(size: &Size, secrets: &Secrets) -> Header {
    Header {
        variables: size.variables as u32,
        public: size.public as u32,
        rows: size.rows() as u32,
        alpha_g1: secrets.alpha_g1,
        beta_g1: secrets.beta_g1,
        beta_g2: secrets.beta_g2,
        gamma_g2: G2Affine::generator(),
        delta_g1: G1Affine::generator(),
        delta_g2: G2Affine::generator(),
    }
}

/// Hashes what the circuit hash has of the header.
pub(crate) fn hash_header(hasher: &mut Hasher, header: &Header) {
    hasher.points::<g1::Config>(&[header.alpha_g1, header.beta_g1]);
    hasher.points::<g2::Config>(&[header.beta_g2, header.gamma_g2]);
    hasher.points::<g1::Config>(&[header.delta_g1]);
    hasher.points::<g2::Config>(&[header.delta_g2]);
}

/// Hashes what the circuit hash has of `H`: `τⁱ·Z(τ)` rather than the section's points.
///
/// snarkjs hashes `n − 1` of them up to `n = 2^14`, and from `2^15` on all `n`: its chunks of 2^14 are
/// not cut at the end.
pub(crate) fn hash_h(hasher: &mut Hasher, ptau: &Ptau, size: &Size) -> Result<(), CeremonyError> {
    const HASHED_TO_THE_LAST: usize = 1 << 15;

    let rows = size.rows();
    hasher.number(rows - 1);
    let mut left = if rows < HASHED_TO_THE_LAST { rows - 1 } else { rows };
    let (mut low, mut high) = (ptau.powers(0)?, ptau.powers(rows)?);
    while left > 0 {
        let chunk = left.min(CHUNK);
        let low: Vec<G1Affine> = low.take::<g1::Config>(chunk)?;
        let high: Vec<G1Affine> = high.take::<g1::Config>(chunk)?;
        let differences: Vec<_> =
            high.par_iter().zip(&low).map(|(high, low)| *high - *low).collect();
        hasher.points::<g1::Config>(&Projective::normalize_batch(&differences));
        left -= chunk;
    }
    Ok(())
}

fn put_coefficients(
    writer: &mut BinaryWriter,
    circuit: &impl Circuit,
    size: &Size,
) -> Result<(), CeremonyError> {
    const BUFFER_BYTES: usize = 1 << 22;

    let mut count = 0u32;
    coefficients(circuit, size, |_| count += 1);
    writer.begin(COEFFICIENTS.0)?;
    let mut buffer = count.to_le_bytes().to_vec();
    let mut written = Ok(());
    coefficients(circuit, size, |coefficient: Coefficient| {
        coefficient.put(&mut buffer);
        if buffer.len() >= BUFFER_BYTES && written.is_ok() {
            written = writer.put(&buffer);
            buffer.clear();
        }
    });
    written?;
    writer.put(&buffer)?;
    writer.end()
}

/// The odd roots' Lagrange polynomials of the doubled domain.
fn put_h(writer: &mut BinaryWriter, ptau: &Ptau, size: &Size) -> Result<(), CeremonyError> {
    let double = ptau.lagrange::<g1::Config>(LAGRANGE_TAU_G1, size.power + 1)?;
    let odd: Vec<G1Affine> = double.into_iter().skip(1).step_by(2).collect();
    writer.section(H.0, &to_bytes::<g1::Config>(&odd))
}

/// Points that are made, over all lists.
struct Counting<'a> {
    watch: &'a dyn Watch,
    done: u64,
    total: u64,
}

impl<'a> Counting<'a> {
    fn new(size: &Size, watch: &'a dyn Watch) -> Self {
        let total = 4 * size.variables as u64;
        watch.step(Step::Begin, 0, total);
        Self { watch, done: 0, total }
    }

    fn add(&mut self, points: usize) {
        self.done += points as u64;
        self.watch.step(Step::Begin, self.done, self.total);
    }
}

/// Makes lists of points, writes and hashes them.
struct Lists<'a> {
    writer: &'a mut BinaryWriter,
    hasher: &'a mut Hasher,
    columns: &'a Columns,
    progress: Counting<'a>,
}

impl Lists<'_> {
    fn put<P: Group>(
        &mut self,
        section: u32,
        variables: std::ops::Range<usize>,
        parts: &[(&Column, &[Affine<P>])],
    ) -> Result<(), CeremonyError> {
        const VARIABLES_AT_ONCE: usize = 1 << 13;

        self.hasher.number(variables.len());
        self.writer.begin(section)?;
        let mut next = variables.start;
        while next < variables.end {
            let end = variables.end.min(next + VARIABLES_AT_ONCE);
            let sums: Vec<Projective<P>> = (next..end)
                .into_par_iter()
                .map(|variable| self.columns.sum(variable, parts))
                .collect();
            let points = Projective::normalize_batch(&sums);
            self.hasher.points::<P>(&points);
            self.writer.put(&to_bytes::<P>(&points))?;
            self.progress.add(end - next);
            next = end;
        }
        self.writer.end()
    }
}
