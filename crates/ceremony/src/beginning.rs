//! Checking a ceremony's beginning without making it again.
//!
//! To make it takes a multiplication for each coefficient of the circuit. To check it, one random
//! linear combination of each section is enough. With random `rⱼ`, for the section of `Aⱼ`:
//!
//! ```text
//! Σⱼ rⱼ · Aⱼ(τ)  =  Σᵢ (Σⱼ aᵢⱼ·rⱼ) · ℓᵢ(τ)  =  Σₖ cₖ · τᵏ
//! ```
//!
//! where `aᵢⱼ` is the coefficient of variable `j` in row `i`, `ℓᵢ` the Lagrange basis, and `c` the
//! coefficients of the polynomial that has the values of the rows under the assignment `r`. So the
//! circuit is run once, on scalars, and the powers of τ are used as they are: the file need not be
//! prepared.

use aep2_circuits::system::Circuit;
use ark_bn254::{Fr, G1Affine, g1, g2};
use ark_ec::{CurveGroup, short_weierstrass::Affine};
use ark_ff::Zero;

use crate::{
    begin::{hash_h, hash_header, header},
    circuit::{Coefficient, Rows, Size, coefficients, random_scalars},
    error::CeremonyError,
    hash::{Hash, Hasher},
    points::{CHUNK, Group, PointReader, sum_of_section},
    progress::{Step, Watch},
    ptau::{ALPHA_TAU, BETA_TAU, Ptau, Section, TAU_G1, TAU_G2},
    zkey::{A, B_G1, B_G2, COEFFICIENTS, H, L, PUBLIC, Zkey},
};

/// Checks that `initial` is the beginning of a ceremony for `circuit` with these powers of τ, which are
/// checked as well, and gives its circuit hash.
///
/// # Errors
/// When it is not: see [`CeremonyError`].
pub fn check_beginning(
    circuit: &impl Circuit,
    ptau: &Ptau,
    initial: &Zkey,
    watch: &dyn Watch,
) -> Result<Hash, CeremonyError> {
    let size = Size::of(circuit)?;
    initial.check_size(&size)?;
    if !initial.chain.contributions.is_empty() {
        return Err(CeremonyError::NotTheBeginning { path: initial.path().to_owned() });
    }
    let secrets = ptau.check(&size, watch)?;
    if initial.header != header(&size, &secrets) {
        return Err(other_points(initial, "2 (header)"));
    }
    check_coefficients(circuit, &size, initial)?;
    check_points(circuit, &size, ptau, initial, watch)?;
    check_circuit_hash(&size, ptau, initial, watch)
}

fn other_points(initial: &Zkey, section: &'static str) -> CeremonyError {
    CeremonyError::OtherPoints { path: initial.path().to_owned(), section }
}

/// The coefficients are compared one by one: other provers compute with them.
pub(crate) fn check_coefficients(
    circuit: &impl Circuit,
    size: &Size,
    zkey: &Zkey,
) -> Result<(), CeremonyError> {
    let differs = || CeremonyError::other_circuit(zkey.path(), "a coefficient");
    let mut count = 0u32;
    coefficients(circuit, size, |_| count += 1);
    let bytes = 4 + u64::from(count) * Coefficient::BYTES as u64;
    if zkey.file.bytes_of(COEFFICIENTS.0)? != bytes {
        return Err(differs());
    }
    let mut reader = zkey.file.reader(COEFFICIENTS.0, 0)?;
    let mut expected = count.to_le_bytes().to_vec();
    let mut same = Ok(true);
    let mut compare = |expected: &mut Vec<u8>| {
        if let Ok(true) = same {
            same = reader.take(expected.len()).map(|found| found == *expected);
        }
        expected.clear();
    };
    coefficients(circuit, size, |coefficient| {
        coefficient.put(&mut expected);
        if expected.len() >= CHUNK {
            compare(&mut expected);
        }
    });
    compare(&mut expected);
    if same? { Ok(()) } else { Err(differs()) }
}

fn check_points(
    circuit: &impl Circuit,
    size: &Size,
    ptau: &Ptau,
    initial: &Zkey,
    watch: &dyn Watch,
) -> Result<(), CeremonyError> {
    let steps = Steps { watch, total: 7 };
    let (public, witness) = random_by_kind(size);
    steps.done(0);
    let [of_public, of_witness] = Rows::under(circuit, size, [&public, &witness]);
    let all: Vec<Fr> = sum(&public, &witness);
    steps.done(1);

    let first_witness = 1 + size.public;
    let domain = size.domain();
    let bound = |rows: &Rows| -> Result<G1Affine, CeremonyError> {
        let a = ptau.evaluate::<g1::Config>(BETA_TAU, domain, rows.a.clone())?;
        let b = ptau.evaluate::<g1::Config>(ALPHA_TAU, domain, rows.b.clone())?;
        let c = ptau.evaluate::<g1::Config>(TAU_G1, domain, rows.c.clone())?;
        Ok((a + b + c).into_affine())
    };
    compare::<g1::Config>(initial, PUBLIC, &public[..first_witness], bound(&of_public)?)?;
    steps.done(2);
    compare::<g1::Config>(initial, L, &witness[first_witness..], bound(&of_witness)?)?;
    steps.done(3);

    let (a, b) = (sum(&of_public.a, &of_witness.a), sum(&of_public.b, &of_witness.b));
    drop((of_public, of_witness));
    compare(initial, A, &all, ptau.evaluate::<g1::Config>(TAU_G1, domain, a)?)?;
    steps.done(4);
    compare(initial, B_G1, &all, ptau.evaluate::<g1::Config>(TAU_G1, domain, b.clone())?)?;
    steps.done(5);
    compare(initial, B_G2, &all, ptau.evaluate::<g2::Config>(TAU_G2, domain, b)?)?;
    steps.done(6);

    let odd = random_scalars(size.rows());
    let mut values = vec![Fr::zero(); 2 * size.rows()];
    values.iter_mut().skip(1).step_by(2).zip(&odd).for_each(|(value, odd)| *value = *odd);
    let h = ptau.evaluate::<g1::Config>(TAU_G1, size.double_domain(), values)?;
    compare(initial, H, &odd, h)?;
    steps.done(7);
    Ok(())
}

struct Steps<'a> {
    watch: &'a dyn Watch,
    total: u64,
}

impl Steps<'_> {
    fn done(&self, done: u64) {
        self.watch.step(Step::Beginning, done, self.total);
    }
}

/// Random scalars of all variables: those of the public ones and those of the others, zeros elsewhere.
fn random_by_kind(size: &Size) -> (Vec<Fr>, Vec<Fr>) {
    let mut public = random_scalars(size.variables);
    let mut witness = public.clone();
    public[1 + size.public..].fill(Fr::zero());
    witness[..=size.public].fill(Fr::zero());
    (public, witness)
}

fn sum(left: &[Fr], right: &[Fr]) -> Vec<Fr> {
    left.iter().zip(right).map(|(left, right)| *left + right).collect()
}

fn compare<P: Group>(
    initial: &Zkey,
    section: Section,
    scalars: &[Fr],
    expected: Affine<P>,
) -> Result<(), CeremonyError> {
    let found = sum_of_section::<P>(&initial.file, section, 0, scalars)?;
    if found == expected { Ok(()) } else { Err(other_points(initial, section.1)) }
}

/// The circuit hash is made again from the file's points, which are checked.
fn check_circuit_hash(
    size: &Size,
    ptau: &Ptau,
    initial: &Zkey,
    watch: &dyn Watch,
) -> Result<Hash, CeremonyError> {
    let mut hasher = Hasher::new();
    hash_header(&mut hasher, &initial.header);
    hash_section::<g1::Config>(&mut hasher, initial, PUBLIC)?;
    hash_h(&mut hasher, ptau, size)?;
    for section in [L, A, B_G1] {
        hash_section::<g1::Config>(&mut hasher, initial, section)?;
    }
    hash_section::<g2::Config>(&mut hasher, initial, B_G2)?;
    watch.step(Step::Beginning, 7, 7);
    let hash = hasher.finish();
    if hash != initial.chain.circuit_hash {
        return Err(CeremonyError::OtherCeremony { path: initial.path().to_owned() });
    }
    Ok(hash)
}

fn hash_section<P: Group>(
    hasher: &mut Hasher,
    zkey: &Zkey,
    section: Section,
) -> Result<(), CeremonyError> {
    let mut left = zkey.count::<P>(section)?;
    hasher.number(left);
    let mut reader = PointReader::new::<P>(&zkey.file, section, 0)?;
    while left > 0 {
        let chunk = left.min(CHUNK);
        hasher.points::<P>(&reader.take::<P>(chunk)?);
        left -= chunk;
    }
    Ok(())
}
