//! What local control answers.

use aep2_ledger::GateRecord;
use aep2_mandate::units::UnixTime;
use aep2_processor::operating::Standing;
use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

/// How a processor stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The processor.
    pub processor: Address,
    /// The program's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// Whether mandates are accepted.
    pub accepts: bool,
    /// What stands in the way, for people.
    pub obstacles: Vec<String>,
    /// Since when it is paused, and who said so; null where it is not.
    pub paused: Option<Closed>,
    /// When it was restored from a backup, and which one; null where it was not, or goes on since.
    pub restored: Option<Closed>,
    /// Until when promises may stand that are not known since it was restored; null where it was not.
    pub promised_until: Option<UnixTime>,
    /// How much there is to be done. Its fields stand among these.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Why nothing is accepted: since when, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Since when.
    pub since: UnixTime,
    /// Who said so.
    pub by: String,
    /// What there is to say about it.
    pub note: String,
}

impl From<GateRecord> for Closed {
    fn from(GateRecord { since, by, note }: GateRecord) -> Self {
        Self { since, by, note }
    }
}

/// Something was switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    /// Whether it was not so before.
    pub changed: bool,
}

/// It accepts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Whether it was paused.
    pub was_paused: bool,
    /// Whether it was restored from a backup.
    pub was_restored: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which kind of reason.
    pub code: String,
    /// What to do about it, for people.
    pub message: String,
}
