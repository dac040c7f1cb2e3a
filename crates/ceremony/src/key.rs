//! From a `.zkey` to this project's proving key, and whether a proving key belongs to a ceremony.
//!
//! A, B and H are the same points in both. L is not. Here it has `½·Cⱼ(τ)·Z(τ)/δ` besides, for public
//! variables too ([why](aep2_prover::groth16)). The polynomial `½·Cⱼ·Z` is zero on the domain, and
//! `−Cⱼ(xᵢ)` at the odd root `xᵢ` of the doubled one; so
//!
//! ```text
//! ½·Cⱼ(τ)·Z(τ)/δ  =  −Σᵢ Cⱼ(xᵢ) · Hᵢ  =  Σ_row cⱼ,row · T_row,    T_row = −Σᵢ ℓ_row(xᵢ) · Hᵢ
//! ```
//!
//! The `T_row` come from the `Hᵢ` by a transform from the domain to its odd coset, transposed: one
//! Fourier transform of points, a multiplication by powers of the shift, and one back. That is the one
//! long computation of `finish`, some `n·log n` multiplications of points.
//!
//! To check a key no such transform is needed: a random linear combination of L is compared with one of
//! the `.zkey`'s L and one of H, whose scalars come from a transform of numbers.

use std::path::Path;

use aep2_circuits::system::Circuit;
use aep2_prover::groth16::{ProvingKey, Query, is_forgeable};
use ark_bn254::{Fr, G1Affine, G1Projective, g1, g2};
use ark_ec::{
    AffineRepr, CurveGroup,
    short_weierstrass::{Affine, Projective},
};
use ark_ff::{FftField, Field};
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

use crate::{
    circuit::{Rows, Size, random_scalars},
    columns::Columns,
    error::CeremonyError,
    points::{Group, Sum, sum_of_section},
    progress::{Step, Watch},
    verify::Verified,
    zkey::{A, B_G1, B_G2, H, L, Zkey},
};

/// The proving key, in this project's form, of a verified state of a ceremony.
///
/// # Errors
/// When nobody contributed, or the file is of another circuit or cannot be read.
pub fn proving_key(
    circuit: &impl Circuit,
    state: &Verified,
    watch: &dyn Watch,
) -> Result<ProvingKey, CeremonyError> {
    let zkey = state.zkey();
    let size = Size::of(circuit)?;
    zkey.check_size(&size)?;
    let verifying_key = zkey.verifying_key()?;
    if is_forgeable(&verifying_key) {
        return Err(CeremonyError::Known { path: zkey.path().to_owned(), secret: "δ" });
    }
    watch.step(Step::Key, 0, 5);
    let h = zkey.points::<g1::Config>(H)?;
    let rows = row_points(&size, &h, watch);
    let columns = Columns::of(circuit, &size);
    let mut l = zkey.points::<g1::Config>(L)?;
    l.splice(0..0, std::iter::repeat_n(G1Affine::identity(), 1 + size.public));
    let sums: Vec<G1Projective> = l
        .par_iter()
        .enumerate()
        .map(|(variable, own)| columns.sum(variable, &[(&columns.c, &rows[..])]) + own)
        .collect();
    let l = Projective::normalize_batch(&sums);
    watch.step(Step::Key, 5, 5);
    Ok(ProvingKey {
        verifying_key,
        variables: size.variables as u32,
        constraints: size.constraints as u32,
        beta_g1: zkey.header.beta_g1,
        delta_g1: zkey.header.delta_g1,
        a: query(zkey.points::<g1::Config>(A)?),
        b_g1: query(zkey.points::<g1::Config>(B_G1)?),
        b_g2: query(zkey.points::<g2::Config>(B_G2)?),
        l: query(l),
        h,
    })
}

/// `T_row` for every row.
fn row_points(size: &Size, h: &[G1Affine], watch: &dyn Watch) -> Vec<G1Affine> {
    let domain = size.domain();
    let mut points: Vec<G1Projective> = h.iter().map(|point| point.into_group()).collect();
    domain.fft_in_place(&mut points);
    watch.step(Step::Key, 2, 5);
    let shift = odd_shift(size);
    points.par_chunks_mut(1 << 10).enumerate().for_each(|(chunk, points)| {
        let mut power = -shift.pow([(chunk << 10) as u64]);
        for point in points {
            *point *= power;
            power *= shift;
        }
    });
    watch.step(Step::Key, 3, 5);
    domain.ifft_in_place(&mut points);
    watch.step(Step::Key, 4, 5);
    Projective::normalize_batch(&points)
}

/// The root of the doubled domain that takes the domain to its odd roots.
fn odd_shift(size: &Size) -> Fr {
    Fr::get_root_of_unity(2 * size.rows() as u64).expect("checked by `Size::of`")
}

/// The points that are not infinity, and whose they are.
fn query<P: Group>(points: Vec<Affine<P>>) -> Query<Affine<P>> {
    let (variables, points) = points
        .into_iter()
        .enumerate()
        .filter(|(_, point)| !point.is_zero())
        .map(|(variable, point)| (variable as u32, point))
        .unzip();
    Query { variables, points }
}

/// Checks that a proving key belongs to this circuit and this state of its ceremony, all points of it.
/// `path` is the key's, for errors.
///
/// # Errors
/// [`CeremonyError::OtherPoints`] for the first section that does not.
pub fn check_key(
    circuit: &impl Circuit,
    state: &Verified,
    key: &ProvingKey,
    path: &Path,
    watch: &dyn Watch,
) -> Result<(), CeremonyError> {
    let zkey = state.zkey();
    let size = Size::of(circuit)?;
    zkey.check_size(&size)?;
    let differs = |section| Err(CeremonyError::OtherPoints { path: path.to_owned(), section });
    if is_forgeable(&key.verifying_key) {
        return Err(CeremonyError::Known { path: path.to_owned(), secret: "δ" });
    }
    watch.step(Step::Key, 0, 5);
    if key.verifying_key != zkey.verifying_key()? {
        return differs("verifying key");
    }
    let sizes = (key.variables as usize, key.constraints as usize);
    if sizes != (size.variables, size.constraints) {
        return Err(CeremonyError::other_circuit(path, "the number of variables or constraints"));
    }
    if (key.beta_g1, key.delta_g1) != (zkey.header.beta_g1, zkey.header.delta_g1) {
        return differs("β, δ");
    }
    watch.step(Step::Key, 1, 5);
    if key.a != query(zkey.points::<g1::Config>(A)?) {
        return differs("A");
    }
    watch.step(Step::Key, 2, 5);
    if key.b_g1 != query(zkey.points::<g1::Config>(B_G1)?)
        || key.b_g2 != query(zkey.points::<g2::Config>(B_G2)?)
    {
        return differs("B");
    }
    watch.step(Step::Key, 3, 5);
    if key.h != zkey.points::<g1::Config>(H)? {
        return differs("H");
    }
    watch.step(Step::Key, 4, 5);
    if !same_l(circuit, &size, zkey, &key.l)? {
        return differs("L");
    }
    watch.step(Step::Key, 5, 5);
    Ok(())
}

/// Compares a random linear combination of a key's L with what the `.zkey` gives for it.
fn same_l(
    circuit: &impl Circuit,
    size: &Size,
    zkey: &Zkey,
    l: &Query<G1Affine>,
) -> Result<bool, CeremonyError> {
    let variables = &l.variables;
    let ascending = variables.windows(2).all(|pair| pair[0] < pair[1]);
    let in_range = variables.last().is_none_or(|last| (*last as usize) < size.variables);
    let listed = variables.len() == l.points.len() && ascending && in_range;
    if !listed || !l.points.par_iter().all(|point| point.is_on_curve()) {
        return Ok(false);
    }
    let scalars = random_scalars(size.variables);
    let own: Vec<Fr> = variables.iter().map(|variable| scalars[*variable as usize]).collect();
    let mut found = Sum::<g1::Config>::new();
    found.add(&l.points, &own);

    let [Rows { mut c, .. }] = Rows::under(circuit, size, [&scalars]);
    let coset = size.domain().get_coset(odd_shift(size)).expect("a root of unity is not zero");
    size.domain().ifft_in_place(&mut c);
    coset.fft_in_place(&mut c);
    let quotient = sum_of_section::<g1::Config>(&zkey.file, H, 0, &c)?;
    let witness = sum_of_section::<g1::Config>(&zkey.file, L, 0, &scalars[1 + size.public..])?;
    Ok(found.total() == (witness - quotient).into_affine())
}
