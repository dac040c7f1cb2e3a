//! How much is kept, and for how long.

use aep2_mandate::typed_data::dispute::{EVIDENCE_BYTES_MAX, EVIDENCE_MAX};
use serde::Deserialize;

/// The most statements of one dispute that name evidence: the agent's, its owner's, and an answer to each.
/// Whatever one party names, the other's pieces have places.
const STATEMENTS_MAX: usize = 4;
/// Into how many shares all the room is divided, unless told otherwise.
const SHARES: u64 = 16;

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
    /// The most bytes of one share: of the pieces in whose room nobody else's are.
    pub share_bytes_max: u64,
    /// So many bytes of a dispute are taken in each of its shares, however full these are.
    pub dispute_bytes_min: u64,
    /// How long a dispute's evidence is kept after its last piece came, in seconds, unless it gives way.
    pub kept_s_min: u64,
}

impl Default for EvidenceLimits {
    /// A piece of 1 MiB, 32 pieces a dispute (two statements of each side, of 8 pieces), 4 GiB in all, a
    /// sixteenth of that for a share, 1 MiB of each dispute beyond it, a year.
    fn default() -> Self {
        Self {
            piece_bytes_max: EVIDENCE_BYTES_MAX,
            dispute_pieces_max: (STATEMENTS_MAX * EVIDENCE_MAX) as u32,
            bytes_max: 0,
            share_bytes_max: 0,
            dispute_bytes_min: EVIDENCE_BYTES_MAX,
            kept_s_min: 365 * 86_400,
        }
        .of_bytes(4 << 30)
    }
}

impl EvidenceLimits {
    /// The same with so many bytes in all, and shares of that.
    #[must_use]
    pub fn of_bytes(self, bytes_max: u64) -> Self {
        Self { bytes_max, share_bytes_max: bytes_max / SHARES, ..self }
    }
}
