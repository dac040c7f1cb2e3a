//! Room: shares of it, and which evidence gives way where there is none.
//!
//! Who signs evidence has a share of the room, so that nobody takes all of it. Where a share is full, or the whole,
//! evidence of disputes that have ended gives way, the one that ended first before the others. What is under a
//! legal hold, or what somebody wants kept, does not. And so much is taken of each dispute however full its
//! shares are: whoever fills one keeps nobody from showing what it has to.

use aep2_mandate::units::UnixTime;
use aep2_vault::{RecordMeta, WrappedKey};
use alloy_primitives::B256;

use crate::{
    config::EvidenceLimits,
    error::EvidenceError,
    family::{Family, UNERASED, USAGE, end_key, last_in, share_end_key},
    records::{self, DisputeRecord, Disputed, Source, Tx, Usage},
};

/// Takes room for a piece of so many bytes, and notes it in its dispute's record, which is not written yet.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    dispute: &Disputed,
    record: &mut DisputeRecord,
    (size, now, limits): (u64, UnixTime, &EvidenceLimits),
) -> Result<(), EvidenceError> {
    leave(tx, record, dispute.id);
    for share in &dispute.shares {
        let (most, least) = (limits.share_bytes_max, limits.dispute_bytes_min);
        let missing = used_by(tx, *share)?.with(size).bytes.saturating_sub(most);
        give_way(tx, Some(*share), missing, (dispute.id, now))?;
        let with = used_by(tx, *share)?.with(size);
        let own = record.shares.entry(*share).or_default();
        *own = own.with(size);
        if with.bytes > most && own.bytes > least {
            return Err(EvidenceError::ShareFull { most, least });
        }
        records::put(tx, Family::Shares, share.as_slice(), &with)?;
    }
    let most = limits.bytes_max;
    let missing = used(tx)?.with(size).bytes.saturating_sub(most);
    give_way(tx, None, missing, (dispute.id, now))?;
    let whole = used(tx)?;
    let with = whole.with(size);
    if with.bytes > most {
        return Err(EvidenceError::Full { used: whole.bytes, size, most });
    }
    records::put(tx, Family::Whole, USAGE, &with)?;
    record.usage = record.usage.with(size);
    record.open_until = dispute.open_until;
    enter(tx, record, dispute.id);
    Ok(())
}

/// Destroys evidence of disputes that have ended, until so many bytes are free or there is no more: of all, or of
/// those that have some in a share, and then so many bytes of it.
fn give_way(
    tx: &mut Tx<'_>,
    share: Option<B256>,
    mut missing: u64,
    (for_dispute, now): (B256, UnixTime),
) -> Result<(), EvidenceError> {
    if missing == 0 {
        return Ok(());
    }
    let last = B256::repeat_byte(0xff);
    let (family, from, to) = match share {
        Some(share) => {
            (Family::ShareEnds, share.to_vec(), share_end_key(share, end_key(now, last)))
        }
        None => (Family::Ends, Vec::new(), end_key(now, last)),
    };
    for (key, _) in tx.scan(family, &from, Some(&to))? {
        if missing == 0 {
            break;
        }
        let dispute =
            last_in(&key).ok_or_else(|| records::damaged(family, &key, "it is no dispute's"))?;
        if dispute == for_dispute {
            continue;
        }
        let record = records::dispute_in(tx, dispute)?;
        let (meta, shares) = (record.gives_way(), record.shares.clone());
        let Some(gone) = destroy(tx, dispute, record, (meta, now))? else { continue };
        let free = share.map_or(gone, |share| shares.get(&share).copied().unwrap_or_default());
        missing = missing.saturating_sub(free.bytes);
    }
    Ok(())
}

/// Writes a dispute among those that end.
pub(crate) fn enter(tx: &mut Tx<'_>, record: &DisputeRecord, dispute: B256) {
    let end = end_key(record.open_until, dispute);
    for share in record.shares.keys() {
        tx.put(Family::ShareEnds, share_end_key(*share, end.clone()), Vec::new());
    }
    tx.put(Family::Ends, end, Vec::new());
}

/// Takes a dispute from among those that end.
fn leave(tx: &mut Tx<'_>, record: &DisputeRecord, dispute: B256) {
    let end = end_key(record.open_until, dispute);
    for share in record.shares.keys() {
        tx.delete(Family::ShareEnds, share_end_key(*share, end.clone()));
    }
    tx.delete(Family::Ends, end);
}

/// Destroys a dispute's evidence, if this lets it. Nothing where it is to be kept, or there is none.
pub(crate) fn destroy(
    tx: &mut Tx<'_>,
    dispute: B256,
    mut record: DisputeRecord,
    (meta, now): (RecordMeta, UnixTime),
) -> Result<Option<Usage>, EvidenceError> {
    if record.usage.pieces == 0 {
        return Ok(None);
    }
    for key in keys_of(tx, dispute)? {
        // Asked for each key anew: only the rule gives what makes a tombstone.
        let Ok(allowed) = meta.may_destroy(now) else { return Ok(None) };
        tx.put(Family::Keys, key.clone(), WrappedKey::destroyed(allowed).to_bytes());
        tx.delete(Family::Contents, key);
    }
    leave(tx, &record, dispute);
    for (share, own) in std::mem::take(&mut record.shares) {
        let left = used_by(tx, share)?.without(own);
        records::put(tx, Family::Shares, share.as_slice(), &left)?;
    }
    let destroyed = std::mem::take(&mut record.usage);
    record.destroyed_at = Some(now);
    records::put(tx, Family::Disputes, dispute.as_slice(), &record)?;
    records::put(tx, Family::Whole, USAGE, &used(tx)?.without(destroyed))?;
    note_unerased(tx)?;
    Ok(Some(destroyed))
}

/// Notes that wrapped keys may be on disk which were written over: another note each time.
pub(crate) fn note_unerased(tx: &mut Tx<'_>) -> Result<(), EvidenceError> {
    let note = unerased(tx)?.unwrap_or(0_u64).wrapping_add(1);
    records::put(tx, Family::Whole, UNERASED, &note)
}

/// The note that wrapped keys may be on disk which were written over, if that is so.
pub(crate) fn unerased(on: &impl Source) -> Result<Option<u64>, EvidenceError> {
    on.record(Family::Whole, UNERASED)
}

fn used(on: &impl Source) -> Result<Usage, EvidenceError> {
    Ok(on.record(Family::Whole, USAGE)?.unwrap_or_default())
}

fn used_by(on: &impl Source, share: B256) -> Result<Usage, EvidenceError> {
    Ok(on.record(Family::Shares, share.as_slice())?.unwrap_or_default())
}

/// The places of a dispute's wrapped keys.
fn keys_of(tx: &Tx<'_>, dispute: B256) -> Result<Vec<Vec<u8>>, EvidenceError> {
    // Past the last piece that there can be, so that other disputes are not read.
    let to = [dispute.as_slice(), &[0xff; 33]].concat();
    Ok(tx.scan(Family::Keys, dispute.as_slice(), Some(&to))?.into_keys().collect())
}
