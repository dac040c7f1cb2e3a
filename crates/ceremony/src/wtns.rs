//! A witness as a `.wtns` file: the values of all variables. **It is as secret as what is proved.**

use std::path::Path;

use aep2_circuits::witness::Assignment;
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

use crate::{binary_file::BinaryWriter, error::CeremonyError};

/// Writes an assignment.
///
/// # Errors
/// When the file cannot be written.
pub fn write_wtns(assignment: &Assignment, path: &Path) -> Result<(), CeremonyError> {
    const VALUES_AT_ONCE: usize = 1 << 16;

    let mut writer = BinaryWriter::create(path, "wtns", 2, 2)?;
    let mut header = 32u32.to_le_bytes().to_vec();
    header.extend(Fr::MODULUS.to_bytes_le());
    header.extend((assignment.z.len() as u32).to_le_bytes());
    writer.section(1, &header)?;
    writer.begin(2)?;
    for values in assignment.z.chunks(VALUES_AT_ONCE) {
        let bytes: Vec<u8> =
            values.iter().flat_map(|value| value.into_bigint().to_bytes_le()).collect();
        writer.put(&bytes)?;
    }
    writer.end()?;
    writer.finish()
}
