//! What a key's file says of itself, and how much room each part takes.

use std::fmt;

use aep2_circuits::Shape;
use ark_serialize::CanonicalSerialize;

use crate::groth16::VerifyingKey;

/// The version of the layout that [the module](super) shows.
pub const FORMAT_VERSION: u32 = 2;

const PROVING: [u8; 8] = *b"aep2.pk\0";
const VERIFYING: [u8; 8] = *b"aep2.vk\0";
pub(super) const HEADER_BYTES: usize = 8 + 4 + 4 + 4 + 1 + 1 + 32 + 4 + 32 + 32 + 4 + 4 + 5 * 4;
pub(super) const CHECKSUM_BYTES: usize = 32;
pub(super) const G1_BYTES: usize = 64;
pub(super) const G2_BYTES: usize = 128;
pub(super) const VARIABLE_BYTES: usize = 4;

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
    Ceremony {
        /// BLAKE3 of the ceremony's transcript, which says who contributed. The key's file only
        /// claims it: whoever has the transcript can check it.
        transcript: [u8; 32],
    },
}

impl Provenance {
    /// Whether the key comes from a ceremony. All others are for development.
    pub fn is_ceremony(self) -> bool {
        matches!(self, Self::Ceremony { .. })
    }

    /// A number for the kind, and the hash of the transcript: zero where there is none.
    pub(super) fn code(self) -> (u8, [u8; 32]) {
        match self {
            Self::SeededDevelopment => (1, [0; 32]),
            Self::RandomDevelopment => (2, [0; 32]),
            Self::Ceremony { transcript } => (3, transcript),
        }
    }

    pub(super) fn from_code(code: u8, transcript: [u8; 32]) -> Option<Self> {
        let none = transcript == [0; 32];
        match code {
            1 if none => Some(Self::SeededDevelopment),
            2 if none => Some(Self::RandomDevelopment),
            3 if !none => Some(Self::Ceremony { transcript }),
            _ => None,
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeededDevelopment => f.pad("INSECURE, seeded: anyone can forge proofs"),
            Self::RandomDevelopment => f.pad("development, one machine's randomness"),
            Self::Ceremony { transcript } => {
                let hash: String = transcript.iter().map(|byte| format!("{byte:02x}")).collect();
                f.pad(&format!("ceremony, transcript 0x{hash}"))
            }
        }
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
    pub(super) fn magic(self) -> [u8; 8] {
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
        Provenance::RandomDevelopment | Provenance::Ceremony { .. } => "",
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

/// BLAKE3 of a verifying key's canonical uncompressed bytes: the key's name.
pub fn verifying_key_hash(key: &VerifyingKey) -> [u8; 32] {
    *blake3::hash(&verifying_key_bytes(key)).as_bytes()
}

pub(super) fn verifying_key_bytes(key: &VerifyingKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.serialize_uncompressed(&mut bytes).expect("a vector takes any bytes");
    bytes
}
