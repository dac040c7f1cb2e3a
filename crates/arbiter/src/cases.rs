//! Cases in the store: found, written, in the order of their deadlines, and kept or destroyed.

use std::collections::BTreeSet;

use aep2_journal::View;
use aep2_mandate::units::UnixTime;
use aep2_vault::{MayDestroy, RecordMeta, Sealed, WrappedKey};
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    case::{Case, CaseState},
    error::ArbiterError,
    family::Family,
    store::{self, Source, Tx, of_number, of_time},
};

/// The key of the next case's number.
const NEXT: &[u8] = b"case";
/// The key of how many bytes of evidence there are.
const EVIDENCE_BYTES: &[u8] = b"evidence_bytes";

/// A case.
pub(crate) fn find(on: &impl Source, number: u64) -> Result<Case, ArbiterError> {
    let found = on.record(Family::Cases, &of_number(number))?;
    found.ok_or(ArbiterError::UnknownCase(number))
}

/// A case as it was seen.
pub(crate) fn find_at(on: &impl Source, number: u64, version: u64) -> Result<Case, ArbiterError> {
    let case = find(on, number)?;
    match case.version == version {
        true => Ok(case),
        false => Err(ArbiterError::CaseChanged { number, is: case.version, expected: version }),
    }
}

/// The number of the case about a mandate.
pub(crate) fn of_mandate(
    on: &impl Source,
    mandate: alloy_primitives::B256,
) -> Result<Option<u64>, ArbiterError> {
    on.record(Family::Mandates, mandate.as_slice())
}

/// The number of the next case, which is taken with this.
pub(crate) fn next_number(tx: &mut Tx<'_>) -> Result<u64, ArbiterError> {
    let number: u64 = tx.record(Family::Sequences, NEXT)?.unwrap_or(1);
    store::put(tx, Family::Sequences, NEXT.to_vec(), &(number + 1))?;
    Ok(number)
}

/// The number that the next case will have.
fn coming_number(on: &impl Source) -> Result<u64, ArbiterError> {
    Ok(on.record(Family::Sequences, NEXT)?.unwrap_or(1))
}

/// Writes a case that was `before`, its version raised: among those to be worked on until its end, among
/// those that are kept afterwards.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    before: Option<&Case>,
    case: &mut Case,
    kept_until: UnixTime,
) -> Result<(), ArbiterError> {
    let work = |case: &Case| of_time(case.decide_by.get(), case.number);
    if let Some(before) = before {
        tx.delete(Family::Work, work(before));
        case.version = before.version + 1;
    }
    if case.is_at_its_end() {
        if before.is_none_or(|before| !before.is_at_its_end()) {
            let key = of_time(kept_until.get(), case.number);
            tx.put(Family::Kept, key, Vec::new());
        }
    } else {
        tx.put(Family::Work, work(case), Vec::new());
    }
    let of_order = [case.reference.to_vec(), of_number(case.number)].concat();
    tx.put(Family::Orders, of_order, Vec::new());
    store::put(tx, Family::Cases, of_number(case.number), case)
}

/// Whether something was given back of the same order in another case.
pub(crate) fn is_given_back(tx: &Tx<'_>, case: &Case) -> Result<bool, ArbiterError> {
    let key = |number: u64| [case.reference.to_vec(), of_number(number)].concat();
    let (from, to) = (key(0), key(u64::MAX));
    for (key, _) in tx.scan(Family::Orders, &from, Some(&to))? {
        let other = find(tx, number_in(&key)?)?;
        let gave = match &other.state {
            CaseState::Decided { decision, .. } => decision.captured < other.due,
            _ => false,
        };
        if other.number != case.number && gave {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The cases that are to be worked on, the one that ends first before the others.
pub(crate) fn in_order_of_deadlines(view: &View<'_>) -> Result<Vec<Case>, ArbiterError> {
    let entries = view.entries(Family::Work, &[]);
    entries.map(|entry| find(view, number_in(&entry?.0)?)).collect()
}

/// Cases before a number, the newest first.
pub(crate) fn newest_first(
    view: &View<'_>,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Case>, ArbiterError> {
    let end = before.unwrap_or(u64::MAX).min(coming_number(view)?);
    let numbers = (1..end).rev().take(limit);
    numbers.map(|number| find(view, number)).collect()
}

/// How many bytes of evidence are kept.
pub(crate) fn evidence_bytes(on: &impl Source) -> Result<u64, ArbiterError> {
    Ok(on.record(Family::Sequences, EVIDENCE_BYTES)?.unwrap_or(0))
}

/// Sets how many bytes of evidence are kept.
pub(crate) fn set_evidence_bytes(tx: &mut Tx<'_>, bytes: u64) -> Result<(), ArbiterError> {
    store::put(tx, Family::Sequences, EVIDENCE_BYTES.to_vec(), &bytes)
}

/// The ended cases whose files have been kept long enough, with when that was.
pub(crate) fn to_be_destroyed(
    view: &View<'_>,
    now: UnixTime,
) -> Result<Vec<(u64, u64)>, ArbiterError> {
    let mut found = Vec::new();
    for entry in view.entries(Family::Kept, &[]) {
        let (key, _) = entry?;
        let until = key.first_chunk::<8>().map(|time| u64::from_be_bytes(*time));
        let until = until.ok_or_else(|| ArbiterError::Internal("a key is too short".to_owned()))?;
        if until > now.get() {
            break;
        }
        found.push((until, number_in(&key)?));
    }
    Ok(found)
}

/// Destroys the keys of a case's file and evidence. The case stays, without anything that was said.
pub(crate) fn destroy(
    tx: &mut Tx<'_>,
    (until, number): (u64, u64),
    now: UnixTime,
) -> Result<u64, ArbiterError> {
    let may = || -> Result<MayDestroy, ArbiterError> {
        let kept_until = UnixTime::new(until).unwrap_or(UnixTime::MAX);
        let meta = RecordMeta { kept_until, legal_hold: false };
        meta.may_destroy(now).map_err(|error| ArbiterError::Internal(error.to_string()))
    };
    let destroyed = |may: MayDestroy| {
        Sealed { key: WrappedKey::destroyed(may), ciphertext: Vec::new() }.to_bytes()
    };
    let mut case = find(tx, number)?;
    let mut bytes = evidence_bytes(tx)?;
    let mut seen = BTreeSet::new();
    for piece in case.evidence.iter_mut().filter(|piece| piece.is_kept) {
        piece.is_kept = false;
        // Both parties may have signed for the same bytes, which are kept once.
        if seen.insert(piece.piece.hash) {
            let key = [of_number(number), piece.piece.hash.to_vec()].concat();
            tx.put(Family::Evidence, key, destroyed(may()?));
            bytes = bytes.saturating_sub(piece.piece.size);
        }
    }
    tx.put(Family::Files, case.mandate_id.to_vec(), destroyed(may()?));
    tx.delete(Family::Kept, of_time(until, number));
    set_evidence_bytes(tx, bytes)?;
    store::put(tx, Family::Cases, of_number(number), &case)?;
    let about = (action::DESTROYED, About::Case(number));
    audit::write(tx, now, &Actor::Arbiter, about, json!({ "kept_until": until }))?;
    Ok(bytes)
}

/// The number in a key of a time and a number.
fn number_in(key: &[u8]) -> Result<u64, ArbiterError> {
    let number = key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number));
    number.ok_or_else(|| ArbiterError::Internal("a key is too short".to_owned()))
}
