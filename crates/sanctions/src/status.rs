//! How each list is, for operators. It names no party; [`Findings`] quote what a list has for an
//! address, with the list's id of the party.

use serde::Serialize;

use crate::{
    content::Findings,
    dated::Dated,
    hash::FileHash,
    refusal::Refusal,
    settings::{Format, OnStale},
};

/// Whether a list is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// It is not.
    Fresh,
    /// It is older than `max_age_s`, or more than a day from the future: then the clock is wrong.
    Stale,
}

/// A file that did not become the list in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedReload {
    /// When, in seconds since 1970.
    pub at_s: u64,
    /// Why, as a stable name.
    pub code: &'static str,
    /// Why, in words.
    pub reason: String,
}

impl RefusedReload {
    pub(crate) fn new(at_s: u64, refusal: &Refusal) -> Self {
        Self { at_s, code: refusal.code(), reason: refusal.to_string() }
    }
}

/// An officer's word that a file may shrink a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AcceptedShrink {
    /// Which file.
    pub sha256: FileHash,
    /// Who says so.
    pub officer: String,
}

/// How a list is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListStatus {
    /// Its name in the settings.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// The version of the set in force: the number of the lists when it came in force.
    pub version: u64,
    /// The SHA-256 of its file.
    pub sha256: FileHash,
    /// How many addresses it has.
    pub count: usize,
    /// Its date.
    pub dated: Dated,
    /// How old it is, in seconds.
    pub age_s: u64,
    /// From which age on it is stale, in seconds.
    pub max_age_s: u64,
    /// Whether it is.
    pub freshness: Freshness,
    /// What a stale list does.
    pub on_stale: OnStale,
    /// What an officer should know of its content.
    pub findings: Findings,
    /// When its file was last looked at, in seconds since 1970.
    pub checked_at_s: u64,
    /// The last reload, if it was refused. The set above stayed in force.
    pub refused: Option<RefusedReload>,
    /// What an officer accepted and no file has used yet.
    pub accepted_shrink: Option<AcceptedShrink>,
}
