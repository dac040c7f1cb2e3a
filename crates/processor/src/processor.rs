//! The processor as others use it: its parts put together.

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use aep2_chain::deployment::Deployment;
use aep2_ledger::{
    BatchNumber, Close, GateReason, GateRecord, GateScope, Hold, HoldError, HoldKind, HoldRecord,
    Ledger, LedgerConfig, LedgerError, MandateHash, audit::Report,
};
use aep2_mandate::{
    clock::Clock,
    mandate::MandateId,
    typed_data::{direct::SignedDirectMandate, outcome::SignedOutcome},
    units::{AccountId, UnixTime},
};
use alloy::{
    primitives::{Address, B256},
    providers::DynProvider,
    signers::local::PrivateKeySigner,
    sol_types::Eip712Domain,
};
use tokio::{sync::broadcast, task::JoinHandle};

use crate::{
    accept::{AcceptError, Acceptance, DirectAcceptance, OfferedMandate},
    batch::{Provers, Settler, SettlerParts},
    capacity::Capacity,
    capture::{CaptureAcceptance, CaptureError, SignedCapture},
    chain_status::{Applicable, ChainStatus},
    config::ProcessorConfig,
    dispute::{DisputeContext, DisputeError},
    emitter::Emitter,
    error::StartError,
    event::Event,
    fail_point::FailPointHook,
    follow::{ChainSync, SyncParts, Wanted},
    metrics::Metrics,
    outcomes::Outcomes,
    policy::{Policies, Policy, Request, for_each_waiting},
    refund::{RefundError, RefundStatus, SignedRefund},
    requests::{RequestParts, RequestQueue},
    restored::first_start,
    supervisor::{Supervisor, TaskPanicked},
    view::{
        self, AccountStatus, BatchStatus, DirectStatus, Identity, Inclusion, InclusionProofs,
        MandateStatus, Readiness, ViewError,
    },
};

/// What a processor is made of.
pub struct Parts {
    /// The chain: an embedded one, or a node.
    pub provider: DynProvider,
    /// The wallet, its verifiers, and where they are.
    pub deployment: Deployment,
    /// The processor that the accounts name: it signs receipts and sends transactions.
    pub key: PrivateKeySigner,
    /// The ledger's directory.
    pub ledger: PathBuf,
    /// The proving keys, one for each shape.
    pub provers: Provers,
    /// What time it is.
    pub clock: Clock,
    /// Called at every fail point in a batch's life. `Arc::new(())` does nothing.
    pub hook: Arc<dyn FailPointHook>,
}

/// A running processor. Clones are the same one.
#[derive(Clone)]
pub struct Processor {
    inner: Arc<Inner>,
}

struct Inner {
    // First: its threads hold the rest.
    requests: RequestQueue,
    base: Base,
    deployment: Deployment,
    config: ProcessorConfig,
    /// Whether less than a mandate's amount can be settled.
    captures: bool,
    clock: Clock,
    inclusion_proofs: InclusionProofs,
    running: tokio::sync::Mutex<Option<(ChainSync, Settler, JoinHandle<()>)>>,
}

/// What several parts rest on. Each is given what it uses.
#[derive(Clone)]
struct Base {
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    events: Arc<Emitter>,
    outcomes: Arc<Outcomes>,
    chain: Arc<ChainStatus>,
    supervisor: Arc<Supervisor>,
}

impl Base {
    fn new(
        ledger: Arc<Ledger>,
        policies: &Policies,
        deployment: &Deployment,
        config: &ProcessorConfig,
        clock: &Clock,
    ) -> Self {
        let metrics = Arc::new(Metrics::new(&ledger, clock));
        let events = Arc::new(Emitter::new(Arc::clone(&metrics), clock.clone()));
        let supervisor = Arc::new(Supervisor::new(Arc::clone(&events)));
        let outcomes = Outcomes::new(Arc::clone(&ledger), policies.clone(), Arc::clone(&events));
        let outcomes = Arc::new(outcomes);
        let first_block = deployment.block;
        let applicable = Applicable { first_block, confirmations: config.follower.confirmations };
        let (known, counting) = (Arc::clone(&ledger), Arc::clone(&metrics));
        let chain = Arc::new(ChainStatus::new(known, counting, clock.clone(), applicable));
        Self { ledger, metrics, events, outcomes, chain, supervisor }
    }

    /// What following the chain needs.
    fn following(
        &self,
        provider: DynProvider,
        deployment: &Deployment,
        config: &ProcessorConfig,
        wanted: Arc<Wanted>,
        hook: Arc<dyn FailPointHook>,
    ) -> SyncParts {
        let Self { ledger, metrics, outcomes, chain, .. } = self.clone();
        SyncParts {
            ledger,
            provider,
            deployment: deployment.clone(),
            follower: config.follower.clone(),
            metrics,
            outcomes,
            chain,
            wanted,
            tokens: config.acceptance.tokens.iter().map(|(token, _)| *token).collect(),
            hook,
        }
    }
}

impl Inner {
    /// Who signs.
    fn processor(&self) -> Address {
        self.base.ledger.config().identity.processor
    }
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processor").finish_non_exhaustive()
    }
}

impl Processor {
    /// Opens the ledger, takes up what a killed process left, and begins to follow the chain and to
    /// settle. Returns at once: [`readiness`](Self::readiness) says when mandates are accepted,
    /// which is when the view of the chain is fresh.
    ///
    /// # Errors
    /// When the settings contradict one another or the deployment, when the ledger cannot be opened,
    /// and when there is no key for a shape.
    pub async fn start(parts: Parts, config: ProcessorConfig) -> Result<Self, StartError> {
        Self::start_with(parts, config, Vec::new()).await
    }

    /// As [`start`](Self::start), with policies of the operator's own, asked in this order after the
    /// built-in ones.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        parts: Parts,
        config: ProcessorConfig,
        policies: Vec<Arc<dyn Policy>>,
    ) -> Result<Self, StartError> {
        let Parts { provider, deployment, key, ledger, provers, clock, hook } = parts;
        config.check(&deployment)?;
        let sets = provers.verifier_sets(&deployment);
        let ledger_settings = ledger_config(&deployment, &key, sets, &config);
        let now = clock.now();
        let (ledger, policies) = open((ledger, now), ledger_settings, &config, policies).await?;
        let base = Base::new(ledger, &policies, &deployment, &config, &clock);
        let Base { ledger, metrics, events, outcomes, chain, supervisor } = base.clone();

        let captures = provers.settle_captures(&config.windows.shapes, &deployment);
        let disputes = config.dispute_terms(&deployment, captures);
        let capacity = Arc::new(capacity(&config, &provers));
        let settling = SettlerParts {
            ledger: Arc::clone(&ledger),
            clock: clock.clone(),
            windows: config.windows.clone(),
            provers,
            provider: provider.clone(),
            deployment: deployment.clone(),
            key: key.clone(),
            sender: config.sender.clone(),
            metrics: Arc::clone(&metrics),
            events: Arc::clone(&events),
            outcomes,
            chain: Arc::clone(&chain),
            capacity: Arc::clone(&capacity),
            hook: Arc::clone(&hook),
        };
        let settler = Settler::start(settling, &supervisor).await?;
        let wanted = Arc::new(Wanted::default());
        let following = base.following(provider, &deployment, &config, Arc::clone(&wanted), hook);
        let noticing = watch_ledger(&ledger, &supervisor);
        let sync = ChainSync::start(following, &supervisor)?;
        let serving = RequestParts {
            ledger,
            clock: clock.clone(),
            key,
            wallet: deployment.wallet_id(),
            policies,
            events,
            metrics,
            supervisor,
            wanted,
            capacity,
            chain,
            captures,
        };
        let requests = RequestQueue::start(serving, &config.acceptance, &config.windows, disputes)?;
        let inner = Inner {
            requests,
            base,
            deployment,
            config,
            captures,
            clock,
            inclusion_proofs: InclusionProofs::default(),
            running: tokio::sync::Mutex::new(Some((sync, settler, noticing))),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    // Accepting and capturing.

    /// Accepts a mandate: reserves its amount, and promises to settle it. The answer is there when
    /// the promise is on disk. The same mandate again gets the same receipt.
    ///
    /// Once called, it is carried out, also when its future is dropped.
    ///
    /// # Errors
    /// See [`AcceptError`]. None of them leaves anything behind.
    pub async fn accept(
        &self,
        mandate: impl Into<OfferedMandate>,
    ) -> Result<Acceptance, AcceptError> {
        self.inner.requests.accept(mandate.into()).await
    }

    /// As [`accept`](Self::accept), many at once, with an answer for each in its place.
    pub async fn accept_many(
        &self,
        mandates: Vec<impl Into<OfferedMandate>>,
    ) -> Vec<Result<Acceptance, AcceptError>> {
        let mandates = mandates.into_iter().map(Into::into).collect();
        self.inner.requests.accept_many(mandates).await
    }

    /// As [`accept`](Self::accept), a direct mandate.
    ///
    /// # Errors
    /// See [`AcceptError`]. None of them leaves anything behind.
    pub async fn accept_direct(
        &self,
        mandate: SignedDirectMandate,
    ) -> Result<DirectAcceptance, AcceptError> {
        self.inner.requests.accept_direct(mandate).await
    }

    /// Whether a mandate would be accepted now: everything that [`accept`](Self::accept) checks, the
    /// signature included. Promises nothing. On this thread, for as long as a signature's check takes.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn check(&self, mandate: impl Into<OfferedMandate>) -> Result<(), AcceptError> {
        self.inner.requests.check(&mandate.into())
    }

    /// What policies are asked about a mandate that everything else lets pass, its signature included;
    /// nothing for one that was accepted before. On this thread, as [`check`](Self::check).
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn request(
        &self,
        mandate: impl Into<OfferedMandate>,
    ) -> Result<Option<Request>, AcceptError> {
        self.inner.requests.considered(&mandate.into())
    }

    /// Notes what a payee takes of a mandate. The answer is there when it is on disk. The same again
    /// gets the same answer.
    ///
    /// # Errors
    /// See [`CaptureError`]. None of them leaves anything behind.
    pub async fn capture(&self, capture: SignedCapture) -> Result<CaptureAcceptance, CaptureError> {
        self.inner.requests.capture(capture).await
    }

    /// Notes what a payee gives back of a settled mandate. It is its word until the chain shows the
    /// deposit. The same again gets the same answer.
    ///
    /// # Errors
    /// See [`RefundError`]. None of them leaves anything behind.
    pub async fn refund(&self, refund: SignedRefund) -> Result<RefundStatus, RefundError> {
        self.inner.requests.refund(refund).await
    }

    /// In which domain messages are signed.
    pub fn typed_data_domain(&self) -> Eip712Domain {
        self.inner.requests.signer().domain.clone()
    }

    /// What dealing with disputes needs.
    ///
    /// # Errors
    /// When the processor is stopping.
    pub(crate) fn disputing(&self) -> Result<DisputeContext, DisputeError> {
        let Base { ledger, events, supervisor, .. } = &self.inner.base;
        if supervisor.is_closed() {
            return Err(DisputeError::Stopping);
        }
        let (ledger, events) = (Arc::clone(ledger), Arc::clone(events));
        Ok(DisputeContext { ledger, events, domain: self.typed_data_domain() })
    }

    /// A request about a dispute was refused.
    pub(crate) fn dispute_refused(&self, code: &'static str) {
        self.inner.base.metrics.dispute_refused(code);
    }

    // Holds and the gate.

    /// Keeps a queued mandate out of windows until a time, or until its receipt does not allow it any
    /// longer. The answer says until when. The same kind again replaces it.
    ///
    /// # Errors
    /// When the mandate is not queued, or its receipt allows no hold.
    pub async fn hold(&self, hold: Hold) -> Result<HoldRecord, HoldError> {
        let Inner { base, clock, .. } = &*self.inner;
        let mandate = hold.mandate;
        let held = base.ledger.hold(hold, clock.now()).await?.into_inner();
        tracing::info!(%mandate, kind = held.kind.name(), until = %held.until, by = held.by, "held");
        Ok(held)
    }

    /// Takes a hold off a queued mandate.
    ///
    /// # Errors
    /// When the mandate is not queued, or not held so.
    pub async fn release(&self, mandate: MandateHash, kind: HoldKind) -> Result<(), HoldError> {
        self.inner.base.ledger.release(mandate, kind, self.now()).await?;
        tracing::info!(%mandate, kind = kind.name(), "released");
        Ok(())
    }

    /// Has nothing accepted of what the gate is for, until it is [opened](Self::open_gate) again. What was
    /// accepted settles. Says whether it was open, as far as this reason goes.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub async fn close_gate(&self, close: Close) -> Result<bool, LedgerError> {
        let Inner { base, clock, .. } = &*self.inner;
        let Close { scope, reason, by, note } = &close;
        tracing::warn!(?scope, reason = reason.name(), by, note, "closing the gate");
        Ok(base.ledger.close_gate(close, clock.now()).await?.into_inner())
    }

    /// Takes a reason away for which the gate is closed. Says whether there was one.
    ///
    /// # Errors
    /// When the ledger cannot take it.
    pub async fn open_gate(
        &self,
        scope: GateScope,
        reason: GateReason,
    ) -> Result<bool, LedgerError> {
        tracing::warn!(?scope, reason = reason.name(), "opening the gate");
        Ok(self.inner.base.ledger.open_gate(scope, reason).await?.into_inner())
    }

    /// What the gate is closed for: why, since when, by whom.
    pub fn gates(&self) -> Vec<(GateScope, GateReason, GateRecord)> {
        self.inner.base.ledger.gates()
    }

    /// The mandates that could still be kept from being settled, as policies are asked about them. Reads all
    /// of them, on a thread where it may block.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn waiting(&self) -> Result<Vec<Request>, ViewError> {
        let ledger = Arc::clone(&self.inner.base.ledger);
        let reading = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            for_each_waiting(&ledger, |mandate, record| {
                found.push(Request::of(mandate, record, &ledger));
            })?;
            Ok(found)
        });
        reading.await.unwrap_or_else(|error| Err(ViewError::Internal(error.to_string())))
    }

    /// The contracts.
    pub(crate) fn deployment(&self) -> &Deployment {
        &self.inner.deployment
    }

    /// The ledger, for what is done to it as a whole.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.inner.base.ledger
    }

    // Looking. These read the ledger on the calling thread.

    /// Who the processor is, and what it serves.
    pub fn identity(&self) -> Identity {
        let Inner { base, deployment, config, captures, .. } = &*self.inner;
        view::identity(&base.ledger, deployment, config, *captures)
    }

    /// Whether mandates are accepted now, and if not, why.
    pub fn readiness(&self) -> Readiness {
        let Inner { base, clock, config, .. } = &*self.inner;
        let Base { ledger, chain, supervisor, .. } = base;
        let age_s_max = config.ledger.view_age_s_max;
        view::readiness(ledger, chain, supervisor, clock.now(), age_s_max)
    }

    /// A mandate, of either path; nothing when it was not accepted.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn mandate(&self, mandate: MandateHash) -> Result<Option<MandateStatus>, ViewError> {
        let (ledger, processor) = (&self.inner.base.ledger, self.inner.processor());
        let found = ledger.mandate(mandate)?;
        found.map(|found| view::mandate_status(ledger, processor, found)).transpose()
    }

    /// What became of mandates, signed, each in its place; nothing while that is not final, and of one that
    /// is not known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn outcomes(
        &self,
        mandates: &[MandateHash],
    ) -> Result<Vec<Option<SignedOutcome>>, ViewError> {
        let Inner { base, requests, clock, .. } = &*self.inner;
        let now = clock.now();
        let endings = base.ledger.endings(mandates)?;
        let ended = mandates.iter().zip(endings);
        let signed = ended.map(|(mandate, ending)| {
            let signed = |ending| view::outcome(requests.signer(), *mandate, ending, now);
            ending.map(signed).transpose()
        });
        signed.collect()
    }

    /// The direct path in figures. Costs the same however many mandates there are.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn direct_status(&self) -> Result<DirectStatus, ViewError> {
        view::direct_status(&self.inner.base.ledger, self.inner.processor())
    }

    /// What time it is here: what deadlines are held against.
    pub fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    /// That a mandate was settled, and for how much.
    ///
    /// # Errors
    /// When it is not known, not settled in a batch, or of the direct path; or when more wait for proofs
    /// than may.
    pub async fn inclusion_proof(&self, mandate: MandateId) -> Result<Inclusion, ViewError> {
        let inner = Arc::clone(&self.inner);
        // Arranging a window takes seconds of all cores. Whoever waits longer than a few others do is told
        // so, and no thread that settling needs waits with it.
        let Some(turn) = inner.inclusion_proofs.turn().await else {
            return Err(ViewError::Busy);
        };
        let proving = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            inner.inclusion_proofs.proof(&inner.base.ledger, &inner.deployment, mandate)
        });
        proving.await.unwrap_or_else(|error| Err(ViewError::Internal(error.to_string())))
    }

    /// An account; nothing when it is not known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn account(&self, account: AccountId) -> Result<Option<AccountStatus>, ViewError> {
        let found = self.inner.base.ledger.account(account);
        let sets = self.inner.base.ledger.config().verifier_sets.as_ref();
        let is_ours = |processor, verifiers: B256| {
            processor == self.inner.processor() && sets.is_none_or(|sets| sets.contains(&verifiers))
        };
        Ok(found.map(|found| view::account_status(account, found, is_ours)))
    }

    /// A batch with its mandates; nothing when there is none with this number.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn batch(&self, batch: BatchNumber) -> Result<Option<BatchStatus>, ViewError> {
        let found = self.inner.base.ledger.batch_view(batch)?;
        let figures = self.inner.base.events.figures_of(batch);
        Ok(found.map(|found| view::batch_status_with_members(found, figures)))
    }

    /// Up to `limit` batches, the newest first, those before `before` if it is given, without their
    /// mandates.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn batches(
        &self,
        before: Option<BatchNumber>,
        limit: usize,
    ) -> Result<Vec<BatchStatus>, ViewError> {
        let Base { ledger, events, .. } = &self.inner.base;
        let newest = ledger.stats().batches;
        let newest = before.map_or(newest, |before| before.get().saturating_sub(1).min(newest));
        let mut found = Vec::new();
        for number in (1..=newest).rev().take(limit).map(BatchNumber::new) {
            let shown = |record| view::batch_status(number, record, events.figures_of(number));
            found.extend(ledger.batch(number)?.map(shown));
        }
        Ok(found)
    }

    /// Audits the ledger as it is on disk now. Takes a while on a large one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn audit(&self) -> Result<Report, LedgerError> {
        self.inner.base.ledger.audit()
    }

    /// What happens from now on. A listener that lags far behind misses some, and is told so.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.base.events.subscribe()
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.base.metrics
    }

    /// Waits until a part of the processor has failed that it cannot go on without. Whoever runs it
    /// should then say why, [stop](Self::shutdown) it and end the process. Otherwise it waits for ever.
    pub async fn failed(&self) -> TaskPanicked {
        self.inner.base.supervisor.failed().await
    }

    /// The first part of the processor that has failed, if one has.
    pub fn failure(&self) -> Option<TaskPanicked> {
        self.inner.base.supervisor.failure()
    }

    /// Stops accepting, finishes what is being written, and leaves batches where they stand: they
    /// are taken up at the next start. The ledger is closed when the last clone is dropped.
    pub async fn shutdown(&self) {
        self.inner.base.supervisor.stop();
        self.inner.requests.drained().await;
        if let Some((sync, settler, noticing)) = self.inner.running.lock().await.take() {
            sync.stopped().await;
            settler.stopped().await;
            // If it panicked, the supervisor has said so.
            let _ = noticing.await;
        }
    }
}

/// Notices that the ledger cannot be written to any more. Then nothing goes on, and only another start
/// can mend it: that is the processor's failure.
fn watch_ledger(ledger: &Arc<Ledger>, supervisor: &Arc<Supervisor>) -> JoinHandle<()> {
    const EVERY: Duration = Duration::from_millis(500);
    let (watched, telling) = (Arc::clone(ledger), Arc::clone(supervisor));
    supervisor.spawn_until_stopped("ledger", async move {
        loop {
            if let Some(error) = watched.failure() {
                telling.fail("ledger", error.to_string());
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    })
}

/// Opens the ledger, and has the policies count what lives in it.
async fn open(
    (directory, now): (PathBuf, UnixTime),
    settings: LedgerConfig,
    config: &ProcessorConfig,
    policies: Vec<Arc<dyn Policy>>,
) -> Result<(Arc<Ledger>, Policies), StartError> {
    let (words_max, disputes) = (config.acceptance.nonce_words_max, config.disputes);
    let opening = tokio::task::spawn_blocking(move || {
        let ledger = Ledger::open(directory, settings)?;
        first_start(&ledger, now)?;
        let policies = Policies::start((words_max, &disputes), policies, &ledger)?;
        Ok::<_, StartError>((Arc::new(ledger), policies))
    });
    opening.await.map_err(|error| StartError::Threads(error.to_string()))?
}

/// What can be settled in time, before anything was measured.
fn capacity(config: &ProcessorConfig, provers: &Provers) -> Capacity {
    let domains = provers.domains(&config.windows.shapes);
    let confirmations = config.follower.confirmations.max(config.sender.confirmations);
    Capacity::new(&config.windows, config.acceptance.settle_within_s, domains, confirmations)
}

/// The ledger that belongs to this wallet and this key.
fn ledger_config(
    deployment: &Deployment,
    key: &PrivateKeySigner,
    verifier_sets: BTreeSet<B256>,
    config: &ProcessorConfig,
) -> LedgerConfig {
    let new = LedgerConfig::new(deployment.chain_id, deployment.wallet.address, key.address());
    let settings = &config.ledger;
    LedgerConfig {
        verifier_sets: Some(verifier_sets),
        change_margin_s: settings.change_margin_s,
        // Then it waits for others as any mandate does, and is settled with them in time.
        hold_margin_s: config.windows.age_s_max.saturating_add(config.windows.due_margin_s),
        view_age_s_max: Some(settings.view_age_s_max),
        undo_blocks: config.follower.depth_max,
        waiting_max: settings.waiting_max,
        group_max: settings.group_max,
        ..new
    }
}
