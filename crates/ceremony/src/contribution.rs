//! A contribution to phase 2, and the chain of them: section 10 of a `.zkey`.
//!
//! A contributor draws a secret `d` and multiplies δ by it. What is left of `d` is this:
//!
//! | | | |
//! | --- | --- | --- |
//! | `delta_after` | G1 | δ afterwards |
//! | `s`, `s_times` | G1 | a random point, and `d` times it |
//! | `transcript` | 64 bytes | BLAKE2b of the circuit hash, all contributions before, `s`, `s_times` |
//! | `p_times` | G2 | `d` times the point `p` that `transcript` is hashed to |
//!
//! Nobody knows the logarithm of `p`, so whoever gives `p_times` with the ratio of `s_times` to `s` knew
//! `d` (Bowe, Gabizon, Miers, [2017/1050](https://eprint.iacr.org/2017/1050)); and since `p` depends on
//! all that was before, a contribution cannot be moved to another place or another ceremony.
//!
//! The name, and whether a contribution is the beacon's, are *not* in the hash: that is snarkjs's
//! format. A name is a claim. What binds it is an [attestation](crate::attestation); a public value is
//! bound by its computation.
//!
//! The first contribution is made from the hash of the [plan](crate::announcement), the last one from the
//! beacon's value. Between them are people's.

use std::path::Path;

use ark_bn254::{Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::One;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    error::{BeaconError, CeremonyError, Defect},
    hash::{Hash, Hasher},
    points::{get, to_bytes},
    progress::{Step, Watch},
    ptau::same_ratio,
    snarkjs_random::{SnarkjsRandom, hash_to_g2},
};

/// The most bytes that a name has.
pub const NAME_BYTES_MAX: usize = 64;
/// A value is hashed `2^exponent` times: snarkjs takes no fewer, and beyond the last one nobody waits.
pub const BEACON_EXPONENTS: std::ops::RangeInclusive<u8> = 10..=32;
/// The length of a beacon's value.
pub const BEACON_BYTES: usize = 32;

/// The most contributions that are read. To check one takes some milliseconds.
pub const CONTRIBUTIONS_MAX: usize = 10_000;

const FIXED_BYTES: usize = 3 * 64 + 128 + 64 + 4 + 4;

/// A contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// δ in G1 after it.
    pub delta_after: G1Affine,
    /// A random point.
    pub s: G1Affine,
    /// The secret times `s`.
    pub s_times: G1Affine,
    /// The secret times the point of G2 that `transcript` is hashed to.
    pub p_times: G2Affine,
    /// The hash of all that was before, of `s` and of `s_times`.
    pub transcript: Hash,
    /// Whose secret it is.
    pub source: Source,
    /// A name that somebody gave.
    pub name: Option<String>,
}

/// Whose secret a contribution's is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Somebody's who keeps it, or forgot it.
    Person,
    /// Everybody's: it is computed from a public value, the plan's hash or the beacon's.
    Beacon {
        /// The value.
        value: Vec<u8>,
        /// It is hashed `2^exponent` times.
        exponent: u8,
    },
}

impl Contribution {
    /// The contribution's hash, by which its contributor knows it again. snarkjs prints the same.
    pub fn hash(&self) -> Hash {
        let mut hasher = Hasher::new();
        self.add_to(&mut hasher);
        hasher.finish()
    }

    fn add_to(&self, hasher: &mut Hasher) {
        hasher.points::<g1::Config>(&[self.delta_after, self.s, self.s_times]);
        hasher.points::<g2::Config>(&[self.p_times]).bytes(&self.transcript);
    }

    /// As a `.zkey` has it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        bytes
    }

    /// Reads what [`Self::to_bytes`] writes, and nothing else. Nothing is checked but that points are
    /// points.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let own = Self::take(&mut bytes)?;
        bytes.is_empty().then_some(own)
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(to_bytes::<g1::Config>(&[self.delta_after, self.s, self.s_times]));
        bytes.extend(to_bytes::<g2::Config>(&[self.p_times]));
        bytes.extend(self.transcript);
        let mut parameters = Vec::new();
        if let Some(name) = &self.name {
            parameters.extend([1, name.len() as u8]);
            parameters.extend(name.as_bytes());
        }
        let kind = match &self.source {
            Source::Person => 0u32,
            Source::Beacon { value, exponent } => {
                parameters.extend([2, *exponent, 3, value.len() as u8]);
                parameters.extend(value);
                1
            }
        };
        bytes.extend(kind.to_le_bytes());
        bytes.extend((parameters.len() as u32).to_le_bytes());
        bytes.extend(parameters);
    }

    /// Takes a contribution from the front of `bytes`. None when there is none.
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
        let g1 = |index: usize| get::<g1::Config>(&fixed[64 * index..64 * (index + 1)]);
        let number = |at: usize| Some(u32::from_le_bytes(fixed[at..at + 4].try_into().ok()?));
        let (kind, length) = (number(FIXED_BYTES - 8)?, number(FIXED_BYTES - 4)?);
        let (parameters, rest) = rest.split_at_checked(length as usize)?;
        let (source, name) = get_parameters(kind, parameters)?;
        *bytes = rest;
        Some(Self {
            delta_after: g1(0)?,
            s: g1(1)?,
            s_times: g1(2)?,
            p_times: get::<g2::Config>(&fixed[192..320])?,
            transcript: fixed[320..384].try_into().ok()?,
            source,
            name,
        })
    }
}

/// A name (1), and of the beacon an exponent (2) and a value (3), in this order.
fn get_parameters(kind: u32, mut bytes: &[u8]) -> Option<(Source, Option<String>)> {
    let mut take = |tag: u8, length: Option<usize>| -> Option<Option<Vec<u8>>> {
        if bytes.first() != Some(&tag) {
            return Some(None);
        }
        let head = if length.is_some() { 1 } else { 2 };
        let length = length.or_else(|| bytes.get(1).map(|length| usize::from(*length)))?;
        let (content, rest) = bytes.get(head..)?.split_at_checked(length)?;
        bytes = rest;
        Some(Some(content.to_vec()))
    };
    let name = take(1, None)?;
    let exponent = take(2, Some(1))?;
    let value = take(3, None)?;
    if !bytes.is_empty() {
        return None;
    }
    let source = match (kind, exponent, value) {
        (0, None, None) => Source::Person,
        (1, Some(exponent), Some(value)) => Source::Beacon { value, exponent: exponent[0] },
        _ => return None,
    };
    let name = name.map(String::from_utf8).transpose().ok()?;
    Some((source, name))
}

/// A ceremony's circuit hash and its contributions, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The hash of the ceremony's beginning.
    pub circuit_hash: Hash,
    /// The contributions.
    pub contributions: Vec<Contribution>,
}

impl Chain {
    /// The content of section 10.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.circuit_hash.to_vec();
        bytes.extend((self.contributions.len() as u32).to_le_bytes());
        self.contributions.iter().for_each(|contribution| contribution.put(&mut bytes));
        bytes
    }

    /// Reads section 10 of the file at `path`.
    pub(crate) fn read(path: &Path, mut bytes: &[u8]) -> Result<Self, CeremonyError> {
        let damaged = || CeremonyError::damaged(path, "its contributions are not readable");
        let (head, rest) = bytes.split_at_checked(64 + 4).ok_or_else(damaged)?;
        bytes = rest;
        let circuit_hash = head[..64].try_into().expect("64 bytes");
        let count = u32::from_le_bytes(head[64..].try_into().expect("four bytes"));
        if count as usize > CONTRIBUTIONS_MAX {
            return Err(CeremonyError::damaged(path, "it has too many contributions"));
        }
        let mut contributions = Vec::new();
        for _ in 0..count {
            contributions.push(Contribution::take(&mut bytes).ok_or_else(damaged)?);
        }
        if !bytes.is_empty() {
            return Err(damaged());
        }
        Ok(Self { circuit_hash, contributions })
    }

    /// Whether the last contribution is the beacon's. The first one is the plan's.
    pub fn is_closed(&self) -> bool {
        let after_plan = self.contributions.get(1..).and_then(<[_]>::last);
        after_plan.is_some_and(|last| matches!(last.source, Source::Beacon { .. }))
    }

    /// A hash that has taken in all there is so far.
    fn hasher(&self) -> Hasher {
        let mut hasher = Hasher::new();
        hasher.bytes(&self.circuit_hash);
        self.contributions.iter().for_each(|contribution| contribution.add_to(&mut hasher));
        hasher
    }

    /// Adds the contribution of a secret, where δ was `delta`.
    pub(crate) fn push(
        &mut self,
        secret: &Secret,
        delta: &G1Affine,
        source: Source,
        name: Option<String>,
    ) {
        let s_times = (secret.s * *secret.value).into_affine();
        let mut hasher = self.hasher();
        hasher.points::<g1::Config>(&[secret.s, s_times]);
        let transcript = hasher.finish();
        self.contributions.push(Contribution {
            delta_after: (*delta * *secret.value).into_affine(),
            s: secret.s,
            s_times,
            p_times: (hash_to_g2(&transcript) * *secret.value).into_affine(),
            transcript,
            source,
            name,
        });
    }

    /// Checks every contribution, and gives δ in G1 after the last. `path` is the file's, for errors.
    /// The first one may come from a public value, and the last one.
    ///
    /// A value is hashed as often as the file says, up to 2^32 times: compare that with the plan before.
    ///
    /// # Errors
    /// [`CeremonyError::Contribution`], for the first one that is not what it should be.
    pub fn check(&self, path: &Path, watch: &dyn Watch) -> Result<G1Affine, CeremonyError> {
        let mut delta = G1Affine::generator();
        let mut before =
            Self { circuit_hash: self.circuit_hash, contributions: Vec::new() }.hasher();
        let total = self.contributions.len();
        for (index, own) in self.contributions.iter().enumerate() {
            watch.step(Step::Contributions, index as u64, total as u64);
            let takes_value = index == 0 || index + 1 == total;
            check_one(own, &before, &delta, takes_value, watch).map_err(|defect| {
                CeremonyError::Contribution { path: path.to_owned(), number: index + 1, defect }
            })?;
            own.add_to(&mut before);
            delta = own.delta_after;
        }
        watch.step(Step::Contributions, total as u64, total as u64);
        Ok(delta)
    }
}

fn check_one(
    own: &Contribution,
    before: &Hasher,
    delta: &G1Affine,
    takes_value: bool,
    watch: &dyn Watch,
) -> Result<(), Defect> {
    let mut hasher = before.clone();
    hasher.points::<g1::Config>(&[own.s, own.s_times]);
    if hasher.finish() != own.transcript {
        return Err(Defect::OtherBefore);
    }
    // A secret of zero makes infinity of what it is multiplied with.
    let infinite = own.s.is_zero() || own.s_times.is_zero() || own.delta_after.is_zero();
    if infinite || own.s_times == own.s || own.delta_after == *delta {
        return Err(Defect::ChangesNothing);
    }
    let in_g2 = (hash_to_g2(&own.transcript), own.p_times);
    if !same_ratio((own.s, own.s_times), in_g2) {
        return Err(Defect::NoKnowledge);
    }
    if !same_ratio((*delta, own.delta_after), in_g2) {
        return Err(Defect::DoesNotFollow);
    }
    if let Source::Beacon { value, exponent } = &own.source {
        if !takes_value {
            return Err(Defect::AfterBeacon);
        }
        let secret =
            Secret::of_beacon(value, *exponent, watch).map_err(|_| Defect::NotFromBeacon)?;
        let s_times = (secret.s * *secret.value).into_affine();
        if (own.s, own.s_times) != (secret.s, s_times) {
            return Err(Defect::NotFromBeacon);
        }
    }
    Ok(())
}

/// A contributor's secret. It is wiped when it is dropped.
pub(crate) struct Secret {
    pub(crate) value: Zeroizing<Fr>,
    s: G1Affine,
}

impl Secret {
    /// A secret, and a random point that goes with it.
    pub(crate) fn new(value: Zeroizing<Fr>, s: G1Affine) -> Self {
        debug_assert!(!value.is_one());
        Self { value, s }
    }

    /// The secret that a beacon's value gives.
    ///
    /// # Errors
    /// When the value or the exponent are not a beacon's.
    pub(crate) fn of_beacon(
        value: &[u8],
        exponent: u8,
        watch: &dyn Watch,
    ) -> Result<Self, BeaconError> {
        const HASHES_BETWEEN_REPORTS: u64 = 1 << 20;

        if value.len() != BEACON_BYTES {
            return Err(BeaconError::Length(value.len()));
        }
        if !BEACON_EXPONENTS.contains(&exponent) {
            return Err(BeaconError::Exponent(exponent));
        }
        let total = 1u64 << exponent;
        let mut hash: [u8; 32] = value.try_into().expect("checked above");
        for done in 0..total {
            if done % HASHES_BETWEEN_REPORTS == 0 {
                watch.step(Step::Beacon, done, total);
            }
            hash = Sha256::digest(hash).into();
        }
        watch.step(Step::Beacon, total, total);
        let mut random = SnarkjsRandom::new(&hash);
        let value = Zeroizing::new(random.scalar());
        Ok(Self::new(value, random.g1()))
    }
}
