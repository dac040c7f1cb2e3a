//! Cases in the store: found, written, in the order of their deadlines, and kept or destroyed.

use aep2_journal::View;
use aep2_mandate::units::UnixTime;
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    case::{Case, CaseState},
    case_file,
    error::ArbiterError,
    family::Family,
    room, sealed,
    store::{self, Source, Tx, of_number, of_time},
};

/// The key of the next case's number.
const NEXT: &[u8] = b"case";

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
    room::note(tx, case);
    tx.put(Family::Orders, of_order(case, case.number), Vec::new());
    store::put(tx, Family::Cases, of_number(case.number), case)
}

/// The key of a case of the same order as this one. An order is one account's: numbers of orders are the
/// payee's, and whoever else has the same number bought something else, or says so.
fn of_order(case: &Case, number: u64) -> Vec<u8> {
    let account = case.account.get().to_be_bytes();
    [case.reference.as_slice(), &account, &of_number(number)].concat()
}

/// Whether something was given back of the same order in another case.
pub(crate) fn is_given_back(tx: &Tx<'_>, case: &Case) -> Result<bool, ArbiterError> {
    let (from, to) = (of_order(case, 0), of_order(case, u64::MAX));
    for (key, _) in tx.scan(Family::Orders, &from, Some(&to))? {
        let other = find(tx, number_in(&key)?)?;
        if other.number != case.number && gave_back(&other) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a case gave something back, or may have. A processor that says that it did not take a ruling, or does
/// not answer, may have it all the same, and show it whenever it pays.
fn gave_back(case: &Case) -> bool {
    matches!(&case.state, CaseState::Decided { decision, .. } if decision.captured < case.due)
}

/// The other cases of the same order, with their versions.
pub(crate) fn of_same_order(view: &View<'_>, case: &Case) -> Result<Vec<(u64, u64)>, ArbiterError> {
    let order = of_order(case, 0);
    // Without the number.
    let order = order[..order.len() - 8].to_vec();
    let mut others = Vec::new();
    for entry in view.entries_of(Family::Orders, order) {
        let other = find(view, number_in(&entry?.0)?)?;
        if other.number != case.number {
            others.push((other.number, other.version));
        }
    }
    Ok(others)
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

/// The ended cases of which something is kept, with until when: the one that ended first before the others.
pub(crate) fn kept<'a>(
    view: &'a View<'_>,
) -> impl Iterator<Item = Result<(u64, u64), ArbiterError>> + 'a {
    view.entries(Family::Kept, &[]).map(|entry| {
        let (key, _) = entry?;
        let until = key.first_chunk::<8>().map(|time| u64::from_be_bytes(*time));
        let until = until.ok_or_else(|| ArbiterError::Internal("a key is too short".to_owned()))?;
        Ok((until, number_in(&key)?))
    })
}

/// Those that have been kept long enough.
pub(crate) fn to_be_destroyed(
    view: &View<'_>,
    now: UnixTime,
) -> Result<Vec<(u64, u64)>, ArbiterError> {
    let is_over = |kept: &Result<(u64, u64), _>| match kept {
        Ok((until, _)) => *until <= now.get(),
        Err(_) => true,
    };
    kept(view).take_while(is_over).collect()
}

/// Destroys the keys of a case's file and evidence. The case stays, without anything that was said.
pub(crate) fn destroy(
    tx: &mut Tx<'_>,
    (until, number): (u64, u64),
    now: UnixTime,
) -> Result<(), ArbiterError> {
    let kept_until = UnixTime::new(until).unwrap_or(UnixTime::MAX);
    let mut case = find(tx, number)?;
    room::destroy_evidence(tx, &mut case, (kept_until, now))?;
    case_file::place(&case.mandate_id).destroy(tx, sealed::allowed(kept_until, now)?)?;
    tx.delete(Family::Kept, of_time(until, number));
    store::put(tx, Family::Cases, of_number(number), &case)?;
    let about = (action::DESTROYED, About::Case(number));
    audit::write(tx, now, &Actor::Arbiter, about, json!({ "kept_until": until }))
}

/// The number in a key of a time and a number.
pub(crate) fn number_in(key: &[u8]) -> Result<u64, ArbiterError> {
    let number = key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number));
    number.ok_or_else(|| ArbiterError::Internal("a key is too short".to_owned()))
}
