//! Reading.

use std::{fs, io, path::Path};

use aep2_circuits::Shape;
use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, PrimeField};
use ark_serialize::CanonicalDeserialize;
use rayon::prelude::*;

use super::{
    error::KeyFileError,
    format::{
        CHECKSUM_BYTES, CircuitId, FORMAT_VERSION, G1_BYTES, G2_BYTES, HEADER_BYTES, Half, Loaded,
        Provenance, VARIABLE_BYTES, verifying_key_bytes,
    },
};
use crate::groth16::{ProvingKey, Query, VerifyingKey, domain_size, is_forgeable};

/// Loads the proving key of `circuit`.
///
/// The verifying key in it is checked in full. The prover's own points are not checked to be on
/// their curves, which would take longer than a proof: the checksum finds damage, and a proof is
/// verified before it is handed out.
///
/// # Errors
/// When the file cannot be read, is damaged, or is not the proving key of `circuit`.
pub fn read_proving_key(
    path: &Path,
    circuit: &CircuitId,
) -> Result<Loaded<ProvingKey>, KeyFileError> {
    let bytes = read(path, Half::Proving, circuit.shape)?;
    let mut file = open(path, Half::Proving, &bytes, circuit)?;
    let damaged = |reason| KeyFileError::Damaged { path: path.to_owned(), reason };

    let [a, b, l, h] = file.points.map(|points| points as usize);
    let public = file.verifying_key.gamma_abc_g1.len() - 1;
    let (variables, constraints) = (file.variables, file.constraints);
    if domain_size(constraints as usize, public) != Some(h) {
        return Err(damaged("the domain has the wrong size"));
    }
    let sections = &mut file.rest;
    let mut section = |bytes: u64| {
        let bytes = usize::try_from(bytes).ok()?;
        let (section, rest) = sections.split_at_checked(bytes)?;
        *sections = rest;
        Some(section)
    };
    let mut sized = |count: usize, each: usize| {
        section(count as u64 * each as u64).ok_or_else(|| damaged("it is too short"))
    };
    let fixed = sized(2, G1_BYTES)?;
    let a = (sized(a, VARIABLE_BYTES)?, sized(a, G1_BYTES)?);
    let b = (sized(b, VARIABLE_BYTES)?, sized(b, G1_BYTES)?, sized(b, G2_BYTES)?);
    let l = (sized(l, VARIABLE_BYTES)?, sized(l, G1_BYTES)?);
    let h = sized(h, G1_BYTES)?;
    if !sections.is_empty() {
        return Err(damaged("it is too long"));
    }

    let listed = |bytes: &[u8]| {
        get_variables(bytes, variables).ok_or_else(|| damaged("a variable is out of order"))
    };
    let not_a_point = || damaged("a coordinate is none");
    let g1 = |bytes: &[u8]| get_points(bytes, get_g1).ok_or_else(not_a_point);
    let g2 = |bytes: &[u8]| get_points(bytes, get_g2).ok_or_else(not_a_point);
    let [beta_g1, delta_g1] = g1(fixed)?[..] else {
        return Err(not_a_point());
    };
    if !(beta_g1.is_on_curve() && delta_g1.is_on_curve()) {
        return Err(not_a_point());
    }
    let b_variables = listed(b.0)?;
    let key = ProvingKey {
        variables,
        constraints,
        beta_g1,
        delta_g1,
        a: Query { variables: listed(a.0)?, points: g1(a.1)? },
        b_g1: Query { variables: b_variables.clone(), points: g1(b.1)? },
        b_g2: Query { variables: b_variables, points: g2(b.2)? },
        l: Query { variables: listed(l.0)?, points: g1(l.1)? },
        h: g1(h)?,
        verifying_key: file.verifying_key,
    };
    warn_if_insecure(path, file.provenance);
    let (provenance, verifying_key_hash) = (file.provenance, file.verifying_key_hash);
    Ok(Loaded { key, provenance, verifying_key_hash })
}

/// Loads the verifying key of `circuit`.
///
/// # Errors
/// When the file cannot be read, is damaged, or is not the verifying key of `circuit`.
pub fn read_verifying_key(
    path: &Path,
    circuit: &CircuitId,
) -> Result<Loaded<VerifyingKey>, KeyFileError> {
    let bytes = read(path, Half::Verifying, circuit.shape)?;
    let file = open(path, Half::Verifying, &bytes, circuit)?;
    if !file.rest.is_empty()
        || file.points != [0; 4]
        || (file.variables, file.constraints) != (0, 0)
    {
        return Err(KeyFileError::Damaged { path: path.to_owned(), reason: "it is too long" });
    }
    warn_if_insecure(path, file.provenance);
    Ok(Loaded {
        key: file.verifying_key,
        provenance: file.provenance,
        verifying_key_hash: file.verifying_key_hash,
    })
}

fn warn_if_insecure(path: &Path, provenance: Provenance) {
    if provenance == Provenance::SeededDevelopment {
        tracing::warn!(
            path = %path.display(),
            "INSECURE key loaded: it is made from a published seed, anyone can forge its proofs",
        );
    }
}

fn read(path: &Path, half: Half, shape: Shape) -> Result<Vec<u8>, KeyFileError> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing { path: path.to_owned(), half, shape },
        _ => KeyFileError::Io { path: path.to_owned(), source },
    })
}

/// A file that is whole and for the right circuit, its verifying key checked.
struct Opened<'a> {
    provenance: Provenance,
    variables: u32,
    constraints: u32,
    verifying_key_hash: [u8; 32],
    verifying_key: VerifyingKey,
    /// Points of A, B, L, H.
    points: [u32; 4],
    /// The sections after the verifying key.
    rest: &'a [u8],
}

fn open<'a>(
    path: &Path,
    half: Half,
    bytes: &'a [u8],
    circuit: &CircuitId,
) -> Result<Opened<'a>, KeyFileError> {
    let damaged = |reason| KeyFileError::Damaged { path: path.to_owned(), reason };
    // The layout first; then that no byte is damaged, so that what the rest of the header says
    // can be relied on; then what the key is for.
    let content = undamaged(path, half, bytes)?;
    let header = Header::of(content).ok_or_else(|| damaged("it is too short"))?;
    header.check(path, circuit)?;
    let provenance = Provenance::from_code(header.provenance, header.transcript)
        .ok_or_else(|| damaged("its provenance is unknown"))?;

    let (key_bytes, rest) = content[HEADER_BYTES..]
        .split_at_checked(header.key_bytes as usize)
        .ok_or_else(|| damaged("it is too short"))?;
    let (expected, found) = (header.verifying_key_hash, *blake3::hash(key_bytes).as_bytes());
    if found != expected {
        let path = path.to_owned();
        return Err(KeyFileError::OtherVerifyingKey { path, expected, found });
    }
    let verifying_key =
        get_verifying_key(key_bytes).ok_or_else(|| damaged("its verifying key is none"))?;
    if is_forgeable(&verifying_key) {
        return Err(damaged("anyone can forge proofs for its verifying key"));
    }
    Ok(Opened {
        provenance,
        variables: header.variables,
        constraints: header.constraints,
        verifying_key_hash: found,
        verifying_key,
        points: header.points,
        rest,
    })
}

/// The file without its checksum, which is right, as is the layout.
fn undamaged<'a>(path: &Path, half: Half, bytes: &'a [u8]) -> Result<&'a [u8], KeyFileError> {
    let path = || path.to_owned();
    let damaged = |reason| KeyFileError::Damaged { path: path(), reason };
    let too_short = || damaged("it is too short");

    let mut reader = Reader(bytes);
    if reader.take::<8>() != Some(half.magic()) {
        return Err(KeyFileError::NotAKey { path: path(), half });
    }
    let found = reader.number().ok_or_else(too_short)?;
    if found != FORMAT_VERSION {
        return Err(KeyFileError::Format { path: path(), expected: FORMAT_VERSION, found });
    }
    if bytes.len() < HEADER_BYTES + CHECKSUM_BYTES {
        return Err(too_short());
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if blake3::Hasher::new().update_rayon(content).finalize().as_bytes() != checksum {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(content)
}

/// The header behind the format version, as it is written.
struct Header {
    lanes: u32,
    slots: u32,
    capture: u8,
    provenance: u8,
    transcript: [u8; 32],
    version: u32,
    digest: [u8; 32],
    verifying_key_hash: [u8; 32],
    variables: u32,
    constraints: u32,
    key_bytes: u32,
    /// Points of A, B, L, H.
    points: [u32; 4],
}

impl Header {
    fn of(content: &[u8]) -> Option<Self> {
        let mut reader = Reader(content);
        reader.take::<8>()?;
        reader.number()?;
        Some(Self {
            lanes: reader.number()?,
            slots: reader.number()?,
            capture: reader.take::<1>()?[0],
            provenance: reader.take::<1>()?[0],
            transcript: reader.take()?,
            version: reader.number()?,
            digest: reader.take()?,
            verifying_key_hash: reader.take()?,
            variables: reader.number()?,
            constraints: reader.number()?,
            key_bytes: reader.number()?,
            points: [reader.number()?, reader.number()?, reader.number()?, reader.number()?],
        })
    }

    /// That the key is for `circuit`.
    fn check(&self, path: &Path, circuit: &CircuitId) -> Result<(), KeyFileError> {
        let path = || path.to_owned();
        let expected = circuit.shape;
        if (self.lanes as usize, self.slots as usize, self.capture)
            != (expected.lanes(), expected.slots(), u8::from(expected.capture()))
        {
            let capture = if self.capture == 0 { "" } else { "-capture" };
            let found = format!("{}x{}{capture}", self.lanes, self.slots);
            return Err(KeyFileError::OtherShape { path: path(), expected, found });
        }
        if self.version != circuit.version {
            let (expected, found) = (circuit.version, self.version);
            return Err(KeyFileError::OtherVersion { path: path(), expected, found });
        }
        if self.digest != circuit.digest {
            let (expected, found) = (circuit.digest, self.digest);
            return Err(KeyFileError::OtherConstraints { path: path(), expected, found });
        }
        Ok(())
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}

/// A verifying key whose points are all in their groups and not infinity, from exactly its
/// canonical bytes.
fn get_verifying_key(mut bytes: &[u8]) -> Option<VerifyingKey> {
    // One point in G1 and three in G2, then the number of public points, which a parser should
    // not have to believe.
    const BEFORE_COUNT: usize = G1_BYTES + 3 * G2_BYTES;
    let canonical = bytes;
    let count = u64::from_le_bytes(*bytes.get(BEFORE_COUNT..)?.first_chunk()?);
    let expected = count.checked_mul(G1_BYTES as u64)?.checked_add(BEFORE_COUNT as u64 + 8)?;
    if count == 0 || expected != bytes.len() as u64 {
        return None;
    }
    let key = VerifyingKey::deserialize_uncompressed(&mut bytes).ok()?;
    let infinite = key.alpha_g1.is_zero()
        || [key.beta_g2, key.gamma_g2, key.delta_g2].iter().any(AffineRepr::is_zero);
    (!infinite && verifying_key_bytes(&key) == canonical).then_some(key)
}

/// Indices below `end`, ascending.
fn get_variables(bytes: &[u8], end: u32) -> Option<Vec<u32>> {
    let (numbers, _) = bytes.as_chunks::<VARIABLE_BYTES>();
    let variables: Vec<u32> = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let ascending = variables.windows(2).all(|pair| pair[0] < pair[1]);
    (ascending && variables.last().is_none_or(|last| *last < end)).then_some(variables)
}

fn get_points<const N: usize, G: AffineRepr>(
    bytes: &[u8],
    get: impl Fn(&[u8; N]) -> Option<G> + Sync,
) -> Option<Vec<G>> {
    let (points, _) = bytes.as_chunks::<N>();
    points.par_iter().map(|bytes| get(bytes).filter(|point| !point.is_zero())).collect()
}

fn get_g1(bytes: &[u8; G1_BYTES]) -> Option<G1Affine> {
    let (coordinates, _) = bytes.as_chunks();
    Some(G1Affine::new_unchecked(get_fq(&coordinates[0])?, get_fq(&coordinates[1])?))
}

fn get_g2(bytes: &[u8; G2_BYTES]) -> Option<G2Affine> {
    let (coordinates, _) = bytes.as_chunks();
    let pair = |at: usize| Some(Fq2::new(get_fq(&coordinates[at])?, get_fq(&coordinates[at + 1])?));
    Some(G2Affine::new_unchecked(pair(0)?, pair(2)?))
}

/// A field element in its one form, below the modulus.
fn get_fq(bytes: &[u8; 32]) -> Option<Fq> {
    let (limbs, _) = bytes.as_chunks();
    Fq::from_bigint(BigInt(std::array::from_fn(|limb| u64::from_le_bytes(limbs[limb]))))
}
