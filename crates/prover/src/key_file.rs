//! Keys on disk.
//!
//! A key that does not belong to the circuit it is used with, or that has a damaged byte, makes
//! proofs that no one accepts, or worse, verifies what it should not. So a file says what it is
//! for, and nothing loads that is not exactly what was asked for.
//!
//! All numbers are little-endian.
//!
//! | part | bytes | |
//! | --- | --- | --- |
//! | magic | 8 | `aep2.pk` or `aep2.vk` and a zero byte |
//! | format version | 4 | [`FORMAT_VERSION`] |
//! | lanes, slots | 4, 4 | the shape |
//! | capture | 1 | 0 or 1 |
//! | provenance | 1 | [`Provenance`] |
//! | circuit version | 4 | |
//! | constraint system | 32 | its digest |
//! | verifying key | 32 | BLAKE3 of its canonical uncompressed bytes |
//! | variables, constraints | 4, 4 | zero in a verifying key's file |
//! | section lengths | 5 × 4 | bytes of the verifying key; points of A, B, L, H (zero likewise) |
//! | sections | | see below |
//! | checksum | 32 | BLAKE3 of all bytes before |
//!
//! The first section is the verifying key in canonical uncompressed form, the only one of a
//! verifying key's file. Then come β and δ in G1; the variables of A, then its points; the
//! variables of B, its points in G1, its points in G2; the variables of L, its points; the points
//! of H. A variable is four bytes. A coordinate is 32 bytes (two coordinates make one of G2, the
//! real part first), x before y, and never infinity.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aep2_circuits::Shape;
use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{BigInt, Field, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rayon::prelude::*;

use crate::groth16::{ProvingKey, Query, VerifyingKey, domain_size};

/// The version of the layout above.
pub const FORMAT_VERSION: u32 = 1;

const PROVING: [u8; 8] = *b"aep2.pk\0";
const VERIFYING: [u8; 8] = *b"aep2.vk\0";
const HEADER_BYTES: usize = 8 + 4 + 4 + 4 + 1 + 1 + 4 + 32 + 32 + 4 + 4 + 5 * 4;
const CHECKSUM_BYTES: usize = 32;
const G1_BYTES: usize = 64;
const G2_BYTES: usize = 128;
const VARIABLE_BYTES: usize = 4;

/// The circuit that a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitId {
    /// The circuit's shape.
    pub shape: Shape,
    /// The version of the circuit's rules.
    pub version: u32,
    /// The digest of its constraint system, as `aep2_circuits::symbolic::digest` makes it.
    pub digest: [u8; 32],
}

/// Where a key's secrets came from, and so whom its users must trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// From a published seed. INSECURE: anyone can forge proofs. For development only.
    SeededDevelopment,
    /// From the randomness of the one machine that made it, which could have kept it.
    RandomDevelopment,
    /// From a ceremony: secure if one of its contributors was honest.
    Ceremony,
}

impl Provenance {
    fn code(self) -> u8 {
        match self {
            Self::SeededDevelopment => 1,
            Self::RandomDevelopment => 2,
            Self::Ceremony => 3,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::SeededDevelopment, Self::RandomDevelopment, Self::Ceremony]
            .into_iter()
            .find(|provenance| provenance.code() == code)
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SeededDevelopment => "INSECURE, seeded: anyone can forge proofs",
            Self::RandomDevelopment => "development, one machine's randomness",
            Self::Ceremony => "ceremony",
        })
    }
}

/// Which half of a key pair a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The proving key.
    Proving,
    /// The verifying key.
    Verifying,
}

impl Half {
    fn magic(self) -> [u8; 8] {
        match self {
            Self::Proving => PROVING,
            Self::Verifying => VERIFYING,
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Proving => "proving key",
            Self::Verifying => "verifying key",
        })
    }
}

/// The name under which a key is kept: `settlement-64x16-capture.pk`, and for seeded keys
/// `settlement-64x16.INSECURE-seeded.pk`.
pub fn file_name(half: Half, shape: Shape, provenance: Provenance) -> String {
    let mark = match provenance {
        Provenance::SeededDevelopment => ".INSECURE-seeded",
        Provenance::RandomDevelopment | Provenance::Ceremony => "",
    };
    let extension = match half {
        Half::Proving => "pk",
        Half::Verifying => "vk",
    };
    format!("settlement-{shape}{mark}.{extension}")
}

/// A key out of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<K> {
    /// The key.
    pub key: K,
    /// Whom its users must trust.
    pub provenance: Provenance,
    /// The hash of the verifying key, [`verifying_key_hash`].
    pub verifying_key_hash: [u8; 32],
}

/// Why a key cannot be written or loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such file.
    #[error(
        "there is no {half} at {}; make one with `aep2 setup --shape {shape}`, or import one",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was to be loaded.
        half: Half,
        /// The shape that it was to be for.
        shape: Shape,
    },
    /// The file is something else.
    #[error("{} is not a {half}", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What was to be loaded.
        half: Half,
    },
    /// The file has another layout.
    #[error(
        "{} has format version {found}, this program reads version {expected}; make the key again \
         with `aep2 setup`, or use the program that it was made with",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// [`FORMAT_VERSION`].
        expected: u32,
        /// The file's.
        found: u32,
    },
    /// The file is incomplete, too long, or has wrong bytes in it.
    #[error(
        "{} is damaged ({reason}); remove it, then make it again with `aep2 setup` or import it \
         again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// The key is for another shape.
    #[error("{} is for shape {found}, not {expected}; give the file of shape {expected}", path.display())]
    OtherShape {
        /// The file.
        path: PathBuf,
        /// The shape asked for.
        expected: Shape,
        /// The file's, as written in it.
        found: String,
    },
    /// The key is for another version of the circuit.
    #[error(
        "{} is for circuit version {found}, this program has version {expected}; make the key \
         again with `aep2 setup`, or import the one for this version",
        path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version asked for.
        expected: u32,
        /// The file's.
        found: u32,
    },
    /// The key is for a circuit with other constraints.
    #[error(
        "{} is for the constraint system {}, this program's is {}; make the key again with \
         `aep2 setup`, or use the program that it was made with",
        path.display(), hex(found), hex(expected)
    )]
    OtherConstraints {
        /// The file.
        path: PathBuf,
        /// The digest asked for.
        expected: [u8; 32],
        /// The file's.
        found: [u8; 32],
    },
    /// The verifying key inside is not the one that the file names.
    #[error(
        "{} names the verifying key {} but holds {}; remove the file, then make or import it again",
        path.display(), hex(expected), hex(found)
    )]
    OtherVerifyingKey {
        /// The file.
        path: PathBuf,
        /// The hash that the file names.
        expected: [u8; 32],
        /// The hash of the key inside.
        found: [u8; 32],
    },
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// BLAKE3 of a verifying key's canonical uncompressed bytes: the key's name.
pub fn verifying_key_hash(key: &VerifyingKey) -> [u8; 32] {
    *blake3::hash(&verifying_key_bytes(key)).as_bytes()
}

/// Writes a proving key. The file appears complete, under its name, or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_proving_key(
    path: &Path,
    key: &ProvingKey,
    circuit: &CircuitId,
    provenance: Provenance,
) -> Result<(), KeyFileError> {
    assert_eq!(key.b_g1.variables, key.b_g2.variables, "B has one list of variables");
    let sections = Sections {
        variables: key.variables,
        constraints: key.constraints,
        verifying_key: verifying_key_bytes(&key.verifying_key),
        points: [&key.a.points, &key.b_g1.points, &key.l.points, &key.h]
            .map(|points| points.len() as u32),
    };
    let mut bytes = header(Half::Proving, circuit, provenance, &sections);
    bytes.reserve_exact(sections.bytes());
    bytes.extend_from_slice(&sections.verifying_key);
    put_points(&mut bytes, &[key.beta_g1, key.delta_g1]);
    put_variables(&mut bytes, &key.a.variables);
    put_points(&mut bytes, &key.a.points);
    put_variables(&mut bytes, &key.b_g1.variables);
    put_points(&mut bytes, &key.b_g1.points);
    put_points(&mut bytes, &key.b_g2.points);
    put_variables(&mut bytes, &key.l.variables);
    put_points(&mut bytes, &key.l.points);
    put_points(&mut bytes, &key.h);
    write(path, bytes)
}

/// Writes a verifying key. The file appears complete, under its name, or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_verifying_key(
    path: &Path,
    key: &VerifyingKey,
    circuit: &CircuitId,
    provenance: Provenance,
) -> Result<(), KeyFileError> {
    let sections = Sections {
        variables: 0,
        constraints: 0,
        verifying_key: verifying_key_bytes(key),
        points: [0; 4],
    };
    let mut bytes = header(Half::Verifying, circuit, provenance, &sections);
    bytes.extend_from_slice(&sections.verifying_key);
    write(path, bytes)
}

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

// ---------------------------------------------------------------------------------------------
// Writing

struct Sections {
    variables: u32,
    constraints: u32,
    verifying_key: Vec<u8>,
    /// Points of A, B, L, H.
    points: [u32; 4],
}

impl Sections {
    /// Bytes after the header, checksum included.
    fn bytes(&self) -> usize {
        let [a, b, l, h] = self.points.map(|points| points as usize);
        let variables = (a + b + l) * VARIABLE_BYTES;
        let points = (2 + a + b + l + h) * G1_BYTES + b * G2_BYTES;
        self.verifying_key.len() + variables + points + CHECKSUM_BYTES
    }
}

fn header(half: Half, circuit: &CircuitId, provenance: Provenance, sections: &Sections) -> Vec<u8> {
    let mut bytes = half.magic().to_vec();
    let mut put = |part: &[u8]| bytes.extend_from_slice(part);
    put(&FORMAT_VERSION.to_le_bytes());
    put(&(circuit.shape.lanes() as u32).to_le_bytes());
    put(&(circuit.shape.slots() as u32).to_le_bytes());
    put(&[u8::from(circuit.shape.capture()), provenance.code()]);
    put(&circuit.version.to_le_bytes());
    put(&circuit.digest);
    put(blake3::hash(&sections.verifying_key).as_bytes());
    put(&sections.variables.to_le_bytes());
    put(&sections.constraints.to_le_bytes());
    put(&(sections.verifying_key.len() as u32).to_le_bytes());
    sections.points.iter().for_each(|points| put(&points.to_le_bytes()));
    debug_assert_eq!(bytes.len(), HEADER_BYTES);
    bytes
}

fn verifying_key_bytes(key: &VerifyingKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.serialize_uncompressed(&mut bytes).expect("a vector takes any bytes");
    bytes
}

fn put_variables(bytes: &mut Vec<u8>, variables: &[u32]) {
    bytes.extend(variables.iter().flat_map(|variable| variable.to_le_bytes()));
}

fn put_points<P>(bytes: &mut Vec<u8>, points: &[Affine<P>])
where
    P: SWCurveConfig<BaseField: Field<BasePrimeField = Fq>>,
{
    const POINTS_AT_ONCE: usize = 1 << 12;

    let encoded = points.par_chunks(POINTS_AT_ONCE).map(|points| {
        let mut bytes = Vec::with_capacity(size_of_val(points));
        for point in points {
            assert!(!point.is_zero(), "no point of a key is infinity");
            for side in [point.x, point.y] {
                for coordinate in side.to_base_prime_field_elements() {
                    let limbs = coordinate.into_bigint().0;
                    bytes.extend(limbs.iter().flat_map(|limb| limb.to_le_bytes()));
                }
            }
        }
        bytes
    });
    for chunk in encoded.collect::<Vec<_>>() {
        bytes.extend_from_slice(&chunk);
    }
}

/// Adds the checksum and puts the file in place: written beside it, brought to the disk, renamed.
fn write(path: &Path, mut bytes: Vec<u8>) -> Result<(), KeyFileError> {
    let checksum = blake3::Hasher::new().update_rayon(&bytes).finalize();
    bytes.extend_from_slice(checksum.as_bytes());

    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let place = || {
        let mut file = File::create(&partial)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    place().map_err(|source| {
        // What is left of it is worth nothing; if it cannot be removed either, the first error
        // still says more.
        let _ = fs::remove_file(&partial);
        KeyFileError::Io { path: path.to_owned(), source }
    })
}

// ---------------------------------------------------------------------------------------------
// Reading

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
    let path = || path.to_owned();
    let damaged = |reason| KeyFileError::Damaged { path: path(), reason };

    // The layout first; then that no byte is damaged, so that what the rest of the header says
    // can be relied on; then what the key is for.
    let mut header = Header(bytes);
    let too_short = || damaged("it is too short");
    if header.take::<8>() != Some(half.magic()) {
        return Err(KeyFileError::NotAKey { path: path(), half });
    }
    let found = header.number().ok_or_else(too_short)?;
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

    let mut parse = || {
        let shape = (header.number()?, header.number()?, header.take::<1>()?[0]);
        let provenance = header.take::<1>()?[0];
        let version = header.number()?;
        let digest = header.take::<32>()?;
        let verifying_key_hash = header.take::<32>()?;
        let sizes = (header.number()?, header.number()?, header.number()?);
        let points = [header.number()?, header.number()?, header.number()?, header.number()?];
        Some((shape, provenance, version, digest, verifying_key_hash, sizes, points))
    };
    let (shape, provenance, version, digest, verifying_key_hash, sizes, points) =
        parse().ok_or_else(too_short)?;

    let (lanes, slots, capture) = shape;
    let expected = circuit.shape;
    if (lanes as usize, slots as usize, capture)
        != (expected.lanes(), expected.slots(), u8::from(expected.capture()))
    {
        let capture = if capture == 0 { "" } else { "-capture" };
        let found = format!("{lanes}x{slots}{capture}");
        return Err(KeyFileError::OtherShape { path: path(), expected, found });
    }
    if version != circuit.version {
        let (expected, found) = (circuit.version, version);
        return Err(KeyFileError::OtherVersion { path: path(), expected, found });
    }
    if digest != circuit.digest {
        let (expected, found) = (circuit.digest, digest);
        return Err(KeyFileError::OtherConstraints { path: path(), expected, found });
    }
    let provenance =
        Provenance::from_code(provenance).ok_or_else(|| damaged("its provenance is unknown"))?;

    let (variables, constraints, key_bytes) = sizes;
    let (key_bytes, rest) =
        content[HEADER_BYTES..].split_at_checked(key_bytes as usize).ok_or_else(too_short)?;
    let found = *blake3::hash(key_bytes).as_bytes();
    if found != verifying_key_hash {
        let expected = verifying_key_hash;
        return Err(KeyFileError::OtherVerifyingKey { path: path(), expected, found });
    }
    let verifying_key =
        get_verifying_key(key_bytes).ok_or_else(|| damaged("its verifying key is none"))?;
    Ok(Opened {
        provenance,
        variables,
        constraints,
        verifying_key_hash,
        verifying_key,
        points,
        rest,
    })
}

/// What is left to read of the header.
struct Header<'a>(&'a [u8]);

impl Header<'_> {
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
