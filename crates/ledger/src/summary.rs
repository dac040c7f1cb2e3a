//! The direct path at a glance, kept up with every change of a status in the same write: what the
//! published MVP's clients ask for again and again must not be counted anew each time.

use aep2_mandate::units::UnixTime;

use crate::{
    error::LedgerError,
    records::{DirectSummary, RecentMandate, SettlementPath, Status},
    schema::{Family, meta},
    source::Source,
    tx::Tx,
    units::MandateHash,
};

/// A mandate was accepted.
pub(crate) fn accepted(
    tx: &mut Tx<'_, '_>,
    path: SettlementPath,
    mandate: MandateHash,
) -> Result<(), LedgerError> {
    change(tx, path, |summary| {
        summary.live += 1;
        if summary.last.len() == DirectSummary::LAST_MAX {
            summary.last.remove(0);
        }
        summary.last.push(RecentMandate { mandate, settled_at: None });
    })
}

/// A mandate's status changed.
pub(crate) fn moved(
    tx: &mut Tx<'_, '_>,
    path: SettlementPath,
    mandate: MandateHash,
    from: &Status,
    to: &Status,
) -> Result<(), LedgerError> {
    change(tx, path, |summary| {
        let before = summary.count_of(from);
        *before = before.saturating_sub(1);
        *summary.count_of(to) += 1;
        if let Some(recent) = summary.recent(mandate) {
            recent.settled_at = None;
        }
    })
}

/// The block that settled a mandate is of this time.
pub(crate) fn settled(
    tx: &mut Tx<'_, '_>,
    path: SettlementPath,
    mandate: MandateHash,
    time: UnixTime,
) -> Result<(), LedgerError> {
    change(tx, path, |summary| {
        if let Some(recent) = summary.recent(mandate) {
            recent.settled_at = Some(time);
        }
    })
}

fn change(
    tx: &mut Tx<'_, '_>,
    path: SettlementPath,
    change: impl FnOnce(&mut DirectSummary),
) -> Result<(), LedgerError> {
    if path != SettlementPath::Direct {
        return Ok(());
    }
    let mut summary = read(tx)?;
    change(&mut summary);
    tx.put_record(Family::Meta, meta::DIRECT.to_vec(), &summary);
    Ok(())
}

/// The summary; empty before the first mandate.
pub(crate) fn read(from: &impl Source) -> Result<DirectSummary, LedgerError> {
    Ok(from.record(Family::Meta, meta::DIRECT)?.unwrap_or_default())
}

impl DirectSummary {
    fn count_of(&mut self, status: &Status) -> &mut u64 {
        match status {
            Status::Settled { .. } => &mut self.settled,
            Status::Failed { .. } => &mut self.failed,
            Status::Queued | Status::InBatch { .. } | Status::Quarantined { .. } => &mut self.live,
        }
    }

    fn recent(&mut self, mandate: MandateHash) -> Option<&mut RecentMandate> {
        self.last.iter_mut().find(|recent| recent.mandate == mandate)
    }
}
