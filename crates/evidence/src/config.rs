//! How much is kept, and for how long.

use serde::Deserialize;

/// How much evidence is kept, and for how long at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceLimits {
    /// The most bytes of one piece.
    pub piece_bytes_max: u64,
    /// The most pieces of one dispute.
    pub dispute_pieces_max: u32,
    /// The most bytes of all pieces together.
    pub bytes_max: u64,
    /// How long a dispute's evidence is kept after its last piece came, in seconds.
    pub kept_s_min: u64,
}

impl Default for EvidenceLimits {
    /// A piece of 1 MiB, 16 pieces a dispute (8 for each side), 4 GiB in all, a year.
    fn default() -> Self {
        Self {
            piece_bytes_max: 1 << 20,
            dispute_pieces_max: 16,
            bytes_max: 4 << 30,
            kept_s_min: 365 * 86_400,
        }
    }
}
