//! How much evidence is kept of each processor's cases. Each has room of its own: what one processor's
//! parties hand in takes nothing from another's.

use std::collections::{BTreeMap, BTreeSet};

use aep2_journal::View;
use aep2_mandate::units::UnixTime;
use alloy_primitives::{Address, B256};

use crate::{
    case::Case,
    error::ArbiterError,
    family::Family,
    sealed::{self, Place},
    store::{self, Source, Tx, of_number},
};

/// What evidence is sealed as.
const KIND: &str = "aep2-arbiter/evidence";
/// With a processor's address, the key of how many bytes of evidence there are of its cases.
const BYTES: &[u8] = b"evidence_bytes/";

/// A piece's key: the case's number, then the hash.
pub(crate) fn piece_id(number: u64, hash: B256) -> Vec<u8> {
    [of_number(number), hash.to_vec()].concat()
}

/// Where a piece is.
pub(crate) fn place(id: &[u8]) -> Place<'_> {
    Place { family: Family::Evidence, kind: KIND, id }
}

/// How many bytes of evidence are kept of a processor's cases.
pub(crate) fn used(on: &impl Source, processor: Address) -> Result<u64, ArbiterError> {
    Ok(on.record(Family::Sequences, &key(processor))?.unwrap_or(0))
}

/// Sets how many they are.
pub(crate) fn set_used(
    tx: &mut Tx<'_>,
    processor: Address,
    bytes: u64,
) -> Result<(), ArbiterError> {
    store::put(tx, Family::Sequences, key(processor), &bytes)
}

/// How many there are of each processor's.
pub(crate) fn used_by_all(view: &View<'_>) -> Result<Vec<(Address, u64)>, ArbiterError> {
    let entries = view.entries_of(Family::Sequences, BYTES.to_vec());
    entries
        .map(|entry| {
            let (key, value) = entry?;
            let bytes = store::read(Family::Sequences, &key, &value)?;
            let processor = key.last_chunk::<20>().map(Address::from);
            let processor =
                processor.ok_or_else(|| ArbiterError::Internal("a key is too short".to_owned()))?;
            Ok((processor, bytes))
        })
        .collect()
}

/// How many bytes of evidence are kept of a case. Both parties may have signed for the same bytes, which are kept
/// once.
pub(crate) fn kept_bytes(case: &Case) -> u64 {
    let kept = case.evidence.iter().filter(|own| own.is_kept);
    let pieces: BTreeMap<B256, u64> = kept.map(|own| (own.piece.hash, own.piece.size)).collect();
    pieces.into_values().fold(0, u64::saturating_add)
}

/// Notes whether a case has evidence that gives way: it is to be called with each case that is written.
pub(crate) fn note(tx: &mut Tx<'_>, case: &Case) {
    match case.is_at_its_end() && kept_bytes(case) > 0 {
        true => tx.put(Family::GivesWay, way_key(case), Vec::new()),
        false => tx.delete(Family::GivesWay, way_key(case)),
    }
}

/// Destroys the keys of a case's evidence, which was to be kept until then. Gives how many bytes it had.
pub(crate) fn destroy_evidence(
    tx: &mut Tx<'_>,
    case: &mut Case,
    (kept_until, now): (UnixTime, UnixTime),
) -> Result<u64, ArbiterError> {
    let (bytes, mut seen) = (kept_bytes(case), BTreeSet::new());
    for piece in case.evidence.iter_mut().filter(|piece| piece.is_kept) {
        piece.is_kept = false;
        if seen.insert(piece.piece.hash) {
            let id = piece_id(case.number, piece.piece.hash);
            place(&id).destroy(tx, sealed::allowed(kept_until, now)?)?;
        }
    }
    note(tx, case);
    let left = used(tx, case.processor)?.saturating_sub(bytes);
    set_used(tx, case.processor, left)?;
    Ok(bytes)
}

/// The key of a case among those that give way.
fn way_key(case: &Case) -> Vec<u8> {
    [case.processor.as_slice(), &of_number(case.number)].concat()
}

fn key(processor: Address) -> Vec<u8> {
    [BYTES, processor.as_slice()].concat()
}
