//! Starting on a ledger that was restored from a backup.

use aep2_ledger::{GateReason, GateRecord, Ledger, LedgerError};
use aep2_mandate::units::UnixTime;

/// Who has marked a ledger that was restored and not started on.
pub const RESTORED_BY: &str = "aep2 processor restore";
/// Who has marked it when it was.
const STARTED_BY: &str = "the first start after it";

/// Marks a restored ledger anew when it is started on for the first time: until then whoever it was copied from may
/// have gone on.
pub(crate) fn first_start(ledger: &Ledger, now: UnixTime) -> Result<(), LedgerError> {
    let mut gates = ledger.gates().into_iter();
    let restored = gates.find(|(_, reason, _)| *reason == GateReason::Restored);
    match restored {
        Some((.., GateRecord { by, note, .. })) if by == RESTORED_BY => {
            ledger.mark_restored(STARTED_BY.to_owned(), note, now).wait().map(drop)
        }
        _ => Ok(()),
    }
}
