//! The store's column families, and the keys in them.

use aep2_journal::ColumnFamily;
use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;

/// A column family. New ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Wrapped data keys, by dispute and hash. Small, and apart from all else: it is what is compacted
    /// when a piece is destroyed.
    Keys,
    /// Ciphertexts, by the same keys.
    Contents,
    /// What is known of a piece without opening it, by the same keys: JSON.
    Pieces,
    /// What is known of a dispute, by its id: JSON.
    Disputes,
    /// Figures of the whole store.
    Whole,
    /// How much there is of each share, by its id: JSON.
    Shares,
    /// Disputes with evidence, by when they end at the latest and their ids.
    Ends,
    /// The same of each share: by its id, then as those.
    ShareEnds,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Keys,
        Self::Contents,
        Self::Pieces,
        Self::Disputes,
        Self::Whole,
        Self::Shares,
        Self::Ends,
        Self::ShareEnds,
    ];
}

impl ColumnFamily for Family {
    fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Contents => "contents",
            Self::Pieces => "pieces",
            Self::Disputes => "disputes",
            Self::Whole => "whole",
            Self::Shares => "shares",
            Self::Ends => "ends",
            Self::ShareEnds => "share_ends",
        }
    }
}

/// In [`Family::Whole`]: how much there is, as JSON.
pub(crate) const USAGE: &[u8] = b"usage";
/// In [`Family::Whole`]: there while wrapped keys may be on disk that were written over; another one each
/// time that some are.
pub(crate) const UNERASED: &[u8] = b"unerased";

/// A piece's key: the dispute, then the hash.
pub(crate) fn piece_key(dispute: B256, hash: B256) -> Vec<u8> {
    [dispute.as_slice(), hash.as_slice()].concat()
}

/// A dispute's key among those that end.
pub(crate) fn end_key(at: UnixTime, dispute: B256) -> Vec<u8> {
    [&at.get().to_be_bytes(), dispute.as_slice()].concat()
}

/// A dispute's key among those that end and have something in a share.
pub(crate) fn share_end_key(share: B256, end_key: Vec<u8>) -> Vec<u8> {
    [share.to_vec(), end_key].concat()
}

/// What a key ends with: a piece's with its hash, that of an end with its dispute.
pub(crate) fn last_in(key: &[u8]) -> Option<B256> {
    key.last_chunk::<32>().map(B256::from)
}
