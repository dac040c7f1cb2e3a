//! Room: shares of it, and which evidence gives way where there is none.
//!
//! Who signs evidence has a share of the room, so that nobody takes all of it. Small pieces are beyond that:
//! whoever fills a share keeps nobody from showing what is small. Where the whole is full, evidence of disputes
//! that have ended gives way, the one that ended first before the others. What is under a legal hold, or what
//! somebody wants kept, does not.

use aep2_mandate::units::UnixTime;
use aep2_vault::{RecordMeta, WrappedKey};
use alloy_primitives::B256;

use crate::{
    config::EvidenceLimits,
    error::EvidenceError,
    family::{Family, UNERASED, USAGE, end_key, last_in},
    records::{self, DisputeRecord, Disputed, Source, Tx, Usage},
};

/// Takes room for a piece of so many bytes, and notes it in its dispute's record, which is not written yet.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    dispute: &Disputed,
    record: &mut DisputeRecord,
    (size, now, limits): (u64, UnixTime, &EvidenceLimits),
) -> Result<(), EvidenceError> {
    for share in &dispute.shares {
        let with = used_by(tx, *share)?.with(size);
        let (most, small) = (limits.share_bytes_max, limits.small_bytes_max);
        if with.bytes > most && size > small {
            return Err(EvidenceError::ShareFull { most, small });
        }
        records::put(tx, Family::Shares, share.as_slice(), &with)?;
        let own = record.shares.entry(*share).or_default();
        *own = own.with(size);
    }
    let most = limits.bytes_max;
    let missing = used(tx)?.with(size).bytes.saturating_sub(most);
    if missing > 0 {
        give_way(tx, missing, (dispute.id, now))?;
    }
    let whole = used(tx)?;
    let with = whole.with(size);
    if with.bytes > most {
        return Err(EvidenceError::Full { used: whole.bytes, size, most });
    }
    records::put(tx, Family::Whole, USAGE, &with)?;
    record.usage = record.usage.with(size);
    let before = std::mem::replace(&mut record.open_until, dispute.open_until);
    if before != dispute.open_until {
        tx.delete(Family::Ends, end_key(before, dispute.id));
    }
    tx.put(Family::Ends, end_key(dispute.open_until, dispute.id), Vec::new());
    Ok(())
}

/// Destroys evidence of disputes that have ended, until so many bytes are free or there is no more.
fn give_way(
    tx: &mut Tx<'_>,
    mut missing: u64,
    (for_dispute, now): (B256, UnixTime),
) -> Result<(), EvidenceError> {
    let to = end_key(now, B256::repeat_byte(0xff));
    for (key, _) in tx.scan(Family::Ends, &[], Some(&to))? {
        if missing == 0 {
            break;
        }
        let dispute = last_in(&key)
            .ok_or_else(|| records::damaged(Family::Ends, &key, "it is no dispute's"))?;
        if dispute == for_dispute {
            continue;
        }
        let record = records::dispute_in(tx, dispute)?;
        let meta = record.gives_way();
        let gone = destroy(tx, dispute, record, (meta, now))?;
        missing = missing.saturating_sub(gone.unwrap_or_default().bytes);
    }
    Ok(())
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
    for (share, own) in std::mem::take(&mut record.shares) {
        let left = used_by(tx, share)?.without(own);
        records::put(tx, Family::Shares, share.as_slice(), &left)?;
    }
    let destroyed = std::mem::take(&mut record.usage);
    record.destroyed_at = Some(now);
    records::put(tx, Family::Disputes, dispute.as_slice(), &record)?;
    records::put(tx, Family::Whole, USAGE, &used(tx)?.without(destroyed))?;
    tx.delete(Family::Ends, end_key(record.open_until, dispute));
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
