//! What all answers are made from.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aep2_compliance::Compliance;
use aep2_evidence::EvidenceStore;
use aep2_exact::ExactFacilitator;
use aep2_processor::Processor;
use alloy::primitives::B256;
use tokio::sync::{Semaphore, watch};

use super::{
    error::{ApiError, Code},
    event_buffer::EventBuffer,
    evidence_places::{Bringer, EvidencePlace, EvidencePlaces},
    guard::Gate,
};
use crate::{metrics::Metrics, settings::LimitSettings};

/// How many bodies may come first, one after another, where all places for evidence are taken.
const PLACE_WAITS_FOR: u32 = 4;

/// What is served beside the processor, where it is there.
#[derive(Default)]
pub struct Beside {
    /// Payments of x402's scheme `exact`.
    pub exact: Option<ExactFacilitator>,
    /// What payers present to compliance.
    pub compliance: Option<Compliance>,
    /// Evidence of disputes.
    pub evidence: Option<EvidenceStore>,
}

/// The API over a processor. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    processor: Processor,
    exact: Option<ExactFacilitator>,
    compliance: Option<Compliance>,
    evidence: Option<EvidenceStore>,
    evidence_places: EvidencePlaces,
    limits: LimitSettings,
    metrics: Arc<Metrics>,
    gate: Arc<Gate>,
    events: Arc<EventBuffer>,
    /// One for each who may subscribe to events.
    subscribers: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// The API over a processor, and the task that keeps its events.
    pub(crate) fn new(
        processor: Processor,
        Beside { exact, compliance, evidence }: Beside,
        limits: &LimitSettings,
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Only to tell this run from others.
        let run = u64::try_from(since.as_millis()).unwrap_or_default();
        let events = Arc::new(EventBuffer::new(run, limits.events_kept));
        tokio::spawn(Arc::clone(&events).fill(processor.events()));
        let metrics = Arc::new(Metrics::new());
        let within = Duration::from_secs(limits.answer_within_s);
        let gate = Gate::new(Arc::clone(&metrics), limits.requests_max, within, run);
        let inner = Inner {
            processor,
            exact,
            compliance,
            evidence,
            evidence_places: EvidencePlaces::default(),
            limits: limits.clone(),
            gate: Arc::new(gate),
            metrics,
            events,
            subscribers: Arc::new(Semaphore::new(
                limits.event_subscribers_max.min(Semaphore::MAX_PERMITS),
            )),
            stopping: watch::Sender::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Ends what would not end by itself.
    pub(crate) fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(super) fn processor(&self) -> &Processor {
        &self.inner.processor
    }

    /// The facilitator of the scheme `exact`, where there is one.
    pub(super) fn exact(&self) -> Option<&ExactFacilitator> {
        self.inner.exact.as_ref()
    }

    /// Compliance, where it is on.
    pub(super) fn compliance(&self) -> Option<&Compliance> {
        self.inner.compliance.as_ref()
    }

    /// A place among those who may hand in evidence at the same time. It is waited for as long as a few bodies may
    /// take.
    pub(super) async fn evidence_place(
        &self,
        dispute: B256,
        by: Bringer,
    ) -> Result<EvidencePlace, ApiError> {
        let within = self.body_within().saturating_mul(PLACE_WAITS_FOR);
        let place = self.inner.evidence_places.take((dispute, by), within).await;
        place.ok_or_else(|| {
            let message = "other evidence is being taken in: try again in a moment";
            ApiError::new(Code::TooManyRequests, message)
        })
    }

    /// Where evidence of disputes is kept, where any is.
    pub(super) fn evidence(&self) -> Option<&EvidenceStore> {
        self.inner.evidence.as_ref()
    }

    pub(super) fn limits(&self) -> &LimitSettings {
        &self.inner.limits
    }

    /// What every request passes.
    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.inner.gate)
    }

    /// The events that are kept.
    pub(super) fn events(&self) -> Arc<EventBuffer> {
        Arc::clone(&self.inner.events)
    }

    /// A slot for each who may subscribe to events.
    pub(super) fn subscribers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.subscribers)
    }

    /// True once the server stops.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.inner.stopping.subscribe()
    }

    /// How long a body may take.
    pub(super) fn body_within(&self) -> Duration {
        Duration::from_secs(self.limits().body_within_s)
    }

    /// Runs what reads the disk or calculates on a thread where it may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Processor) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let processor = self.processor().clone();
        tokio::task::spawn_blocking(move || work(&processor))
            .await
            .map_err(|error| ApiError::internal(&error))
    }
}
