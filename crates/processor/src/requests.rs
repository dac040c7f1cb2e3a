//! The queue of requests, served by a few threads.

use std::sync::Arc;

use aep2_chain::wallet::WalletId;
use aep2_ledger::Ledger;
use aep2_mandate::{clock::Clock, typed_data::direct::SignedDirectMandate};
use alloy::signers::local::PrivateKeySigner;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::{
    accept::{
        AcceptContext, AcceptError, AcceptParts, Acceptance, DirectAcceptance, OfferedMandate,
    },
    capacity::Capacity,
    capture::{self, CaptureAcceptance, CaptureError, SignedCapture},
    chain_status::ChainStatus,
    config::{AcceptanceConfig, DisputeTerms, WindowConfig},
    emitter::Emitter,
    error::StartError,
    follow::Wanted,
    intake::{Incoming, Pool, ReceiptSigner, Reply, RequestContext, TurnedAway, Unanswered},
    metrics::Metrics,
    policy::{Policies, Request},
    refund::{self, RefundError, RefundStatus, SignedRefund},
    supervisor::Supervisor,
};

/// A request of any kind, as it waits.
enum AnyRequest {
    Mandate(Incoming<OfferedMandate, Result<Acceptance, AcceptError>>),
    Direct(Incoming<SignedDirectMandate, Result<DirectAcceptance, AcceptError>>),
    Capture(Incoming<SignedCapture, Result<CaptureAcceptance, CaptureError>>),
    Refund(Incoming<SignedRefund, Result<RefundStatus, RefundError>>),
}

/// What serving requests needs.
pub(crate) struct RequestParts {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    /// Signs receipts.
    pub(crate) key: PrivateKeySigner,
    pub(crate) wallet: WalletId,
    pub(crate) policies: Policies,
    pub(crate) events: Arc<Emitter>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) supervisor: Arc<Supervisor>,
    /// What acceptance misses of accounts that came over.
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) chain: Arc<ChainStatus>,
    /// Whether less than a mandate's amount can be settled.
    pub(crate) captures: bool,
}

/// Takes requests, and has them served.
pub(crate) struct RequestQueue {
    accepting: Arc<AcceptContext>,
    context: Arc<RequestContext>,
    metrics: Arc<Metrics>,
    supervisor: Arc<Supervisor>,
    pool: Pool<AnyRequest>,
    /// One for each request that may wait, for a thread or for the disk.
    places: Arc<Semaphore>,
    waiting_max: u32,
}

impl RequestQueue {
    /// Begins to take requests. Call it within tokio.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn start(
        parts: RequestParts,
        acceptance: &AcceptanceConfig,
        windows: &WindowConfig,
        disputes: DisputeTerms,
    ) -> Result<Self, StartError> {
        let RequestParts { ledger, clock, key, wallet, policies, events, metrics, .. } = parts;
        let RequestParts { supervisor, wanted, capacity, chain, captures, .. } = parts;
        let signer = ReceiptSigner::new(key, wallet);
        let context = Arc::new(RequestContext::new(ledger, clock, signer, events, captures));
        let parts = AcceptParts {
            requests: Arc::clone(&context),
            policies,
            metrics: Arc::clone(&metrics),
            wanted,
            capacity,
            chain,
            wallet,
        };
        let accepting = AcceptContext::new(parts, acceptance, windows, disputes);
        let waiting_max = u32::try_from(acceptance.waiting_max).unwrap_or(u32::MAX);
        let waiting_max =
            waiting_max.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let accepting = Arc::new(accepting);
        let serving = Serving {
            accepting: Arc::clone(&accepting),
            context: Arc::clone(&context),
            metrics: Arc::clone(&metrics),
        };
        let pool = Pool::start(acceptance.together_max, move |requests| serving.serve(requests))
            .map_err(|error| StartError::Threads(error.to_string()))?;
        let places = Arc::new(Semaphore::new(waiting_max as usize));
        Ok(Self { accepting, context, metrics, supervisor, pool, places, waiting_max })
    }

    /// What signs for this processor.
    pub(crate) fn signer(&self) -> &ReceiptSigner {
        &self.context.signer
    }

    pub(crate) async fn accept(&self, mandate: OfferedMandate) -> Result<Acceptance, AcceptError> {
        let answer = self.enter(mandate, AnyRequest::Mandate, AcceptError::from);
        self.counted(answered(answer).await)
    }

    pub(crate) async fn accept_many(
        &self,
        mandates: Vec<OfferedMandate>,
    ) -> Vec<Result<Acceptance, AcceptError>> {
        let mut waiting = Vec::with_capacity(mandates.len());
        let collected = mandates.into_iter().map(|mandate| {
            let entry = self.place().map_err(AcceptError::from);
            entry.map(|place| {
                let (received, answer) = self.receive(mandate, place);
                waiting.push(AnyRequest::Mandate(received));
                answer
            })
        });
        let answers: Vec<_> = collected.collect();
        // All at once, so that they are checked together.
        self.pool.hand_in(waiting);
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(self.counted(answered(answer).await));
        }
        results
    }

    pub(crate) async fn accept_direct(
        &self,
        mandate: SignedDirectMandate,
    ) -> Result<DirectAcceptance, AcceptError> {
        let answer = self.enter(mandate, AnyRequest::Direct, AcceptError::from);
        self.counted(answered(answer).await)
    }

    pub(crate) async fn capture(
        &self,
        capture: SignedCapture,
    ) -> Result<CaptureAcceptance, CaptureError> {
        let answer = self.enter(capture, AnyRequest::Capture, CaptureError::from);
        let answer = answered(answer).await;
        if let Err(error) = &answer {
            self.metrics.capture_refused(error.code());
        }
        answer
    }

    pub(crate) async fn refund(&self, refund: SignedRefund) -> Result<RefundStatus, RefundError> {
        let answer = self.enter(refund, AnyRequest::Refund, RefundError::from);
        let answer = answered(answer).await;
        if let Err(error) = &answer {
            self.metrics.refund_refused(error.code());
        }
        answer
    }

    pub(crate) fn check(&self, mandate: &OfferedMandate) -> Result<(), AcceptError> {
        if self.supervisor.is_closed() {
            return Err(AcceptError::Stopping);
        }
        self.accepting.check(mandate)
    }

    /// What policies are asked about a mandate that everything else lets pass.
    pub(crate) fn considered(
        &self,
        mandate: &OfferedMandate,
    ) -> Result<Option<Request>, AcceptError> {
        if self.supervisor.is_closed() {
            return Err(AcceptError::Stopping);
        }
        self.accepting.considered(mandate)
    }

    /// Waits until everything that entered is answered. The processor must be stopping.
    pub(crate) async fn drained(&self) {
        // Closed only by dropping it.
        let _ = self.places.acquire_many(self.waiting_max).await;
        self.context.tasks_ended().await;
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, TurnedAway> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        // After the place was taken: whoever stops the processor waits for all places.
        if self.supervisor.is_closed() {
            return Err(TurnedAway::Stopping);
        }
        place.map_err(|error| match error {
            TryAcquireError::Closed => TurnedAway::Stopping,
            TryAcquireError::NoPermits => {
                TurnedAway::Busy { waiting_max: self.waiting_max as usize }
            }
        })
    }

    fn receive<T, R>(&self, input: T, place: OwnedSemaphorePermit) -> (Incoming<T, R>, Answer<R>) {
        let (sender, answer) = oneshot::channel();
        let metrics = Arc::clone(&self.metrics);
        (Incoming { input, reply: Reply::new(sender, place, metrics) }, answer)
    }

    fn enter<T, R, E>(
        &self,
        input: T,
        of_kind: impl FnOnce(Incoming<T, Result<R, E>>) -> AnyRequest,
        away: impl FnOnce(TurnedAway) -> E,
    ) -> Result<Answer<Result<R, E>>, E> {
        let (received, answer) = self.receive(input, self.place().map_err(away)?);
        self.pool.hand_in([of_kind(received)]);
        Ok(answer)
    }

    fn counted<T>(&self, answer: Result<T, AcceptError>) -> Result<T, AcceptError> {
        if let Err(error) = &answer {
            self.metrics.refused(error.code());
        }
        answer
    }
}

type Answer<R> = oneshot::Receiver<R>;

/// Waits for an answer.
async fn answered<R, E: From<Unanswered>>(
    entered: Result<Answer<Result<R, E>>, E>,
) -> Result<R, E> {
    entered?.await.unwrap_or_else(|_| Err(Unanswered.into()))
}

/// What the threads do.
struct Serving {
    accepting: Arc<AcceptContext>,
    context: Arc<RequestContext>,
    metrics: Arc<Metrics>,
}

impl Serving {
    /// Serves requests that waited together, each kind by itself.
    fn serve(&self, requests: Vec<AnyRequest>) {
        let waited = requests.iter().map(|request| match request {
            AnyRequest::Mandate(received) => received.reply.waited(),
            AnyRequest::Direct(received) => received.reply.waited(),
            AnyRequest::Capture(received) => received.reply.waited(),
            AnyRequest::Refund(received) => received.reply.waited(),
        });
        self.metrics.began(requests.len(), waited);
        let (mut mandates, mut direct, mut captures) = (Vec::new(), Vec::new(), Vec::new());
        let mut refunds = Vec::new();
        for request in requests {
            match request {
                AnyRequest::Mandate(received) => mandates.push(received),
                AnyRequest::Direct(received) => direct.push(received),
                AnyRequest::Capture(received) => captures.push(received),
                AnyRequest::Refund(received) => refunds.push(received),
            }
        }
        self.accepting.accept(mandates);
        self.accepting.accept(direct);
        capture::serve(&self.context, captures);
        refund::serve(&self.context, refunds);
    }
}
