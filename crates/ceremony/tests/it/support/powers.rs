//! Powers of τ from secrets that are known: for tests only, and so not in the crate.
//!
//! The file has one contribution, that of these secrets, and is made from the definition, not with the
//! crate's own reading of the format; snarkjs verifies it.

use std::{fs, path::Path};

use aep2_ceremony::{
    points::{to_bytes, to_hashed},
    snarkjs_random::hash_to_g2,
};
use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective, g1, g2};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, ScalarMul};
use ark_ff::{BigInteger, PrimeField, UniformRand, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use blake2::{Blake2b512, Digest};
use rand::{SeedableRng, rngs::StdRng};

/// What nobody may know.
#[derive(Clone, Copy)]
pub(crate) struct Secrets {
    pub(crate) tau: Fr,
    pub(crate) alpha: Fr,
    pub(crate) beta: Fr,
}

impl Secrets {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = || Fr::rand(&mut rng);
        Self { tau: draw(), alpha: draw(), beta: draw() }
    }
}

/// Writes a file of `2^power` powers, prepared for phase 2 or not.
pub(crate) fn write(path: &Path, power: u32, secrets: &Secrets, prepared: bool) {
    write_prepared_from(path, power, secrets, prepared.then_some(0));
}

/// The same, prepared for domains of `2^first` roots and more; infinity stands for smaller ones' points.
pub(crate) fn write_prepared_from(path: &Path, power: u32, secrets: &Secrets, first: Option<u32>) {
    let count = 1usize << power;
    let mut powers = vec![Fr::from(1u64)];
    for index in 0..2 * count - 2 {
        powers.push(powers[index] * secrets.tau);
    }
    let times = |factor: Fr| powers[..count].iter().map(|p| *p * factor).collect::<Vec<Fr>>();
    let (alpha, beta) = (times(secrets.alpha), times(secrets.beta));
    let mut sections = vec![
        (1, header(power)),
        (2, in_g1(&powers)),
        (3, in_g2(&powers[..count])),
        (4, in_g1(&alpha)),
        (5, in_g1(&beta)),
        (6, in_g2(&[secrets.beta])),
    ];
    sections.push((7, contributions(secrets, power, &powers, &alpha, &beta)));
    if let Some(first) = first {
        let lagrange = |powers: &[Fr], last| lagrange(powers, first, last);
        sections.extend([
            (12, in_g1(&lagrange(&powers, power + 1))),
            (13, in_g2(&lagrange(&powers, power))),
            (14, in_g1(&lagrange(&alpha, power))),
            (15, in_g1(&lagrange(&beta, power))),
        ]);
    }
    let mut file = b"ptau".to_vec();
    file.extend(1u32.to_le_bytes());
    file.extend((sections.len() as u32).to_le_bytes());
    for (number, content) in sections {
        file.extend((number as u32).to_le_bytes());
        file.extend((content.len() as u64).to_le_bytes());
        file.extend(content);
    }
    fs::write(path, file).unwrap();
}

fn header(power: u32) -> Vec<u8> {
    let mut bytes = 32u32.to_le_bytes().to_vec();
    bytes.extend(Fq::MODULUS.to_bytes_le());
    bytes.extend(power.to_le_bytes());
    bytes.extend(power.to_le_bytes());
    bytes
}

fn g1_points(scalars: &[Fr]) -> Vec<G1Affine> {
    G1Projective::generator().batch_mul(scalars)
}

fn g2_points(scalars: &[Fr]) -> Vec<G2Affine> {
    G2Projective::generator().batch_mul(scalars)
}

fn in_g1(scalars: &[Fr]) -> Vec<u8> {
    to_bytes::<g1::Config>(&g1_points(scalars))
}

fn in_g2(scalars: &[Fr]) -> Vec<u8> {
    to_bytes::<g2::Config>(&g2_points(scalars))
}

/// Domains with 1, 2, 4, … up to `2^last` roots; the power that is missing in the last is zero.
fn lagrange(powers: &[Fr], first: u32, last: u32) -> Vec<Fr> {
    let smaller = vec![Fr::zero(); (1 << first) - 1];
    let own = (first..=last).flat_map(|power| {
        let domain = Radix2EvaluationDomain::<Fr>::new(1 << power).unwrap();
        let mut values: Vec<Fr> = powers.iter().take(1 << power).copied().collect();
        values.resize(1 << power, Fr::zero());
        // Σₖ xᵏ·ω^(−ik)/n: the transform back, of powers for coefficients.
        domain.ifft_in_place(&mut values);
        values
    });
    smaller.into_iter().chain(own).collect()
}

fn contributions(
    secrets: &Secrets,
    power: u32,
    powers: &[Fr],
    alpha: &[Fr],
    beta: &[Fr],
) -> Vec<u8> {
    let Secrets { tau, alpha: a, beta: b } = *secrets;
    let (one_g1, one_g2) = (G1Affine::generator(), G2Affine::generator());
    let challenge = first_challenge(power);
    let s = g1_points(&[Fr::from(5u64), Fr::from(6u64), Fr::from(7u64)]);
    let (mut g1, mut g2) = (Vec::new(), Vec::new());
    for (index, secret) in [tau, a, b].into_iter().enumerate() {
        let s_times = (s[index] * secret).into_affine();
        let mut hash = Blake2b512::new();
        hash.update([index as u8]);
        hash.update(challenge);
        hash.update(to_hashed::<g1::Config>(&[s[index], s_times]));
        let p: G2Affine = hash_to_g2(&hash.finalize().into());
        g1.extend([s[index], s_times]);
        g2.push((p * secret).into_affine());
    }
    let mut bytes = 1u32.to_le_bytes().to_vec();
    let after = |scalar: Fr| (one_g1 * scalar).into_affine();
    bytes.extend(to_bytes::<g1::Config>(&[after(tau)]));
    bytes.extend(to_bytes::<g2::Config>(&[(one_g2 * tau).into_affine()]));
    bytes.extend(to_bytes::<g1::Config>(&[after(a), after(b)]));
    bytes.extend(to_bytes::<g2::Config>(&[(one_g2 * b).into_affine()]));
    bytes.extend(to_bytes::<g1::Config>(&g1));
    bytes.extend(to_bytes::<g2::Config>(&g2));
    bytes.extend(nothing_hashed_yet());

    let mut response = Blake2b512::new();
    response.update(to_hashed::<g1::Config>(&g1));
    response.update(to_hashed::<g2::Config>(&g2));
    let mut next = Blake2b512::new();
    next.update(response.finalize());
    next.update(to_hashed::<g1::Config>(&g1_points(powers)));
    next.update(to_hashed::<g2::Config>(&g2_points(&powers[..1 << power])));
    next.update(to_hashed::<g1::Config>(&g1_points(alpha)));
    next.update(to_hashed::<g1::Config>(&g1_points(beta)));
    next.update(to_hashed::<g2::Config>(&g2_points(&[b])));
    bytes.extend(next.finalize());
    bytes.extend([0; 8]);
    bytes
}

/// The hash of the powers of one.
fn first_challenge(power: u32) -> [u8; 64] {
    let one_g1 = to_hashed::<g1::Config>(&[G1Affine::generator()]);
    let one_g2 = to_hashed::<g2::Config>(&[G2Affine::generator()]);
    let count = 1usize << power;
    let mut hash = Blake2b512::new();
    hash.update(Blake2b512::new().finalize());
    hash.update(one_g1.repeat(2 * count - 1));
    hash.update(one_g2.repeat(count));
    hash.update(one_g1.repeat(2 * count));
    hash.update(&one_g2);
    hash.finalize().into()
}

/// A file has BLAKE2b's state after the powers, before the contributor's points. A state that has seen
/// nothing will do: no verifier can tell, and the powers are hashed into the next challenge.
fn nothing_hashed_yet() -> [u8; 216] {
    const IV: [u64; 8] = [
        0x6a09_e667_f3bc_c908 ^ 0x0101_0040,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ];
    let mut state = [0u8; 216];
    let words: Vec<u8> = IV.iter().flat_map(|word| word.to_le_bytes()).collect();
    state[128..192].copy_from_slice(&words);
    state
}
