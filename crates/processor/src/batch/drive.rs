//! Driving one batch from step to step.
//!
//! Each turn reads where the batch stands in the ledger, and does what comes next. Nothing is remembered
//! from one turn to the next but what waiting is made of, so it makes no difference whether a turn
//! follows another or a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use aep2_chain::{
    sender::{Broadcast, Outcome, Pending, SenderError},
    wallet::{
        Wallet,
        error::WalletError,
        units::{KeyHash, shape_of_id},
    },
};
use aep2_ledger::{
    BatchError, BatchNumber, BatchView, Disposition, LedgerError, MandateHash, SettlementPath,
    Status, Step, limits::REASON_BYTES_MAX, records::Promise,
};
use aep2_mandate::{mandate::SignedMandate, units::AccountId};
use aep2_prover::{
    arrange::ArrangeError,
    proven::Proven,
    prover::ProverError,
    window::{Entry, Place, Window, WindowError},
};
use alloy::{primitives::B256, providers::Provider};
use thiserror::Error;

use super::{
    check::{Candidate, Checked, Under, check},
    context::{Context, blocking},
    refusal::{Blame, blame, live, may_be_a_key},
    sending::{BatchCall, CallError, NotSent, Round, call_of},
};
use crate::{
    event::Event,
    fail_point::{FailPoint, Moment},
};

/// The shortest and the longest wait after something went wrong.
const WAIT_MIN: Duration = Duration::from_millis(200);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How often in a row a node may fail to run a call before the call is thought to be why.
const NOT_SIMULATED_MAX: u32 = 5;

/// How often a batch is sent anew after it was mined and failed, though it would succeed when tried.
const ROUNDS_MAX: u32 = 5;

/// What a turn led to.
enum Turn {
    /// There may be more to do.
    On,
    /// The batch has ended, or the ledger cannot be written any more.
    Done,
}

/// Why a turn failed. It is taken again.
#[derive(Debug, Error)]
pub(super) enum DriveError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger does not take the step.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// There is no call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no proving key.
    #[error("there is no proving key for the shape of number {0}")]
    NoProver(u32),
    /// The proof came out wrong.
    #[error("proving failed: {0}")]
    Prover(ProverError),
    /// The stored proof cannot be written.
    #[error("the proof cannot be stored: {0}")]
    Encode(#[from] serde_json::Error),
    /// A blocking task ended early.
    #[error("a thread ended early: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

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
        match &batch.record.step {
            Step::Confirmed { .. } | Step::Final { .. } | Step::Aborted { .. } => {
                return Ok(Turn::Done);
            }
            Step::Sealed | Step::Proved | Step::Submitted { .. } => {}
        }
        if live(&batch).count() < batch.members.len() {
            let reason = "some of its mandates ended, or were settled by other means";
            return self.requeue(&batch, reason).await;
        }
        match (&batch.record.step, batch.record.path) {
            (Step::Sealed, SettlementPath::Proved) => self.prove(batch).await,
            (Step::Submitted { reference }, _) => {
                let round = Round::of_reference(reference).unwrap_or_default();
                self.settle(batch, round).await
            }
            _ => self.note_submission(Round::default()).await,
        }
    }

    // Sealed: what is to be proved is checked, proved, and the proof is stored.

    async fn prove(&mut self, batch: BatchView) -> Result<Turn, DriveError> {
        let context = &self.context;
        if !self.context.chain.has_caught_up() {
            tokio::time::sleep(WAIT_MIN).await;
            return Ok(Turn::On);
        }
        if batch.record.valid_until < context.clock.now() {
            return self.requeue(&batch, "its time was over before it was proved").await;
        }
        let checking = Arc::clone(&self.context);
        let (batch, Checked { at_fault, signed }) = blocking(move || {
            let checked = check_members(&checking, &batch)?;
            Ok::<_, LedgerError>((batch, checked))
        })
        .await??;
        if !at_fault.is_empty() {
            return self.quarantine(&batch, "some of its mandates cannot settle", at_fault).await;
        }
        let shape = shape_of_id(batch.record.shape);
        let prover = shape.and_then(|shape| self.context.provers.get(shape));
        let prover = prover.ok_or(DriveError::NoProver(batch.record.shape))?;
        let window = window_of(&self.context, &batch, signed);

        // One proof at a time: each uses all cores.
        let Ok(turn) = Arc::clone(&self.context.proving).acquire_owned().await else {
            return Ok(Turn::Done);
        };
        context.reached(FailPoint::Prove, Moment::Before);
        let started = Instant::now();
        let proved = blocking(move || {
            let _turn = turn;
            let mut rng = rand::rngs::OsRng;
            let window = window.validate(&mut rng).map_err(ArrangeError::from)?;
            prover.prove(&window, &mut rng, &()).map(|(proven, ..)| proven)
        })
        .await?;
        context.reached(FailPoint::Prove, Moment::After);
        let proven: Proven = match proved {
            Ok(proven) => proven,
            Err(ProverError::Arrange(ArrangeError::Window(error))) => {
                return self.unprovable(&batch, &error).await;
            }
            Err(error) => return Err(DriveError::Prover(error)),
        };
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let commitment = B256::from(aep2_mandate::field::to_be_bytes(&proven.commitment));
        let bytes = serde_json::to_vec(&proven)?;
        context.reached(FailPoint::StoreProof, Moment::Before);
        let stored = context.ledger.proved(self.number, commitment, bytes).await;
        context.reached(FailPoint::StoreProof, Moment::After);
        if let Some(turn) = overtaken(stored)? {
            return Ok(turn);
        }
        tracing::info!(batch = %self.number, count = batch.record.count, took_ms, "proved");
        context.events.emit(Event::Proved { batch: self.number, took_ms });
        Ok(Turn::On)
    }

    /// The prover found a mandate that no proof can hold.
    async fn unprovable(&self, batch: &BatchView, error: &WindowError) -> Result<Turn, DriveError> {
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
                self.quarantine(batch, "one of its mandates cannot be proved", at_fault).await
            }
            None => self.split(batch, &error.to_string()).await,
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
        let (context, view) = (Arc::clone(&self.context), batch);
        let (batch, BatchCall { call, order }) = blocking(move || {
            let call = call_of(&context.ledger, context.wallet, &view)?;
            Ok::<_, CallError>((view, call))
        })
        .await??;
        let context = Arc::clone(&self.context);
        let id = round.submission(&context.ledger.config().identity, self.number);
        let mut wait = WAIT_MIN;
        let ticket = loop {
            if self.is_over(&batch) {
                return self.requeue(&batch, "its time was over before it was sent").await;
            }
            context.reached(FailPoint::Submit, Moment::Before);
            let sent = context.sending.submit(id, call.clone()).await;
            context.reached(FailPoint::Submit, Moment::After);
            let (cause, words) = match sent {
                Ok(ticket) => break ticket,
                Err(NotSent::Refused(error)) => return self.refused(&batch, &order, &error).await,
                Err(NotSent::NotSimulated(words)) if self.not_simulated >= NOT_SIMULATED_MAX => {
                    self.not_simulated = 0;
                    return self.split(&batch, &words).await;
                }
                Err(NotSent::NotSimulated(words)) => {
                    self.not_simulated += 1;
                    ("call_not_simulated", words)
                }
                Err(NotSent::Wait(cause, words)) => (cause, words),
            };
            tracing::warn!(batch = %self.number, cause, words, "nothing was sent; trying again");
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
                    Ok::<_, LedgerError>(
                        batch.is_none_or(|batch| live(&batch).count() == batch.members.len()),
                    )
                });
                if !whole.await?? {
                    return Ok(Turn::On);
                }
            }
            if self.is_over(batch) {
                return self.requeue(batch, "its time was over before it was mined").await;
            }
            let poll = context.poll_interval;
            if asked.is_none_or(|asked| asked.elapsed() >= poll) {
                asked = Some(Instant::now());
                match context.sending.outcome(id).await {
                    Ok(outcome) => {
                        if let Some(turn) = self.came_of(outcome, batch, order, round).await? {
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
    async fn came_of(
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
                if unclear && round.number() < ROUNDS_MAX {
                    return self.note_submission(round.next()).await.map(Some);
                }
                self.refused(batch, order, &error).await.map(Some)
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

    // Refused: those at fault are quarantined, the others go on.

    async fn refused(
        &self,
        batch: &BatchView,
        order: &[MandateHash],
        error: &WalletError,
    ) -> Result<Turn, DriveError> {
        let words = error.to_string();
        tracing::warn!(batch = %self.number, error = words, "the chain refuses the batch");
        let at_fault: BTreeSet<MandateHash> = match blame(error, batch, order) {
            Blame::Expired => return self.requeue(batch, &words).await,
            Blame::These(members) => members,
            Blame::All => live(batch).map(|(hash, _)| hash).collect(),
            Blame::Nobody if may_be_a_key(error) => self.other_keys(batch).await,
            Blame::Nobody => BTreeSet::new(),
        };
        if at_fault.is_empty() {
            return self.split(batch, &words).await;
        }
        let at_fault = at_fault.into_iter().map(|hash| (hash, words.clone())).collect();
        self.quarantine(batch, &words, at_fault).await
    }

    /// The members whose key is not the one that the chain has for their account now.
    async fn other_keys(&self, batch: &BatchView) -> BTreeSet<MandateHash> {
        let context = &self.context;
        let wallet = Wallet::unchecked(context.provider.clone(), context.wallet);
        let mut on_chain: BTreeMap<AccountId, Option<Option<KeyHash>>> = BTreeMap::new();
        let mut others = BTreeSet::new();
        for (hash, promise) in live(batch) {
            let Promise::Proved { signed } = promise else { continue };
            let account = signed.mandate.account;
            let known = match on_chain.get(&account) {
                Some(known) => *known,
                None => {
                    let read = wallet.account(account).await.ok().map(|own| own.terms.key_hash);
                    on_chain.insert(account, read);
                    read
                }
            };
            let signed = signed.signed_mandate().ok();
            let own = signed.map(|signed| KeyHash::of(&signed.key));
            if known.is_some_and(|known| known != own) {
                others.insert(hash);
            }
        }
        others
    }

    /// Aborts the batch; all members wait for others.
    async fn requeue(&self, batch: &BatchView, reason: &str) -> Result<Turn, DriveError> {
        self.abort(batch, reason, &BTreeMap::new()).await
    }

    /// Aborts the batch; its halves settle each by itself. A single mandate is quarantined.
    async fn split(&self, batch: &BatchView, reason: &str) -> Result<Turn, DriveError> {
        let members: Vec<MandateHash> = live(batch).map(|(hash, _)| hash).collect();
        if let [only] = members[..] {
            let at_fault = BTreeMap::from([(only, reason.to_owned())]);
            return self.quarantine(batch, reason, at_fault).await;
        }
        // Before they are queued: nobody is to put them together again.
        self.context.apart().halve(&members);
        self.abort(batch, reason, &BTreeMap::new()).await
    }

    /// Aborts the batch; those at fault are quarantined, each with its reason.
    async fn quarantine(
        &self,
        batch: &BatchView,
        reason: &str,
        at_fault: BTreeMap<MandateHash, String>,
    ) -> Result<Turn, DriveError> {
        let turn = self.abort(batch, reason, &at_fault).await?;
        let now = self.context.clock.now();
        let mut apart = self.context.apart();
        for mandate in at_fault.into_keys() {
            apart.quarantine(mandate, now);
        }
        Ok(turn)
    }

    async fn abort(
        &self,
        batch: &BatchView,
        reason: &str,
        at_fault: &BTreeMap<MandateHash, String>,
    ) -> Result<Turn, DriveError> {
        let context = &self.context;
        // As they are now: some may have ended since.
        let (ledger, number) = (Arc::clone(&context.ledger), self.number);
        let Some(now) = blocking(move || ledger.batch_view(number)).await?? else {
            return Ok(Turn::Done);
        };
        let disposition = |hash: MandateHash| match at_fault.get(&hash) {
            Some(reason) => Disposition::Quarantined { reason: bounded(reason) },
            None => Disposition::Requeue,
        };
        let dispositions = live(&now).map(|(hash, _)| (hash, disposition(hash))).collect();
        let reason = bounded(reason);
        tracing::warn!(
            batch = %self.number,
            count = batch.record.count,
            aside = at_fault.len(),
            reason,
            "taking a batch apart"
        );
        context.reached(FailPoint::Abort, Moment::Before);
        let taken = context.ledger.abort(self.number, reason.clone(), dispositions).await;
        context.reached(FailPoint::Abort, Moment::After);
        if let Some(turn) = overtaken(taken)? {
            return Ok(turn);
        }
        context.events.emit(Event::Aborted { batch: self.number, reason });
        Ok(Turn::Done)
    }
}

/// What a step led to that the batch may have been overtaken on: by the chain, which settled it, or by
/// members that ended meanwhile. Then it is looked at anew.
fn overtaken<T>(step: Result<T, BatchError>) -> Result<Option<Turn>, DriveError> {
    match step {
        Ok(_) => Ok(None),
        Err(
            BatchError::WrongStep { .. }
            | BatchError::Unsaid(_)
            | BatchError::WrongStatus {
                status: Status::Settled { .. } | Status::Failed { .. }, ..
            },
        ) => Ok(Some(Turn::On)),
        Err(error) => Err(error.into()),
    }
}

fn check_members(context: &Context, batch: &BatchView) -> Result<Checked, LedgerError> {
    let record = &batch.record;
    let under = Under { path: record.path, token: record.token, verifier_set: record.verifier_set };
    let candidates = batch.members.iter().map(|member| Candidate {
        hash: member.hash,
        mandate: &member.mandate,
        pays: member.captured,
    });
    check(&context.ledger, under, candidates)
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

/// A reason as long as the ledger takes it.
fn bounded(reason: &str) -> String {
    let end = (0..=REASON_BYTES_MAX.min(reason.len()))
        .rev()
        .find(|end| reason.is_char_boundary(*end))
        .unwrap_or(0);
    reason[..end].to_owned()
}
