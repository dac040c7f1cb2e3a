//! What can be wrong with a key's file.

use std::{io, path::PathBuf};

use aep2_circuits::Shape;

use super::format::Half;

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
        /// [`FORMAT_VERSION`](super::FORMAT_VERSION).
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
