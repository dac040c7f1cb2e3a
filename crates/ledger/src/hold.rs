//! Holds: what keeps a queued mandate out of windows for a while.
//!
//! A hold is beside a mandate's status, which stays `queued`. A mandate with holds is not in the queue
//! but among the held, in the order in which the last of its holds ends; [`release_over`] puts it back at
//! its old place in the order of acceptance. Holds outlast a quarantine, and a chain that undoes what
//! ended the mandate.
//!
//! Whoever asks for a hold does not decide how long it lasts: **no hold outlasts what the promise
//! allows**. It ends [`LedgerConfig::hold_margin_s`] before `settleBy` at the latest, or in the last quarter
//! of the time until then, as the mandate's hash has it: thousands that are held as long as possible are
//! not to become due in one second.
//!
//! The exception is a freeze ([`HoldKind::Freeze`]): it lasts until the mandate cannot settle any more,
//! whatever was promised. Somebody decided to break the promise, and the bond answers for it.

use aep2_mandate::units::UnixTime;
use thiserror::Error;

use crate::{
    config::LedgerConfig,
    error::{LedgerError, by_way_of_ledger_error},
    life::Entry,
    limits,
    records::{HoldKind, HoldRecord, Status},
    tx::Tx,
    units::MandateHash,
};

/// How long a freeze outlasts the mandate's deadline, in seconds: more than the chain's clock and this
/// machine's can differ, so that nothing frozen is released while the chain would still settle it.
pub(crate) const FREEZE_PAST_DEADLINE_S: u64 = 86_400;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The mandate.
    pub mandate: MandateHash,
    /// Why.
    pub kind: HoldKind,
    /// Until when, if the promise allows it. Of a freeze it is not looked at.
    pub until: UnixTime,
    /// Who asks, at most [`limits::BY_BYTES_MAX`].
    pub by: String,
}

/// Why a mandate is not held.
#[derive(Clone, Debug, Error)]
pub enum HoldError {
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Only what waits can be held.
    #[error("too late to hold: the mandate is {}", status.name())]
    NotQueued {
        /// Where the mandate is.
        status: Status,
    },
    /// The promise does not allow it, or it was to end before it began.
    #[error("it can be held until {latest} at the latest, for the receipt's sake, and it is {now}")]
    TooLate {
        /// When a hold must end.
        latest: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// It is not held so.
    #[error("the mandate has no hold of the kind {}", kind.name())]
    NotHeld {
        /// The kind.
        kind: HoldKind,
    },
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(HoldError);

/// When a hold must have ended for a promise to be kept.
pub(crate) fn limit(config: &LedgerConfig, settle_by: UnixTime) -> UnixTime {
    let limit = settle_by.get().saturating_sub(config.hold_margin_s);
    UnixTime::new(limit).unwrap_or(UnixTime::MIN)
}

/// When a hold on this very mandate ends at the latest: in the last quarter of the time between its
/// acceptance and the limit.
fn latest_end(config: &LedgerConfig, entry: &Entry) -> UnixTime {
    let limit = limit(config, entry.mandate.settle_by);
    let room = limit.seconds_since(entry.mandate.accepted_at).unwrap_or(0);
    let [.., a, b, c, d] = entry.hash.bytes().0;
    let spread = u64::from(u32::from_be_bytes([a, b, c, d])) % (room / 4 + 1);
    UnixTime::new(limit.get().saturating_sub(spread)).unwrap_or(UnixTime::MIN)
}

/// When a freeze ends: when the chain has long refused the mandate.
pub(crate) fn freeze_end(deadline: UnixTime) -> UnixTime {
    let end = deadline.get().saturating_add(FREEZE_PAST_DEADLINE_S);
    UnixTime::new(end).unwrap_or(UnixTime::MAX)
}

/// The hold of a mandate whose terms have it settle no earlier than `until`.
pub(crate) fn of_terms(until: UnixTime, now: UnixTime) -> Option<HoldRecord> {
    let (kind, by) = (HoldKind::NotBefore, String::from("terms"));
    (until > now).then_some(HoldRecord { kind, until, since: now, by })
}

/// Puts a hold on a queued mandate, in place of one of the same kind.
pub(crate) fn hold(
    tx: &mut Tx<'_, '_>,
    hold: Hold,
    now: UnixTime,
) -> Result<HoldRecord, HoldError> {
    let Hold { mandate, kind, until, by } = hold;
    limits::within("the name of who holds", by.as_bytes(), limits::BY_BYTES_MAX)?;
    let mut entry = queued(tx, mandate)?;
    let latest = latest_end(tx.config, &entry);
    let until = match kind {
        HoldKind::Freeze => freeze_end(entry.mandate.promise.deadline()),
        _ => until.min(latest),
    };
    if until <= now {
        return Err(HoldError::TooLate { latest, now });
    }
    let record = HoldRecord { kind, until, since: now, by };
    entry.change_holds(tx, now, |holds| {
        holds.retain(|own| own.kind != kind);
        holds.push(record.clone());
        holds.sort_unstable_by_key(|own| own.kind);
    });
    Ok(record)
}

/// Takes a hold off a queued mandate. The mandate is back in the queue when it was the last one.
pub(crate) fn release(
    tx: &mut Tx<'_, '_>,
    (mandate, kind): (MandateHash, HoldKind),
    now: UnixTime,
) -> Result<(), HoldError> {
    let mut entry = queued(tx, mandate)?;
    if !entry.state.holds.iter().any(|own| own.kind == kind) {
        return Err(HoldError::NotHeld { kind });
    }
    entry.change_holds(tx, now, |holds| holds.retain(|own| own.kind != kind));
    Ok(())
}

/// Puts those of the candidates back into the queue whose holds are all over.
pub(crate) fn release_over(
    tx: &mut Tx<'_, '_>,
    candidates: Vec<MandateHash>,
    now: UnixTime,
) -> Result<Vec<MandateHash>, LedgerError> {
    let mut released = Vec::new();
    for hash in candidates {
        let mut entry = Entry::expect(tx, hash, "what is held")?;
        let over = entry.state.held_until().is_some_and(|until| until <= now);
        if over && entry.state.status == Status::Queued {
            entry.change_holds(tx, now, |holds| holds.clear());
            released.push(hash);
        }
    }
    Ok(released)
}

fn queued(tx: &Tx<'_, '_>, mandate: MandateHash) -> Result<Entry, HoldError> {
    let entry = Entry::find(tx, mandate)?.ok_or(HoldError::UnknownMandate { mandate })?;
    match entry.state.status {
        Status::Queued => Ok(entry),
        status => Err(HoldError::NotQueued { status }),
    }
}
