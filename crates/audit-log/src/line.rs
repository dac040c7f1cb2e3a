//! An entry as a line: the bytes that are stored, exported and hashed.
//!
//! ```json
//! {"number":1,"previous":"…","at":1790000000,"actor":{"kind":"owner","id":"…"},"action":"card.frozen","subject":{"kind":"card","id":"7"},"details":{}}
//! ```
//!
//! The fields are in this order, without white space; the number and the hash come first, so that a
//! shell can check them without reading JSON. There is one spelling of a line: another one of the
//! same entry is no entry.

use aep2_mandate::units::{EntryNumber, UnixTime};
use alloy_primitives::{B256, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    details::Details,
    entry::Entry,
    name::{Name, Reference},
};

/// The most bytes of a line that are read. None that is written is longer: names, ids and details
/// have their bounds.
pub const LINE_BYTES_MAX: usize = 16 << 10;

/// A place in a log: an entry's number, and the SHA-256 of its line, without the line feed. It fixes
/// every entry up to there.
///
/// The place before the first entry has number 0, and the log's id for a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// The entry's number.
    pub number: EntryNumber,
    /// The hash.
    pub hash: B256,
}

/// An entry at its place in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1 up, without gaps.
    pub number: EntryNumber,
    /// The SHA-256 of the line before; of the first line, the log's id. So the id is part of the
    /// chain: a log of another id has other hashes from the first line on.
    pub previous: B256,
    /// What it says.
    pub entry: Entry,
}

/// Why bytes are no line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineDefect {
    /// Not the JSON of an entry.
    #[error("no entry: {0}")]
    NotAnEntry(String),
    /// Something that means the same, written otherwise.
    #[error("an entry that is not written as entries are: other spaces, order, or spelling")]
    OtherSpelling,
    /// Too long.
    #[error("longer than {LINE_BYTES_MAX} bytes, which no entry is")]
    TooLong,
}

/// The fields, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    number: u64,
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    previous: B256,
    at: u64,
    actor: Reference,
    action: Name,
    subject: Reference,
    details: Details,
}

impl Line {
    /// Its bytes, without a line feed.
    ///
    /// # Errors
    /// serde's own: none for what this crate's types hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Entry { at, actor, action, subject, details } = self.entry.clone();
        let fields = Fields {
            number: self.number.get(),
            previous: self.previous,
            at: at.get(),
            actor,
            action,
            subject,
            details,
        };
        serde_json::to_vec(&fields)
    }

    /// Reads a line, without its line feed.
    ///
    /// # Errors
    /// When it is anything but the one spelling of an entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LineDefect> {
        if bytes.len() > LINE_BYTES_MAX {
            return Err(LineDefect::TooLong);
        }
        let not_an_entry =
            |error: &dyn std::fmt::Display| LineDefect::NotAnEntry(error.to_string());
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| not_an_entry(&error))?;
        let line = Self {
            number: EntryNumber::new(fields.number).map_err(|error| not_an_entry(&error))?,
            previous: fields.previous,
            entry: Entry {
                at: UnixTime::new(fields.at).map_err(|error| not_an_entry(&error))?,
                actor: fields.actor,
                action: fields.action,
                subject: fields.subject,
                details: fields.details,
            },
        };
        // What serde lets pass, and whatever else reads as the same, is noticed here.
        match line.to_bytes() {
            Ok(written) if written == bytes => Ok(line),
            _ => Err(LineDefect::OtherSpelling),
        }
    }
}

/// The SHA-256 of a line's bytes, without the line feed.
pub(crate) fn hash(line: &[u8]) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::digest(line)))
}

/// As `sha256sum` prints it.
fn write_hash<S: Serializer>(hash: &B256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(hash))
}

fn read_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut hash = B256::ZERO;
    hex::decode_to_slice(&text, hash.as_mut_slice()).map_err(de::Error::custom)?;
    Ok(hash)
}
