//! The auditor: does the ledger keep its own rules?
//!
//! It reads every record as it is on disk and recomputes what must hold among them. It shares the
//! encoding with the rest of this crate and nothing else: no index is believed, no sum is taken
//! over, and it does not stop at the first thing that is wrong.
//!
//! It holds all records in memory while it works.

mod finding;
mod raw;
mod refunds;
mod rules;

use std::path::Path;

use aep2_journal::{Reader, View};

pub use self::finding::Finding;
use self::raw::Raw;
use crate::{
    error::{LedgerError, OpenError},
    schema::FORMAT,
};

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Mandates looked at.
    pub mandates: u64,
    /// Those that have not ended.
    pub live: u64,
    /// Batches looked at.
    pub batches: u64,
    /// Purses looked at.
    pub purses: u64,
    /// What is wrong, in the order of the rules. Empty is good.
    pub findings: Vec<Finding>,
}

/// Audits the ledger in `directory`, without changing it. Whoever has it open is not disturbed; what
/// is looked at is the ledger as it was when the audit began.
///
/// # Errors
/// When there is no ledger, a newer release wrote it, RocksDB cannot read it, or commits that were
/// acknowledged are missing.
pub fn audit(directory: impl AsRef<Path>) -> Result<Report, OpenError> {
    let reader = Reader::open(directory.as_ref(), FORMAT)?;
    Ok(audit_view(&reader.view())?)
}

/// Audits what a view shows.
pub(crate) fn audit_view(view: &View<'_>) -> Result<Report, LedgerError> {
    let mut findings = Vec::new();
    let raw = Raw::read(view, &mut findings)?;
    rules::check(&raw, &mut findings);
    Ok(Report {
        mandates: raw.mandates.len() as u64,
        live: raw.states.values().filter(|state| state.status.is_live()).count() as u64,
        batches: raw.batches.len() as u64,
        purses: raw.purses.len() as u64,
        findings,
    })
}
