//! Proving a sealed batch: its mandates are checked, they are arranged in segments, each segment is
//! proved, and its proof is stored at once; then the proofs of all are stored as one.
//!
//! The batch's members, shape, time and blinding were fixed when it was sealed, so it is arranged
//! alike after every restart, and a process that died with five of nine segments proved goes on with
//! these five.

use std::{collections::BTreeMap, sync::Arc};

use aep2_chain::wallet::units::shape_of_id;
use aep2_ledger::{BatchView, LedgerError};
use aep2_mandate::mandate::SignedMandate;
use aep2_prover::{
    arrange::{ArrangeError, Batch},
    blinding::Blinding,
    window::{Entry, Place, Window, WindowError},
};

use super::{
    abort,
    check::{Checked, Debit, SettlementTerms, check},
    context::{Context, blocking},
    segments::{Outcome, Segments},
    turn::{DriveError, Turn, WAIT_MIN, overtaken},
};
use crate::{
    event::Event,
    fail_point::{FailPoint, Moment},
};

/// Proves a batch and stores its proofs, unless it is found that it cannot settle.
pub(super) async fn prove(context: &Arc<Context>, batch: BatchView) -> Result<Turn, DriveError> {
    if !context.chain.has_caught_up() {
        tokio::time::sleep(WAIT_MIN).await;
        return Ok(Turn::On);
    }
    if batch.record.valid_until < context.clock.now() {
        return abort::requeue(context, &batch, "its time was over before it was proved").await;
    }
    let checking = Arc::clone(context);
    let (batch, Checked { at_fault, signed }) = blocking(move || {
        let checked = check_members(&checking, &batch)?;
        Ok::<_, LedgerError>((batch, checked))
    })
    .await??;
    if !at_fault.is_empty() {
        return abort::quarantine(context, &batch, "some of its mandates cannot settle", at_fault)
            .await;
    }
    let shape = shape_of_id(batch.record.shape);
    let prover = shape.and_then(|shape| context.provers.get(shape));
    let prover = prover.ok_or(DriveError::NoProver(batch.record.shape))?;
    let window = window_of(context, &batch, signed);
    let blinding = Blinding::from_bytes(batch.record.blinding.0);
    let shape = prover.shape();
    let arranged = blocking(move || {
        let window = window.validate(&mut rand::rngs::OsRng)?;
        Batch::arrange(&window, shape, &blinding)
    });
    let arranged = match arranged.await? {
        Ok(arranged) => Arc::new(arranged),
        Err(ArrangeError::Window(error)) => return unprovable(context, &batch, &error).await,
        Err(error) => return Err(DriveError::Prover(error.into())),
    };

    let segments = Segments { context, prover, number: batch.number, batch: arranged };
    let (proven, took) = match segments.prove().await? {
        Outcome::Proven(proven, took) => (proven, took),
        Outcome::Overtaken(turn) => return Ok(turn),
    };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let bytes = serde_json::to_vec(&proven)?;
    context.reached(FailPoint::StoreProof, Moment::Before);
    let stored = context.ledger.proved(batch.number, proven.id(), bytes).await;
    context.reached(FailPoint::StoreProof, Moment::After);
    if let Some(turn) = overtaken(stored)? {
        return Ok(turn);
    }
    let (count, segments) = (batch.record.count, proven.segments.len());
    context.capacity.is_proved(batch.number);
    tracing::info!(batch = %batch.number, count, segments, took_ms, "proved");
    context.events.emit(Event::Proved { batch: batch.number, took_ms });
    Ok(Turn::On)
}

/// The prover found a mandate that no proof can hold.
async fn unprovable(
    context: &Context,
    batch: &BatchView,
    error: &WindowError,
) -> Result<Turn, DriveError> {
    let at_fault = match error {
        WindowError::OtherToken { place, .. }
        | WindowError::Expired { place, .. }
        | WindowError::OverCaptured { place, .. }
        | WindowError::NonceTwice { place, .. }
        | WindowError::TwoKeys { place, .. }
        | WindowError::BadSignature { place }
        | WindowError::NeedsCapture { place, .. } => Some(place),
        WindowError::Empty | WindowError::TooMany { .. } => None,
    };
    let member = at_fault.and_then(|Place { index, .. }| batch.members.get(*index));
    match member {
        Some(member) => {
            let at_fault = BTreeMap::from([(member.hash, error.to_string())]);
            abort::quarantine(context, batch, "one of its mandates cannot be proved", at_fault)
                .await
        }
        None => abort::split(context, batch, &error.to_string()).await,
    }
}

fn check_members(context: &Context, batch: &BatchView) -> Result<Checked, LedgerError> {
    let record = &batch.record;
    let terms = SettlementTerms {
        path: record.path,
        token: record.token,
        verifier_set: record.verifier_set,
    };
    let debits = batch.members.iter().map(|member| Debit {
        hash: member.hash,
        mandate: &member.mandate,
        pays: member.captured,
    });
    check(&context.ledger, terms, debits)
}

/// The batch as the prover takes it.
fn window_of(context: &Context, batch: &BatchView, signed: Vec<SignedMandate>) -> Window {
    let wallet = context.wallet;
    let captured = batch.members.iter().map(|member| Some(member.captured));
    let entry = |(signed, captured)| Entry { signed, captured };
    Window {
        chain_id: wallet.chain_id,
        wallet: wallet.address,
        token: batch.record.token,
        valid_until: batch.record.valid_until,
        mandates: signed.into_iter().zip(captured).map(entry).collect(),
    }
}
