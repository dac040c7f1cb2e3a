//! From older formats of the store to the present one.

use std::error::Error;

use aep2_journal::Migration;
use aep2_mandate::units::UnixTime;
use aep2_vault::RecordMeta;
use serde::Deserialize;

use crate::{
    family::{Family, UNERASED, end_key, last_in},
    records::{self, DisputeRecord, Tx, Usage},
    room,
};

/// One step for each older format.
pub(crate) const MIGRATIONS: [Migration; 2] =
    [Migration { from: 1, run: with_ends }, Migration { from: 2, run: with_share_ends }];

/// What format 1 had of a dispute.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Before {
    usage: Usage,
    retention: RecordMeta,
    destroyed_at: Option<UnixTime>,
}

/// Disputes have ends and shares. When those that are there end is not known: none gives way.
fn with_ends(tx: &mut Tx<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
    for (key, value) in tx.scan(Family::Disputes, &[], None)? {
        let Before { usage, retention, destroyed_at } =
            records::read(Family::Disputes, &key, &value)?;
        let open_until = retention.kept_until;
        if usage.pieces > 0 {
            let dispute = last_in(&key).ok_or("a dispute's key is too short")?;
            tx.put(Family::Ends, end_key(open_until, dispute), Vec::new());
        }
        let record =
            DisputeRecord { usage, retention, destroyed_at, open_until, ..DisputeRecord::new() };
        records::put(tx, Family::Disputes, &key, &record)?;
    }
    if tx.get(Family::Whole, UNERASED)?.is_some() {
        records::put(tx, Family::Whole, UNERASED, &1)?;
    }
    Ok(())
}

/// Each share has the ends of the disputes that have something in it.
fn with_share_ends(tx: &mut Tx<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
    for (key, value) in tx.scan(Family::Disputes, &[], None)? {
        let record: DisputeRecord = records::read(Family::Disputes, &key, &value)?;
        if record.usage.pieces > 0 {
            let dispute = last_in(&key).ok_or("a dispute's key is too short")?;
            room::enter(tx, &record, dispute);
        }
    }
    Ok(())
}
