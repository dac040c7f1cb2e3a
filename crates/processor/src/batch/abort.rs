//! Aborting a batch: its mandates are queued again, together or in halves, or quarantined.

use std::{collections::BTreeMap, sync::Arc};

use aep2_ledger::{BatchView, Disposition, MandateHash, limits::REASON_BYTES_MAX};

use super::{
    context::{Context, blocking},
    turn::{DriveError, Turn, overtaken},
};
use crate::{
    event::Event,
    fail_point::{FailPoint, Moment},
};

/// Aborts the batch; all members wait for others.
pub(super) async fn requeue(
    context: &Context,
    batch: &BatchView,
    reason: &str,
) -> Result<Turn, DriveError> {
    abort(context, batch, reason, &BTreeMap::new()).await
}

/// Aborts the batch; its halves settle each by itself. A single mandate is quarantined.
pub(super) async fn split(
    context: &Context,
    batch: &BatchView,
    reason: &str,
) -> Result<Turn, DriveError> {
    let members: Vec<MandateHash> = batch.live().map(|member| member.hash).collect();
    if let [only] = members[..] {
        let at_fault = BTreeMap::from([(only, reason.to_owned())]);
        return quarantine(context, batch, reason, at_fault).await;
    }
    // Before they are queued: nobody is to put them together again.
    context.quarantine().halve(&members);
    abort(context, batch, reason, &BTreeMap::new()).await
}

/// Aborts the batch; those at fault are quarantined, each with its reason.
pub(super) async fn quarantine(
    context: &Context,
    batch: &BatchView,
    reason: &str,
    at_fault: BTreeMap<MandateHash, String>,
) -> Result<Turn, DriveError> {
    let turn = abort(context, batch, reason, &at_fault).await?;
    let now = context.clock.now();
    let mut quarantine = context.quarantine();
    for mandate in at_fault.into_keys() {
        quarantine.add(mandate, now);
    }
    Ok(turn)
}

async fn abort(
    context: &Context,
    batch: &BatchView,
    reason: &str,
    at_fault: &BTreeMap<MandateHash, String>,
) -> Result<Turn, DriveError> {
    // As they are now: some may have ended since.
    let (ledger, number) = (Arc::clone(&context.ledger), batch.number);
    let Some(now) = blocking(move || ledger.batch_view(number)).await?? else {
        return Ok(Turn::Done);
    };
    let disposition = |hash: MandateHash| match at_fault.get(&hash) {
        Some(reason) => Disposition::Quarantined { reason: bounded(reason) },
        None => Disposition::Requeue,
    };
    let dispositions = now.live().map(|member| (member.hash, disposition(member.hash))).collect();
    let reason = bounded(reason);
    tracing::warn!(
        batch = %batch.number,
        count = batch.record.count,
        quarantined = at_fault.len(),
        reason,
        "aborting a batch"
    );
    context.reached(FailPoint::Abort, Moment::Before);
    let aborted = context.ledger.abort(batch.number, reason.clone(), dispositions).await;
    context.reached(FailPoint::Abort, Moment::After);
    if let Some(turn) = overtaken(aborted)? {
        return Ok(turn);
    }
    context.events.emit(Event::Aborted { batch: batch.number, reason });
    Ok(Turn::Done)
}

/// A reason as long as the ledger takes it.
fn bounded(reason: &str) -> String {
    let end = (0..=REASON_BYTES_MAX.min(reason.len()))
        .rev()
        .find(|end| reason.is_char_boundary(*end))
        .unwrap_or(0);
    reason[..end].to_owned()
}
