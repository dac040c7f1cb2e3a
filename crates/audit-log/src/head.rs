//! How far a log goes: kept beside its entries, and signed.

use aep2_mandate::{
    typed_data::log_head::LogHead,
    units::{EntryNumber, UnixTime},
};
use alloy_primitives::B256;
use rand::{RngCore, rngs::OsRng};
use thiserror::Error;

use crate::line::Point;

/// A log's id, and its last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// The id: random bytes that the log began with.
    pub log: B256,
    /// The last entry; the place before the first when there is none.
    pub last: Point,
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the record of the log's head is damaged")]
pub struct HeadDefect;

/// The version of the record.
const VERSION: u8 = 1;
/// The version, the id, the last entry's number, big-endian, and its hash.
const BYTES: usize = 1 + 32 + 8 + 32;

impl Head {
    /// The head of a log that begins.
    pub(crate) fn begin() -> Self {
        let mut log = B256::ZERO;
        OsRng.fill_bytes(log.as_mut_slice());
        Self { log, last: Point { number: EntryNumber::MIN, hash: log } }
    }

    /// The place before the first entry.
    pub fn origin(&self) -> Point {
        Point { number: EntryNumber::MIN, hash: self.log }
    }

    /// What is to be signed, so that the log cannot be rewritten unnoticed.
    pub fn to_sign(&self, at: UnixTime) -> LogHead {
        LogHead { log: self.log, number: self.last.number, hash: self.last.hash, at }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let number = self.last.number.get().to_be_bytes();
        [&[VERSION], self.log.as_slice(), &number, self.last.hash.as_slice()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, HeadDefect> {
        let Ok([VERSION, fields @ ..]) = <&[u8; BYTES]>::try_from(bytes) else {
            return Err(HeadDefect);
        };
        let (log, last) = fields.split_at(32);
        let (number, hash) = last.split_at(8);
        let number = number.try_into().map(u64::from_be_bytes).map_err(|_| HeadDefect)?;
        let number = EntryNumber::new(number).map_err(|_| HeadDefect)?;
        let log = B256::from_slice(log);
        Ok(Self { log, last: Point { number, hash: B256::from_slice(hash) } })
    }
}
