//! Giving way: where a processor's room for evidence is full, the evidence of its cases that have ended goes.

use aep2_journal::View;
use aep2_mandate::units::UnixTime;
use alloy_primitives::Address;
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    cases,
    error::ArbiterError,
    family::Family,
    room,
    store::{self, Tx, of_number},
};

/// Which ended cases of a processor have to lose their evidence so that so many bytes fit into `most`: those that
/// began first. Nothing where not even all of them make the room.
pub(crate) fn making_room(
    view: &View<'_>,
    processor: Address,
    (size, most): (u64, u64),
) -> Result<Option<Vec<u64>>, ArbiterError> {
    let missing = room::used(view, processor)?.saturating_add(size).saturating_sub(most);
    let (mut ended, mut free) = (Vec::new(), 0_u64);
    let mut entries = view.entries_of(Family::GivesWay, processor.to_vec());
    while free < missing {
        let Some(entry) = entries.next() else { return Ok(None) };
        let case = cases::find(view, cases::number_in(&entry?.0)?)?;
        free = free.saturating_add(room::kept_bytes(&case));
        ended.push(case.number);
    }
    Ok(Some(ended))
}

/// Makes room for so many bytes by destroying the evidence of these cases. Whether that makes it: otherwise nothing is
/// destroyed.
pub(crate) fn make_room(
    tx: &mut Tx<'_>,
    processor: Address,
    (size, most): (u64, u64),
    (ended, now): (&[u64], UnixTime),
) -> Result<bool, ArbiterError> {
    let cases = ended.iter().map(|number| cases::find(tx, *number));
    let cases = cases.collect::<Result<Vec<_>, _>>()?;
    let free = cases.iter().map(room::kept_bytes).fold(0, u64::saturating_add);
    if room::used(tx, processor)?.saturating_sub(free).saturating_add(size) > most {
        return Ok(false);
    }
    for mut case in cases {
        let bytes = room::destroy_evidence(tx, &mut case, (now, now))?;
        store::put(tx, Family::Cases, of_number(case.number), &case)?;
        let about = (action::EVIDENCE_GONE, About::Case(case.number));
        audit::write(tx, now, &Actor::Arbiter, about, json!({ "size": bytes }))?;
    }
    Ok(true)
}
