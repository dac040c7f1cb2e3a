//! The processor as others use it, and what its parts share.

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use aep2_chain::deployment::Deployment;
use aep2_ledger::{BatchNumber, Ledger, LedgerConfig, LedgerError, MandateHash, audit::Report};
use aep2_mandate::{
    clock::Clock,
    mandate::{MandateId, SignedMandate},
    typed_data::direct::SignedDirectMandate,
    units::{AccountId, UnixTime},
};
use alloy::{primitives::B256, providers::DynProvider, signers::local::PrivateKeySigner};
use tokio::sync::{broadcast, watch};

use crate::{
    accept::{AcceptError, Acceptance, DirectAcceptance},
    batch::{Provers, Settler},
    boundary::Watch,
    capture::{CaptureAcceptance, CaptureError, SignedCapture},
    config::ProcessorConfig,
    error::StartError,
    event::Event,
    figures::Figures,
    follow::Feed,
    metrics::Metrics,
    policy::{Policies, Policy},
    requests::Acceptor,
    shared::Shared,
    view::{
        self, AccountStatus, Arranger, BatchStatus, DirectStatus, Identity, Inclusion,
        MandateStatus, Readiness, ViewError,
    },
};

/// How many events a listener may lag behind before it misses some.
const EVENTS_KEPT: usize = 8_192;

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
    /// Told of every boundary between steps of a batch's life. `Arc::new(())` for nobody.
    pub watch: Arc<dyn Watch>,
}

/// A running processor. Clones are the same one.
#[derive(Clone)]
pub struct Processor {
    inner: Arc<Inner>,
}

struct Inner {
    // First: its threads hold the rest.
    acceptor: Acceptor,
    shared: Arc<Shared>,
    arranger: Arc<Arranger>,
    running: tokio::sync::Mutex<Option<(Feed, Settler)>>,
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
        let Parts { provider, deployment, key, ledger, provers, clock, watch } = parts;
        config.check(&deployment)?;
        let sets = provers.verifier_sets(&deployment);
        let ledger_settings = ledger_config(&deployment, &key, sets, &config);
        let words_max = config.acceptance.nonce_words_max;
        let opening = tokio::task::spawn_blocking(move || {
            let ledger = Ledger::open(ledger, ledger_settings)?;
            let policies = Policies::start(words_max, policies, &ledger)?;
            Ok::<_, StartError>((Arc::new(ledger), policies))
        });
        let (ledger, policies) =
            opening.await.map_err(|error| StartError::Threads(error.to_string()))??;
        let metrics = Arc::new(Metrics::new(&ledger, &clock));
        let shared = Arc::new(Shared {
            ledger,
            provider,
            deployment,
            key,
            clock,
            config,
            metrics,
            watch,
            policies,
            figures: Figures::default(),
            events: broadcast::channel(EVENTS_KEPT).0,
            chain: Mutex::default(),
            caught_up: AtomicBool::new(false),
            stop: watch::Sender::new(false),
        });
        let settler = Settler::start(Arc::clone(&shared), provers).await?;
        let feed = Feed::start(Arc::clone(&shared)).await?;
        let acceptor = Acceptor::start(Arc::clone(&shared))?;
        let running = tokio::sync::Mutex::new(Some((feed, settler)));
        let inner = Inner { shared, acceptor, arranger: Arc::default(), running };
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
    pub async fn accept(&self, mandate: SignedMandate) -> Result<Acceptance, AcceptError> {
        self.inner.acceptor.accept(mandate).await
    }

    /// As [`accept`](Self::accept), many at once, with an answer for each in its place.
    pub async fn accept_many(
        &self,
        mandates: Vec<SignedMandate>,
    ) -> Vec<Result<Acceptance, AcceptError>> {
        self.inner.acceptor.accept_many(mandates).await
    }

    /// As [`accept`](Self::accept), a direct mandate.
    ///
    /// # Errors
    /// See [`AcceptError`]. None of them leaves anything behind.
    pub async fn accept_direct(
        &self,
        mandate: SignedDirectMandate,
    ) -> Result<DirectAcceptance, AcceptError> {
        self.inner.acceptor.accept_direct(mandate).await
    }

    /// Whether a mandate would be accepted now: everything that [`accept`](Self::accept) looks at, the
    /// signature included. Promises nothing. On this thread, for as long as a signature's check takes.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn check(&self, mandate: &SignedMandate) -> Result<(), AcceptError> {
        self.inner.acceptor.check(mandate)
    }

    /// Notes what a payee takes of a mandate. The answer is there when it is on disk. The same again
    /// gets the same answer.
    ///
    /// # Errors
    /// See [`CaptureError`]. None of them leaves anything behind.
    pub async fn capture(&self, capture: SignedCapture) -> Result<CaptureAcceptance, CaptureError> {
        self.inner.acceptor.capture(capture).await
    }

    // Looking. These read the ledger on the calling thread.

    /// Who the processor is, and what it serves.
    pub fn identity(&self) -> Identity {
        view::identity(&self.inner.shared)
    }

    /// Whether mandates are accepted now, and if not, why.
    pub fn readiness(&self) -> Readiness {
        view::readiness(&self.inner.shared)
    }

    /// A mandate, of either path; nothing when it was not accepted.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn mandate(&self, mandate: MandateHash) -> Result<Option<MandateStatus>, ViewError> {
        let shared = &self.inner.shared;
        let found = shared.ledger.mandate(mandate)?;
        found
            .map(|found| view::mandate_status(&shared.ledger, shared.key.address(), found))
            .transpose()
    }

    /// The direct path at a glance. Costs the same however many mandates there are.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn direct_status(&self) -> Result<DirectStatus, ViewError> {
        let shared = &self.inner.shared;
        view::direct_status(&shared.ledger, shared.key.address())
    }

    /// What time it is here: what deadlines are held against.
    pub fn now(&self) -> UnixTime {
        self.inner.shared.clock.now()
    }

    /// That a mandate was settled, and for how much.
    ///
    /// # Errors
    /// When it is not known, not settled in a batch, or of the direct path.
    pub async fn inclusion_proof(&self, mandate: MandateId) -> Result<Inclusion, ViewError> {
        let inner = Arc::clone(&self.inner);
        let proving = tokio::task::spawn_blocking(move || {
            inner.arranger.proof(&inner.shared.ledger, &inner.shared.deployment, mandate)
        });
        proving.await.unwrap_or_else(|error| Err(ViewError::Internal(error.to_string())))
    }

    /// An account; nothing when it is not known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn account(&self, account: AccountId) -> Result<Option<AccountStatus>, ViewError> {
        let shared = &self.inner.shared;
        let found = shared.ledger.account(account);
        let sets = shared.ledger.config().verifier_sets.as_ref();
        let is_ours = |processor, verifiers: B256| {
            processor == shared.key.address() && sets.is_none_or(|sets| sets.contains(&verifiers))
        };
        Ok(found.map(|found| view::account_status(account, found, is_ours)))
    }

    /// A batch with its mandates; nothing when there is none with this number.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn batch(&self, batch: BatchNumber) -> Result<Option<BatchStatus>, ViewError> {
        let found = self.inner.shared.ledger.batch_view(batch)?;
        let figures = self.inner.shared.figures.of(batch);
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
        let Shared { ledger, figures, .. } = &*self.inner.shared;
        let newest = ledger.stats().batches;
        let newest = before.map_or(newest, |before| before.get().saturating_sub(1).min(newest));
        let mut found = Vec::new();
        for number in (1..=newest).rev().take(limit).map(BatchNumber::new) {
            let shown = |record| view::batch_status(number, record, figures.of(number));
            found.extend(ledger.batch(number)?.map(shown));
        }
        Ok(found)
    }

    /// Audits the ledger as it is on disk now. Takes a while on a large one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn audit(&self) -> Result<Report, LedgerError> {
        self.inner.shared.ledger.audit()
    }

    /// What happens from now on. A listener that lags far behind misses some, and is told so.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.shared.events.subscribe()
    }

    /// The instruments.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.shared.metrics
    }

    /// Stops accepting, finishes what is being written, and leaves batches where they stand: they
    /// are taken up at the next start. The ledger is closed when the last clone is dropped.
    pub async fn shutdown(&self) {
        let shared = &self.inner.shared;
        shared.stop.send_replace(true);
        self.inner.acceptor.drained().await;
        if let Some((feed, settler)) = self.inner.running.lock().await.take() {
            feed.stopped().await;
            settler.stopped().await;
        }
    }
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
        view_age_s_max: Some(settings.view_age_s_max),
        undo_blocks: config.follower.depth_max,
        waiting_max: settings.waiting_max,
        group_max: settings.group_max,
        ..new
    }
}
