//! Mandates, accounts and batches as they are shown to others: what the HTTP API answers with.
//!
//! In JSON: camelCase, ids as hexadecimal, amounts as decimal strings, times in unix seconds.

mod account;
mod batch;
mod direct;
mod dispute;
mod error;
mod inclusion;
mod mandate;
mod outcome;
mod readiness;

pub(crate) use self::{
    account::status as account_status,
    batch::{status as batch_status, status_with_members as batch_status_with_members},
    direct::status as direct_status,
    dispute::status as dispute_status,
    inclusion::InclusionProofs,
    mandate::status as mandate_status,
    outcome::outcome,
    readiness::{identity, readiness},
};
pub use self::{
    account::{AccountStatus, PendingChange, PurseStatus},
    batch::{BatchStatus, BatchStep, MemberStatus},
    direct::{DirectStatus, RecentMandate},
    dispute::{DisputeList, DisputeStatus, DisputeStep, PayerSignature},
    error::ViewError,
    inclusion::Inclusion,
    mandate::{CaptureStatus, MandateReceipt, MandateState, MandateStatus, MandateTerms},
    readiness::{ChainReadiness, Identity, Readiness, TokenTerms},
};
