//! The direct path at a glance.

use aep2_mandate::units::UnixTime;

use crate::{
    codec::{Record, fields},
    units::MandateHash,
};

/// How many direct mandates there are, by what became of them, and the last ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectSummary {
    /// Those that have not ended: queued, in a batch or quarantined.
    pub live: u64,
    /// Those that were settled.
    pub settled: u64,
    /// Those that will not be settled.
    pub failed: u64,
    /// The last ones in the order of acceptance, at most [`LAST_MAX`](Self::LAST_MAX).
    pub last: Vec<RecentMandate>,
}
fields!(DirectSummary { live, settled, failed, last });

impl DirectSummary {
    /// How many of the last mandates are named.
    pub const LAST_MAX: usize = 10;
}

impl Record for DirectSummary {
    const VERSION: u8 = 1;
}

/// One of the last mandates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentMandate {
    /// Its digest.
    pub mandate: MandateHash,
    /// The time of the block that settled it, if it is settled.
    pub settled_at: Option<UnixTime>,
}
fields!(RecentMandate { mandate, settled_at });
