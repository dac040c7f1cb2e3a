//! From a request to a receipt.
//!
//! In this order, the first that applies being the answer:
//!
//! 1. the processor stops, or too many requests wait;
//! 2. the same mandate again: its first receipt, whatever became of it. With the very signature that
//!    was accepted, at once; with another, once that one holds (an id does not cover its signature,
//!    and whoever has only seen an id gets no receipt for it);
//! 3. the token is not accepted; the amount is below the token's least; the deadline has passed, or
//!    comes before the mandate need be settled;
//! 4. the ledger's own checks ([`aep2_ledger::accept`]): the view of the chain, the account, its
//!    processor, verifiers and key, the nonce, pending changes, funds;
//! 5. the signature;
//! 6. the operator's [policies](crate::policy);
//! 7. the ledger's checks once more, together with the reservation and the record, in one write that is
//!    synced. Only then does the receipt leave.
//!
//! All of it runs on a few threads of its own (`pool`), which check the signatures of what waits
//! together. A request that nobody waits for any more is carried out all the same: it is either on
//! disk with its receipt, for whoever asks again, or has left nothing behind.

mod desk;
mod direct;
mod error;
mod pool;
mod proved;

use std::sync::Arc;

use aep2_ledger::EnqueueReceipt;
use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::{direct::SignedDirectMandate, receipt::SignedReceipt},
};
use alloy::primitives::Address;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

pub(crate) use self::desk::{Desk, Reply, Task};
pub use self::error::AcceptError;
use self::pool::Pool;
use crate::{
    capture::{self, CaptureAcceptance, CaptureError, SignedCapture},
    error::StartError,
    shared::Shared,
};

/// A mandate that is accepted: its receipt is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acceptance {
    /// The mandate's id.
    pub mandate_id: MandateId,
    /// What the payee is given.
    pub receipt: SignedReceipt,
    /// Whether it had been accepted before, and this is the receipt of then.
    #[serde(skip)]
    pub again: bool,
}

/// A direct mandate that is accepted: its receipt is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectAcceptance {
    /// The processor, as the published MVP names it in its receipt: `sp`.
    pub processor: Address,
    /// What the payee is given.
    pub receipt: EnqueueReceipt,
    /// Whether it had been accepted before, and this is the receipt of then.
    pub again: bool,
}

/// As the published MVP writes its receipts.
impl Serialize for DirectAcceptance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let EnqueueReceipt { mandate_digest, enqueue_deadline, signature } = &self.receipt;
        let mut fields = serializer.serialize_struct("EnqueueReceipt", 4)?;
        fields.serialize_field("sp", &self.processor.to_string())?;
        fields.serialize_field("mandateDigest", mandate_digest)?;
        fields.serialize_field("enqueueDeadline", enqueue_deadline)?;
        fields.serialize_field("spEnqueueSig", signature)?;
        fields.end()
    }
}

/// What is handed to the threads.
enum Job {
    Mandate(Task<SignedMandate, Result<Acceptance, AcceptError>>),
    Direct(Task<SignedDirectMandate, Result<DirectAcceptance, AcceptError>>),
    Capture(Task<SignedCapture, Result<CaptureAcceptance, CaptureError>>),
}

/// Takes requests, and has them served.
pub(crate) struct Acceptor {
    desk: Arc<Desk>,
    pool: Pool<Job>,
    /// One for each request that may wait, for a thread or for the disk.
    places: Arc<Semaphore>,
    waiting_max: u32,
}

/// Why a request is not even looked at.
pub(crate) enum TurnedAway {
    Stopping,
    Busy { waiting_max: usize },
}

impl From<TurnedAway> for AcceptError {
    fn from(away: TurnedAway) -> Self {
        match away {
            TurnedAway::Stopping => Self::Stopping,
            TurnedAway::Busy { waiting_max } => Self::Busy { waiting_max },
        }
    }
}

impl Acceptor {
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Self, StartError> {
        let settings = &shared.config.acceptance;
        let waiting_max = u32::try_from(settings.waiting_max).unwrap_or(u32::MAX);
        let waiting_max =
            waiting_max.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let together_max = settings.together_max;
        let desk = Arc::new(Desk::new(shared));
        let theirs = Arc::clone(&desk);
        let pool = Pool::start(together_max, move |jobs| serve(&theirs, jobs))
            .map_err(|error| StartError::Threads(error.to_string()))?;
        let places = Arc::new(Semaphore::new(waiting_max as usize));
        Ok(Self { desk, pool, places, waiting_max })
    }

    pub(crate) async fn accept(&self, mandate: SignedMandate) -> Result<Acceptance, AcceptError> {
        let answer = self.enter(mandate, Job::Mandate, AcceptError::from);
        self.counted(answered(answer).await)
    }

    pub(crate) async fn accept_many(
        &self,
        mandates: Vec<SignedMandate>,
    ) -> Vec<Result<Acceptance, AcceptError>> {
        let mut jobs = Vec::with_capacity(mandates.len());
        let collected = mandates.into_iter().map(|mandate| {
            let entry = self.place().map_err(AcceptError::from);
            entry.map(|place| {
                let (task, answer) = self.task(mandate, place);
                jobs.push(Job::Mandate(task));
                answer
            })
        });
        let answers: Vec<_> = collected.collect();
        // All at once, so that they are checked together.
        self.pool.hand_in(jobs);
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
        let answer = self.enter(mandate, Job::Direct, AcceptError::from);
        self.counted(answered(answer).await)
    }

    pub(crate) async fn capture(
        &self,
        capture: SignedCapture,
    ) -> Result<CaptureAcceptance, CaptureError> {
        let answer = self.enter(capture, Job::Capture, CaptureError::from);
        let answer = answered(answer).await;
        if let Err(error) = &answer {
            self.desk.shared.metrics.capture_refused(error.code());
        }
        answer
    }

    pub(crate) fn check(&self, mandate: &SignedMandate) -> Result<(), AcceptError> {
        if *self.desk.shared.stopping().borrow() {
            return Err(AcceptError::Stopping);
        }
        self.desk.check(mandate)
    }

    /// Waits until everything that entered is answered. The processor must be stopping.
    pub(crate) async fn drained(&self) {
        // Closed only by dropping it.
        let _ = self.places.acquire_many(self.waiting_max).await;
        self.desk.tasks_ended().await;
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, TurnedAway> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        // After the place was taken: whoever stops the processor waits for all places.
        if *self.desk.shared.stopping().borrow() {
            return Err(TurnedAway::Stopping);
        }
        place.map_err(|error| match error {
            TryAcquireError::Closed => TurnedAway::Stopping,
            TryAcquireError::NoPermits => {
                TurnedAway::Busy { waiting_max: self.waiting_max as usize }
            }
        })
    }

    fn task<T, R>(&self, input: T, place: OwnedSemaphorePermit) -> (Task<T, R>, Answer<R>) {
        let (sender, answer) = oneshot::channel();
        let metrics = Arc::clone(&self.desk.shared.metrics);
        (Task { input, reply: Reply::new(sender, place, metrics) }, answer)
    }

    fn enter<T, R, E>(
        &self,
        input: T,
        job: impl FnOnce(Task<T, Result<R, E>>) -> Job,
        away: impl FnOnce(TurnedAway) -> E,
    ) -> Result<Answer<Result<R, E>>, E> {
        let (task, answer) = self.task(input, self.place().map_err(away)?);
        self.pool.hand_in([job(task)]);
        Ok(answer)
    }

    fn counted<T>(&self, answer: Result<T, AcceptError>) -> Result<T, AcceptError> {
        if let Err(error) = &answer {
            self.desk.shared.metrics.refused(error.code());
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

/// Whoever was to answer is gone: a defect.
pub(crate) struct Unanswered;

impl Unanswered {
    pub(crate) const WORDS: &'static str = "the request was dropped: see the log";
}

impl From<Unanswered> for AcceptError {
    fn from(_: Unanswered) -> Self {
        Self::Internal(Unanswered::WORDS.to_owned())
    }
}

/// Serves what was taken together, each kind by itself.
fn serve(desk: &Arc<Desk>, jobs: Vec<Job>) {
    let waited = jobs.iter().map(|job| match job {
        Job::Mandate(task) => task.reply.waited(),
        Job::Direct(task) => task.reply.waited(),
        Job::Capture(task) => task.reply.waited(),
    });
    desk.shared.metrics.began(jobs.len(), waited);
    let (mut mandates, mut direct, mut captures) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        match job {
            Job::Mandate(task) => mandates.push(task),
            Job::Direct(task) => direct.push(task),
            Job::Capture(task) => captures.push(task),
        }
    }
    desk.accept(mandates);
    desk.accept(direct);
    capture::serve(desk, captures);
}
