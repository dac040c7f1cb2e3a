//! Writing.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use ark_bn254::Fq;
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{Field, PrimeField};
use rayon::prelude::*;

use super::{
    error::KeyFileError,
    format::{
        CHECKSUM_BYTES, CircuitId, FORMAT_VERSION, G1_BYTES, G2_BYTES, HEADER_BYTES, Half,
        Provenance, VARIABLE_BYTES, verifying_key_bytes,
    },
};
use crate::groth16::{ProvingKey, VerifyingKey};

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
    let (code, transcript) = provenance.code();
    put(&[u8::from(circuit.shape.capture()), code]);
    put(&transcript);
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
