//! Driving one batch from step to step.
//!
//! Each turn reads where the batch stands in the ledger, and does what comes next. Nothing is remembered
//! from one turn to the next but what waiting is made of, so it makes no difference whether a turn
//! follows another or a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aep2_chain::{
    sender::{Broadcast, Outcome, Pending, SenderError},
    wallet::error::WalletError,
};
use aep2_ledger::{BatchNumber, BatchView, LedgerError, MandateHash, SettlementPath, Step};
use alloy::providers::Provider;

use super::{
    abort,
    context::{Context, blocking},
    prove::prove,
    refusal::refused,
    round::Round,
    sending::{BatchCall, CallError, NotSent, call_of},
    turn::{DriveError, Turn, WAIT_MAX, WAIT_MIN, overtaken},
};
use crate::{
    event::Event,
    fail_point::{FailPoint, Moment},
};

/// How often in a row a node may fail to run a call before the call is thought to be why.
const NOT_SIMULATED_MAX: u32 = 5;

/// How often a batch is sent anew after it was mined and failed, though it would succeed when tried.
const ROUNDS_MAX: u32 = 5;

/// Drives a batch until it has ended.
pub(super) async fn drive(context: Arc<Context>, batch: BatchNumber) {
    let mut wait = WAIT_MIN;
    let mut driver = Driver { context, number: batch, not_simulated: 0, gas_noted: false };
    loop {
        match driver.turn().await {
            Ok(Turn::On) => wait = WAIT_MIN,
            Ok(Turn::Done) => return,
            Err(error) => {
                tracing::warn!(%batch, %error, "a batch did not go on; trying again");
                if driver.context.ledger.failure().is_some() {
                    return;
                }
                driver.context.alarms.set("batch_stuck", true);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(WAIT_MAX);
            }
        }
    }
}

/// Whether the wallet remembers another batch where this one names its place, so that it is to name
/// another.
fn names_another_place(error: &WalletError, round: Round) -> bool {
    matches!(error, WalletError::PlaceTaken { .. }) && round.number() < ROUNDS_MAX
}

struct Driver {
    context: Arc<Context>,
    number: BatchNumber,
    not_simulated: u32,
    gas_noted: bool,
}

impl Driver {
    async fn turn(&mut self) -> Result<Turn, DriveError> {
        let (context, number) = (Arc::clone(&self.context), self.number);
        let batch = blocking(move || context.ledger.batch_view(number)).await??;
        let Some(batch) = batch else { return Ok(Turn::Done) };
        match (&batch.record.step, batch.record.path) {
            (Step::Confirmed { .. } | Step::Final { .. } | Step::Aborted { .. }, _) => {
                Ok(Turn::Done)
            }
            (Step::Sealed | Step::Proved | Step::Submitted { .. }, _) if !batch.is_whole() => {
                let reason = "some of its mandates ended, or were settled by other means";
                abort::requeue(&self.context, &batch, reason).await
            }
            (Step::Sealed, SettlementPath::Proved) => prove(&self.context, batch).await,
            (Step::Sealed, SettlementPath::Direct) | (Step::Proved, _) => {
                self.note_submission(Round::default()).await
            }
            (Step::Submitted { reference }, _) => {
                let round = Round::of_reference(reference).unwrap_or_default();
                self.settle(batch, round).await
            }
        }
    }

    // Proved: that it is about to be sent is written down.

    async fn note_submission(&self, round: Round) -> Result<Turn, DriveError> {
        let context = &self.context;
        context.reached(FailPoint::NoteSubmission, Moment::Before);
        let noted = context.ledger.submitted(self.number, round.to_reference()).await;
        context.reached(FailPoint::NoteSubmission, Moment::After);
        Ok(overtaken(noted)?.unwrap_or(Turn::On))
    }

    // Submitted: it is sent, unless it was, and waited for.

    async fn settle(&mut self, batch: BatchView, round: Round) -> Result<Turn, DriveError> {
        // Before its call is made, should none come out.
        if self.is_over(&batch) {
            let reason = "its time was over before it was sent";
            return abort::requeue(&self.context, &batch, reason).await;
        }
        let (context, view) = (Arc::clone(&self.context), batch);
        let (batch, BatchCall { call, order }) = blocking(move || {
            let call = call_of(&context.ledger, context.wallet, &view, round)?;
            Ok::<_, CallError>((view, call))
        })
        .await??;
        let context = Arc::clone(&self.context);
        let id = round.submission(&context.ledger.config().identity, self.number);
        // Also where it has no proofs, or had them before this process.
        context.capacity.is_proved(self.number);
        let mut wait = WAIT_MIN;
        let ticket = loop {
            if self.is_over(&batch) {
                return abort::requeue(&context, &batch, "its time was over before it was sent")
                    .await;
            }
            context.reached(FailPoint::Submit, Moment::Before);
            let sent = context.sending.submit(id, call.clone()).await;
            context.reached(FailPoint::Submit, Moment::After);
            let (cause, message) = match sent {
                Ok(ticket) => break ticket,
                Err(NotSent::Refused(error)) if names_another_place(&error, round) => {
                    return self.note_submission(round.next()).await;
                }
                Err(NotSent::Refused(error)) => {
                    return refused(&context, &batch, &order, &error).await;
                }
                Err(NotSent::NotSimulated(message)) if self.not_simulated >= NOT_SIMULATED_MAX => {
                    self.not_simulated = 0;
                    return abort::split(&context, &batch, &message).await;
                }
                Err(NotSent::NotSimulated(message)) => {
                    self.not_simulated += 1;
                    ("call_not_simulated", message)
                }
                Err(NotSent::Wait(cause, message)) => (cause, message),
            };
            tracing::warn!(batch = %self.number, cause, message, "nothing was sent; trying again");
            context.alarms.set(cause, true);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
            if !self.is_submitted()? {
                return Ok(Turn::On);
            }
        };
        context.alarms.clear();
        if ticket.broadcast != Broadcast::Earlier {
            tracing::info!(batch = %self.number, transaction = %ticket.hash, "submitted");
            context.events.emit(Event::Submitted { batch: self.number });
        }
        self.wait_for_the_chain(&batch, &order, round).await
    }

    /// Waits until the ledger says that the batch has settled, or something says that it will not.
    async fn wait_for_the_chain(
        &mut self,
        batch: &BatchView,
        order: &[MandateHash],
        round: Round,
    ) -> Result<Turn, DriveError> {
        let context = Arc::clone(&self.context);
        let id = round.submission(&context.ledger.config().identity, self.number);
        let tick = Duration::from_millis(context.windows.poll_interval_ms.clamp(20, 1_000));
        let mut tip = None;
        let mut asked: Option<Instant> = None;
        loop {
            if !self.is_submitted()? {
                self.note_settled();
                self.note_gas().await;
                return Ok(Turn::On);
            }
            let now = context.ledger.tip();
            if now != tip {
                tip = now;
                // Members that the chain ended otherwise.
                let (ledger, number) = (Arc::clone(&context.ledger), self.number);
                let whole = blocking(move || {
                    let batch = ledger.batch_view(number)?;
                    Ok::<_, LedgerError>(batch.is_none_or(|batch| batch.is_whole()))
                });
                if !whole.await?? {
                    return Ok(Turn::On);
                }
            }
            if self.is_over(batch) {
                return abort::requeue(&context, batch, "its time was over before it was mined")
                    .await;
            }
            let poll = context.poll_interval;
            if asked.is_none_or(|asked| asked.elapsed() >= poll) {
                asked = Some(Instant::now());
                match context.sending.outcome(id).await {
                    Ok(outcome) => {
                        if let Some(turn) = self.conclude(outcome, batch, order, round).await? {
                            return Ok(turn);
                        }
                    }
                    // The journal was lost or forgot it: it is sent again.
                    Err(SenderError::NoSuchSubmission { .. }) => return Ok(Turn::On),
                    Err(error) => {
                        tracing::debug!(batch = %self.number, %error, "could not look");
                    }
                }
            }
            tokio::time::sleep(tick).await;
        }
    }

    /// What a submission's outcome means for the batch; nothing while it is to be waited for.
    async fn conclude(
        &mut self,
        outcome: Outcome,
        batch: &BatchView,
        order: &[MandateHash],
        round: Round,
    ) -> Result<Option<Turn>, DriveError> {
        match outcome {
            // What counts is that the follower sees it.
            Outcome::Succeeded { .. } | Outcome::Dropped { .. } => Ok(None),
            Outcome::Pending(Pending::Stuck(reached)) => {
                tracing::warn!(batch = %self.number, "{reached}");
                self.context.alarms.set("fee_cap_reached", true);
                Ok(None)
            }
            Outcome::Pending(_) => Ok(None),
            Outcome::Replaced { by, .. } => {
                tracing::error!(
                    batch = %self.number,
                    by = by.map(tracing::field::display),
                    "the batch's nonce was used by something else; sending it anew"
                );
                self.note_submission(round.next()).await.map(Some)
            }
            Outcome::Reverted { reason, .. } => {
                let error = match &reason {
                    Some(data) => WalletError::decode(data),
                    None => WalletError::NoReason,
                };
                tracing::warn!(batch = %self.number, %error, "the batch was mined and failed");
                // What does not name anyone may have been another state than the one that it was tried
                // on. Tried again under another name, it is refused before it is sent, or succeeds.
                let unclear =
                    matches!(error, WalletError::NoReason | WalletError::InsufficientGas { .. });
                let again = unclear && round.number() < ROUNDS_MAX;
                if again || names_another_place(&error, round) {
                    return self.note_submission(round.next()).await.map(Some);
                }
                refused(&self.context, batch, order, &error).await.map(Some)
            }
        }
    }

    /// Whether the batch's step is still that it was submitted.
    fn is_submitted(&self) -> Result<bool, DriveError> {
        let record = self.context.ledger.batch(self.number)?;
        Ok(record.is_some_and(|record| matches!(record.step, Step::Submitted { .. })))
    }

    /// Whether no block to come can settle the batch: the last block applied is later than it allows.
    fn is_over(&self, batch: &BatchView) -> bool {
        let tip = self.context.ledger.tip();
        tip.is_some_and(|tip| tip.time > batch.record.valid_until)
    }

    /// Notes how long the chain took, if it is what ended the batch.
    fn note_settled(&self) {
        let record = self.context.ledger.batch(self.number).ok().flatten();
        if record.is_some_and(|record| {
            matches!(record.step, Step::Confirmed { .. } | Step::Final { .. })
        }) {
            self.context.capacity.is_confirmed(self.number);
        }
    }

    /// Notes how much gas the transaction used that settled the batch, once.
    async fn note_gas(&mut self) {
        let context = &self.context;
        let record = context.ledger.batch(self.number).ok().flatten();
        let Some(Step::Confirmed { transaction, .. }) = record.map(|record| record.step) else {
            return;
        };
        if std::mem::replace(&mut self.gas_noted, true) {
            return;
        }
        let asked = context.provider.get_transaction_receipt(transaction);
        let limit = context.request_timeout;
        if let Ok(Ok(Some(receipt))) = tokio::time::timeout(limit, asked).await {
            context.events.batch_used_gas(self.number, receipt.gas_used);
        }
    }
}
