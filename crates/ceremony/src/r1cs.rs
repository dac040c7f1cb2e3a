//! A constraint system as a `.r1cs` file, the form of circom and its provers.
//!
//! | section | content |
//! | --- | --- |
//! | 1 | the field's modulus; variables, outputs, public inputs, private inputs; labels; constraints |
//! | 2 | each constraint's three combinations: the number of terms, then variable and coefficient |
//! | 3 | each variable's label: its own number |
//!
//! All variables after the public inputs are called private inputs, although most are computed. The rows
//! that bind the public inputs are not in it: set-ups add them.

use std::path::Path;

use aep2_circuits::{
    symbolic::{Sink, Sparse, Symbolic},
    system::Circuit,
};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

use crate::{binary_file::BinaryWriter, circuit::Size, error::CeremonyError};

/// Writes the constraint system of `circuit`.
///
/// # Errors
/// When the file cannot be written, or the circuit is too large.
pub fn write_r1cs(circuit: &impl Circuit, path: &Path) -> Result<(), CeremonyError> {
    let size = Size::of(circuit)?;
    let mut writer = BinaryWriter::create(path, "r1cs", 1, 3)?;
    let mut header = 32u32.to_le_bytes().to_vec();
    header.extend(Fr::MODULUS.to_bytes_le());
    let private = size.variables - size.public - 1;
    for number in [size.variables, 0, size.public, private] {
        header.extend((number as u32).to_le_bytes());
    }
    header.extend((size.variables as u64).to_le_bytes());
    header.extend((size.constraints as u32).to_le_bytes());
    writer.section(1, &header)?;

    writer.begin(2)?;
    let mut sink = Writing { writer: &mut writer, row: Vec::new(), written: Ok(()) };
    Symbolic::run(circuit, &mut sink);
    sink.written?;
    writer.end()?;

    let labels: Vec<u8> =
        (0..size.variables as u64).flat_map(|variable| variable.to_le_bytes()).collect();
    writer.section(3, &labels)?;
    writer.finish()
}

struct Writing<'a> {
    writer: &'a mut BinaryWriter,
    row: Vec<u8>,
    written: Result<(), CeremonyError>,
}

impl Sink for Writing<'_> {
    fn constraint(&mut self, _: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
        if self.written.is_err() {
            return;
        }
        self.row.clear();
        for side in [a, b, c] {
            self.row.extend((side.terms().len() as u32).to_le_bytes());
            for (variable, factor) in side.terms() {
                self.row.extend(variable.to_le_bytes());
                self.row.extend(factor.into_bigint().to_bytes_le());
            }
        }
        self.written = self.writer.put(&self.row);
    }
}
