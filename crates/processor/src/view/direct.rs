//! The direct path in figures that the ledger keeps up, and its last mandates.

use aep2_ledger::{Ledger, records::DirectSummary};
use aep2_mandate::units::UnixTime;
use alloy::primitives::Address;

use super::{
    error::ViewError,
    mandate::{self, MandateStatus},
};

/// The direct path in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectStatus {
    /// How many mandates have not ended.
    pub live: u64,
    /// How many were settled on chain.
    pub settled: u64,
    /// How many will not be settled.
    pub failed: u64,
    /// The last ones accepted, the newest first: at most ten.
    pub last: Vec<RecentMandate>,
}

/// One of the last mandates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentMandate {
    /// All that is known of it.
    pub status: MandateStatus,
    /// The time of the block that settled it.
    pub settled_at: Option<UnixTime>,
}

/// What the ledger says now.
pub(crate) fn status(ledger: &Ledger, processor: Address) -> Result<DirectStatus, ViewError> {
    let DirectSummary { live, settled, failed, last } = ledger.direct_summary()?;
    let last = last.into_iter().rev().map(|recent| {
        let found = ledger.mandate(recent.mandate)?;
        let found = found.ok_or(ViewError::UnknownMandate { mandate: recent.mandate })?;
        let status = mandate::status(ledger, processor, found)?;
        Ok(RecentMandate { status, settled_at: recent.settled_at })
    });
    Ok(DirectStatus { live, settled, failed, last: last.collect::<Result<_, ViewError>>()? })
}
