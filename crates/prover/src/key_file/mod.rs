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
//! | transcript | 32 | BLAKE3 of the ceremony's transcript; zero for keys of another provenance |
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

mod error;
mod format;
mod read;
mod write;

pub use self::{
    error::KeyFileError,
    format::{CircuitId, FORMAT_VERSION, Half, Loaded, Provenance, file_name, verifying_key_hash},
    read::{read_proving_key, read_verifying_key},
    write::{write_proving_key, write_verifying_key},
};
