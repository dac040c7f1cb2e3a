//! Whether a payer agrees to a payee's terms, before anything is signed.

use aep2_mandate::units::UnixTime;
use alloy_primitives::Address;
use thiserror::Error;

use crate::{
    disputes::Disputes,
    purchase::Purchase,
    terms::{self, Requirements, TermsError},
};

/// The longest time that a payee's order is waited for, in seconds, whatever it asks for.
const TIMEOUT_S_MAX: u64 = 600;

/// Why a payer does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Disagreement {
    /// The terms are for no place where a mandate can be signed for.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// They are for another request.
    #[error("the terms are for the method {offered}, the request's is {requested}")]
    Method {
        /// The terms'.
        offered: String,
        /// The request's.
        requested: String,
    },
    /// They settle too late: until then what was captured less is not free again.
    #[error("the terms settle within {offered} s, and at most {most} s are agreed to")]
    SettlesTooLate {
        /// The terms', in seconds.
        offered: u64,
        /// The most, in seconds.
        most: u64,
    },
    /// They agree to disputes, and this payer accepts another arbiter, or none.
    #[error("the terms let {arbiter} decide about disputes, which is no arbiter that is accepted")]
    Disputes {
        /// Who would decide.
        arbiter: Address,
    },
}

/// What a payer agrees to.
#[derive(Clone, Copy, Debug)]
pub struct Agreeable<'a> {
    /// How many seconds it waits at most for a settlement. Time for [disputes](crate::disputes) comes on top.
    pub settle_within_s_max: u64,
    /// Whom it lets decide about disputes.
    pub arbiters: &'a [Address],
}

/// What the terms sell for this request, if a payer agrees to them. Whether they are for its own wallet, and what it may spend, is for the caller
/// to say.
///
/// # Errors
/// The first thing that is not right.
pub fn agree(
    terms: &Requirements,
    method: &str,
    resource: &str,
    agreeable: Agreeable<'_>,
) -> Result<Purchase, Disagreement> {
    let purchase = terms::purchase(terms, method, resource)?;
    if let Some(offered) = terms.extra.method.as_ref().filter(|offered| *offered != method) {
        let (offered, requested) = (offered.clone(), method.to_owned());
        return Err(Disagreement::Method { offered, requested });
    }
    let longer_s = purchase.disputes.as_ref().map_or(0, Disputes::longer_s);
    let most = agreeable.settle_within_s_max.saturating_add(longer_s);
    let offered = terms.extra.settle_within_seconds;
    if offered > most {
        return Err(Disagreement::SettlesTooLate { offered, most });
    }
    if let Some(disputes) = &purchase.disputes
        && !agreeable.arbiters.contains(&disputes.arbiter())
    {
        return Err(Disagreement::Disputes { arbiter: disputes.arbiter() });
    }
    Ok(purchase)
}

/// Until when a mandate for these terms is good that is signed now: long enough to be handed in and
/// settled, and `margin_s` seconds more for clocks that differ.
pub fn deadline(terms: &Requirements, now: UnixTime, margin_s: u64) -> UnixTime {
    let seconds =
        [terms.extra.settle_within_seconds, terms.max_timeout_seconds.min(TIMEOUT_S_MAX), margin_s];
    let seconds = seconds.into_iter().fold(0, u64::saturating_add);
    now.checked_add(seconds).unwrap_or(UnixTime::MAX)
}
