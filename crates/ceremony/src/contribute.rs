//! Binding a plan into phase 2, contributing to it, and closing it with a beacon.
//!
//! # Look before you multiply
//!
//! A contributor multiplies what he is given, and a file can hold anything. Somebody hands him one in
//! which L has points of the *public inputs*; with those, divided by his secret, one can exchange public
//! inputs in proofs under the honest ceremony's key, though the secret stays secret. Therefore
//! [`contribute`] demands a [`Verified`] file: one that was compared with the ceremony's beginning.

use std::path::Path;

use ark_bn254::{Fr, G1Affine, g1};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, One, PrimeField, Zero};
use rand::{RngCore, rngs::OsRng};
use zeroize::Zeroizing;

use crate::{
    announcement::{self, ANNOUNCEMENT_NAME},
    binary_file::BinaryWriter,
    contribution::{NAME_BYTES_MAX, Secret, Source},
    error::CeremonyError,
    hash::{Hash, Hasher},
    points::{CHUNK, PointReader, scaled, to_bytes},
    progress::{Step, Watch},
    ptau::Section,
    verify::Verified,
    zkey::{self, A, B_G1, B_G2, CHAIN, COEFFICIENTS, H, L, PUBLIC, Zkey},
};

/// What a person types has at least so many characters.
pub const ENTROPY_CHARACTERS_MIN: usize = 16;

/// Binds the plan into the ceremony: writes the state after its `announcement` to
/// `path`, and gives that contribution's hash. Anybody makes the same file again.
///
/// # Errors
/// When `initial` is not a beginning, or a file cannot be read or written.
pub fn announce(initial: &Verified, path: &Path, watch: &dyn Watch) -> Result<Hash, CeremonyError> {
    if !initial.zkey().chain.contributions.is_empty() {
        return Err(CeremonyError::NotTheBeginning { path: initial.zkey().path().to_owned() });
    }
    let (secret, source) = announcement::secret(initial.plan());
    let name = Some(ANNOUNCEMENT_NAME.to_owned());
    apply(initial.zkey(), &secret, source, name, path, watch)
}

/// Contributes: writes `before` with a fresh secret to `path`, and gives the contribution's hash.
///
/// The secret is drawn from the system's randomness and from `typed`, what the person typed: it is
/// unknown if one of the two is. It is wiped before this returns, as is what it was made from; copies that
/// hash functions and curve arithmetic make on the stack are not. Tell people the hash: it is how they
/// find your contribution in the final file.
///
/// # Errors
/// When the ceremony is closed or has no plan in it, too little was typed, the name is unfit, or a file
/// cannot be read or written.
pub fn contribute(
    before: &Verified,
    typed: &Zeroizing<String>,
    name: Option<&str>,
    path: &Path,
    watch: &dyn Watch,
) -> Result<Hash, CeremonyError> {
    if typed.chars().count() < ENTROPY_CHARACTERS_MIN {
        return Err(CeremonyError::Entropy(ENTROPY_CHARACTERS_MIN));
    }
    if before.zkey().chain.contributions.is_empty() {
        return Err(CeremonyError::NotAnnounced { path: before.zkey().path().to_owned() });
    }
    let secret = draw(typed);
    apply(before.zkey(), &secret, Source::Person, checked_name(name)?, path, watch)
}

/// Closes the ceremony with the secret that a public random value gives, and gives the contribution's
/// hash. Whether the value was named in advance and is known by now is
/// [`Plan::check_beacon`](crate::plan::Plan::check_beacon)'s to say.
///
/// # Errors
/// When the ceremony is closed or nobody contributed, the value or the exponent are unfit, or a file
/// cannot be read or written.
pub fn close(
    before: &Verified,
    value: &[u8],
    exponent: u8,
    path: &Path,
    watch: &dyn Watch,
) -> Result<Hash, CeremonyError> {
    if before.zkey().chain.contributions.len() < 2 {
        let path = before.zkey().path().to_owned();
        return Err(CeremonyError::Unfinished { path, reason: "nobody contributed" });
    }
    let secret = Secret::of_beacon(value, exponent, watch)?;
    let source = Source::Beacon { value: value.to_vec(), exponent };
    apply(before.zkey(), &secret, source, None, path, watch)
}

fn checked_name(name: Option<&str>) -> Result<Option<String>, CeremonyError> {
    let Some(name) = name else { return Ok(None) };
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
    if fits { Ok(Some(name.to_owned())) } else { Err(CeremonyError::Name(name.to_owned())) }
}

/// A secret that is neither zero nor one, and a random point.
fn draw(typed: &Zeroizing<String>) -> Secret {
    let mut seed = Zeroizing::new([0u8; 64]);
    loop {
        OsRng.fill_bytes(&mut *seed);
        let value = scalar(b"aep2 ceremony: secret", &seed, typed);
        let logarithm = scalar(b"aep2 ceremony: point", &seed, typed);
        if !value.is_zero() && !value.is_one() && !logarithm.is_zero() {
            let s = (G1Affine::generator() * *logarithm).into_affine();
            return Secret::new(value, s);
        }
    }
}

fn scalar(purpose: &[u8], seed: &[u8; 64], typed: &Zeroizing<String>) -> Zeroizing<Fr> {
    let mut hasher = Hasher::new();
    hasher.number(purpose.len()).bytes(purpose).bytes(seed).bytes(typed.as_bytes());
    let hash = Zeroizing::new(hasher.finish());
    // 512 bits for 254: no scalar is noticeably likelier than another.
    Zeroizing::new(Fr::from_le_bytes_mod_order(&*hash))
}

fn apply(
    before: &Zkey,
    secret: &Secret,
    source: Source,
    name: Option<String>,
    path: &Path,
    watch: &dyn Watch,
) -> Result<Hash, CeremonyError> {
    if before.chain.is_closed() {
        return Err(CeremonyError::Closed { path: before.path().to_owned() });
    }
    let mut chain = before.chain.clone();
    chain.push(secret, &before.header.delta_g1, source, name);
    let contribution = chain.contributions.last().expect("one was pushed");
    let hash = contribution.hash();

    let mut header = before.header;
    header.delta_g1 = contribution.delta_after;
    header.delta_g2 = (header.delta_g2 * *secret.value).into_affine();
    let mut writer = zkey::create(path, header)?;
    for (section, _) in [PUBLIC, COEFFICIENTS, A, B_G1, B_G2] {
        writer.copy(&before.file, section)?;
    }
    let inverse = Zeroizing::new(secret.value.inverse().expect("a secret is not zero"));
    let total = [L, H].into_iter().try_fold(0, |sum, section| {
        Ok::<_, CeremonyError>(sum + before.count::<g1::Config>(section)? as u64)
    })?;
    let mut multiplying = Multiplying { before, factor: &inverse, watch, done: 0, total };
    multiplying.section(&mut writer, L)?;
    multiplying.section(&mut writer, H)?;
    writer.section(CHAIN, &chain.to_bytes())?;
    writer.finish()?;
    Ok(hash)
}

/// Sections, piece by piece through memory.
struct Multiplying<'a> {
    before: &'a Zkey,
    factor: &'a Fr,
    watch: &'a dyn Watch,
    done: u64,
    total: u64,
}

impl Multiplying<'_> {
    fn section(
        &mut self,
        writer: &mut BinaryWriter,
        section: Section,
    ) -> Result<(), CeremonyError> {
        let mut left = self.before.count::<g1::Config>(section)?;
        let mut reader = PointReader::new::<g1::Config>(&self.before.file, section, 0)?;
        writer.begin(section.0)?;
        while left > 0 {
            self.watch.step(Step::Multiply, self.done, self.total);
            let chunk = left.min(CHUNK);
            let points = reader.take::<g1::Config>(chunk)?;
            writer.put(&to_bytes::<g1::Config>(&scaled(&points, self.factor)))?;
            self.done += chunk as u64;
            left -= chunk;
        }
        self.watch.step(Step::Multiply, self.done, self.total);
        writer.end()
    }
}
