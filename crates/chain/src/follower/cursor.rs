//! Where a follower stands.
//!
//! A cursor names the last block delivered and, by number and hash, those before it that a
//! reorganisation may yet undo. It is all that a follower remembers, so a caller who stores it
//! together with what the update changed, in one write, can be killed at any time: a follower that
//! starts from it reports exactly what is left.

use alloy::{
    primitives::{Address, B256, keccak256},
    rpc::types::Filter,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rpc::BlockRef;

/// The version of a cursor's stored form.
pub const CURSOR_VERSION: u32 = 1;

/// Why a stored cursor is not one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CursorError {
    /// Written by other software.
    #[error("the cursor has version {found}; this software reads {CURSOR_VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// Its blocks are not in ascending order, or lie before the start.
    #[error("the cursor's blocks are out of order at block {number}")]
    Disordered {
        /// The number of the block that is out of order.
        number: u64,
    },
    /// It says that blocks were forgotten, but names none that was kept.
    #[error("the cursor names no block, yet says that older ones were forgotten")]
    Empty,
}

/// Where a follower stands. Stored as JSON or any other form that serde writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Cursor {
    chain_id: u64,
    following: B256,
    start_block: u64,
    /// Whether the window has every block ever put in, so that all can be undone.
    complete: bool,
    /// Delivered blocks, ascending; the last one is the tip. Blocks between two of them were
    /// delivered too.
    window: Vec<BlockRef>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    chain_id: u64,
    following: B256,
    start_block: u64,
    complete: bool,
    window: Vec<BlockRef>,
}

impl From<Cursor> for Stored {
    fn from(cursor: Cursor) -> Self {
        let Cursor { chain_id, following, start_block, complete, window } = cursor;
        Self { version: CURSOR_VERSION, chain_id, following, start_block, complete, window }
    }
}

impl TryFrom<Stored> for Cursor {
    type Error = CursorError;

    fn try_from(stored: Stored) -> Result<Self, CursorError> {
        let Stored { version, chain_id, following, start_block, complete, window } = stored;
        if version != CURSOR_VERSION {
            return Err(CursorError::Version { found: version });
        }
        if window.is_empty() && !complete {
            return Err(CursorError::Empty);
        }
        let mut least = start_block;
        for block in &window {
            if block.number < least {
                return Err(CursorError::Disordered { number: block.number });
            }
            least = block.number.saturating_add(1);
        }
        Ok(Self { chain_id, following, start_block, complete, window })
    }
}

impl Cursor {
    /// Nothing delivered yet.
    pub(super) fn new(chain_id: u64, following: B256, start_block: u64) -> Self {
        Self { chain_id, following, start_block, complete: true, window: Vec::new() }
    }

    /// The chain's number.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The last block delivered; none when no block was, or all were reorged out.
    pub fn tip(&self) -> Option<BlockRef> {
        self.window.last().copied()
    }

    /// The first block that is still to be delivered.
    pub fn next_block(&self) -> u64 {
        self.tip().map_or(self.start_block, |tip| tip.number + 1)
    }

    /// The first block that is delivered at all.
    pub fn start_block(&self) -> u64 {
        self.start_block
    }

    pub(super) fn following(&self) -> B256 {
        self.following
    }

    /// Delivered blocks whose hashes are known, ascending.
    pub(super) fn window(&self) -> &[BlockRef] {
        &self.window
    }

    /// Whether everything delivered can be undone, back to the start.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The newest known block at `number` or below.
    pub(super) fn newest_at_or_below(&self, number: u64) -> Option<BlockRef> {
        self.window.iter().rev().find(|block| block.number <= number).copied()
    }

    /// The cursor after `blocks`, which continue it, and forgetting what lies more than
    /// `depth_max` blocks below the new tip. One block at that depth or deeper stays: it is what a
    /// reorganisation of that depth goes back to.
    pub(super) fn advanced(
        &self,
        blocks: impl IntoIterator<Item = BlockRef>,
        depth_max: u64,
    ) -> Self {
        let mut cursor = self.clone();
        cursor.window.extend(blocks);
        if let Some(tip) = cursor.tip() {
            let deepest = tip.number.saturating_sub(depth_max);
            let keep_from =
                cursor.window.iter().rposition(|block| block.number <= deepest).unwrap_or(0);
            cursor.window.drain(..keep_from);
            cursor.complete &= keep_from == 0;
        }
        cursor
    }

    /// The cursor with `ancestor` as its tip, or with nothing delivered, and the known blocks that
    /// were reorged out.
    pub(super) fn rolled_back(&self, ancestor: Option<BlockRef>) -> (Self, Vec<BlockRef>) {
        let mut cursor = self.clone();
        let keep = match ancestor {
            Some(ancestor) => cursor.window.partition_point(|b| b.number <= ancestor.number),
            None => 0,
        };
        let reorged_out = cursor.window.split_off(keep);
        (cursor, reorged_out)
    }
}

/// A fingerprint of what is followed. A cursor is good for one filter only: with another it would
/// pass over events that the first did not ask for.
pub(super) fn fingerprint(filter: &Filter) -> B256 {
    let mut addresses: Vec<Address> = filter.address.iter().copied().collect();
    addresses.sort_unstable();
    let mut bytes = Vec::new();
    bytes.extend(addresses.len().to_be_bytes());
    bytes.extend(addresses.iter().flatten());
    for topic in &filter.topics {
        let mut values: Vec<B256> = topic.iter().copied().collect();
        values.sort_unstable();
        bytes.extend(values.len().to_be_bytes());
        bytes.extend(values.iter().flatten());
    }
    keccak256(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: keccak256(number.to_be_bytes()) }
    }

    fn cursor() -> Cursor {
        Cursor::new(1, B256::ZERO, 10)
    }

    #[test]
    fn a_reorganisation_of_the_greatest_depth_finds_its_ancestor() {
        let cursor = cursor().advanced((10..=30).map(block), 5);
        assert_eq!(cursor.window().first(), Some(&block(25)));
        assert!(!cursor.is_complete());
        // Ranges leave only their ends: the one below stays, however deep.
        let sparse = cursor.advanced([block(1030)], 5);
        assert_eq!(sparse.window(), [block(30), block(1030)]);
    }

    #[test]
    fn all_can_be_undone_until_something_is_forgotten() {
        let cursor = cursor().advanced((10..=15).map(block), 5);
        assert!(cursor.is_complete());
        let (back, reorged_out) = cursor.rolled_back(None);
        assert_eq!(back.next_block(), 10);
        assert_eq!(reorged_out.len(), 6);
        assert!(!cursor.advanced([block(16)], 5).is_complete());
    }

    #[test]
    fn stored_cursors_come_back_and_damaged_ones_do_not() {
        let cursor = cursor().advanced((10..=30).map(block), 5);
        let json = serde_json::to_value(&cursor).unwrap();
        assert_eq!(serde_json::from_value::<Cursor>(json.clone()).unwrap(), cursor);

        type Damage = (&'static str, fn(&mut serde_json::Value));
        let damage: [Damage; 5] = [
            ("has version 2", |json| json["version"] = 2.into()),
            ("out of order at block 25", |json| json["window"][1] = json["window"][0].clone()),
            ("out of order at block 25", |json| json["start_block"] = 26.into()),
            ("names no block", |json| json["window"] = serde_json::json!([])),
            ("unknown field", |json| json["more"] = 1.into()),
        ];
        for (message, change) in damage {
            let mut damaged = json.clone();
            change(&mut damaged);
            let error = serde_json::from_value::<Cursor>(damaged).unwrap_err().to_string();
            assert!(error.contains(message), "{error} does not say {message}");
        }
    }

    #[test]
    fn fingerprints_tell_filters_apart_but_not_their_order() {
        let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let topic = B256::repeat_byte(3);
        let of = |filter: &Filter| fingerprint(filter);
        assert_eq!(of(&Filter::new().address(vec![a, b])), of(&Filter::new().address(vec![b, a])));
        let all = [
            of(&Filter::new()),
            of(&Filter::new().address(a)),
            of(&Filter::new().address(vec![a, b])),
            of(&Filter::new().address(a).event_signature(topic)),
            of(&Filter::new().address(a).topic1(topic)),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
    }
}
