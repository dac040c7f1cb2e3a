//! What the processor's parts share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use aep2_chain::deployment::Deployment;
use aep2_ledger::{Applied, BatchNumber, Ledger, LedgerError, MandateHash, Rewound, Status, Step};
use aep2_mandate::{clock::Clock, units::UnixTime};
use alloy::{providers::DynProvider, signers::local::PrivateKeySigner};
use tokio::sync::{broadcast, watch};

use crate::{
    boundary::{Act, Boundary, Side, Watch},
    codes::words_of,
    config::ProcessorConfig,
    event::Event,
    figures::Figures,
    metrics::Metrics,
    policy::{Policies, Request},
};

/// What the processor's parts share.
pub(crate) struct Shared {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) provider: DynProvider,
    pub(crate) deployment: Deployment,
    pub(crate) key: PrivateKeySigner,
    pub(crate) clock: Clock,
    pub(crate) config: ProcessorConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) watch: Arc<dyn Watch>,
    pub(crate) policies: Policies,
    pub(crate) figures: Figures,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) chain: Mutex<ChainHealth>,
    /// Whether the ledger has had every confirmed block once since the start.
    pub(crate) caught_up: AtomicBool,
    pub(crate) stop: watch::Sender<bool>,
}

/// How the chain was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChainHealth {
    /// When it last answered, by the processor's clock.
    pub(crate) reached_at: Option<UnixTime>,
    /// The newest block that it has, applied or not.
    pub(crate) head: Option<u64>,
    /// Why it does not answer, if it does not.
    pub(crate) failure: Option<String>,
}

impl Shared {
    /// Tells everybody who listens, and the instruments. To be called once what is told is on disk.
    pub(crate) fn tell(&self, event: Event) {
        self.metrics.note(&event);
        self.figures.note(&event, self.clock.now());
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    /// Tells what applying blocks led to.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn tell_applied(&self, applied: &Applied) -> Result<(), LedgerError> {
        for batch in &applied.confirmed {
            let record = self.ledger.batch(*batch)?;
            if let Some(Step::Confirmed { transaction, block }) = record.map(|record| record.step) {
                self.tell(Event::Confirmed { batch: *batch, transaction, block });
            }
        }
        self.tell_ended(&applied.ended)?;
        for batch in &applied.finalised {
            self.tell(Event::Final { batch: *batch });
        }
        Ok(())
    }

    /// Tells that blocks above `to_block` were undone, and what that led to.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn tell_rewound(&self, to_block: u64, rewound: &Rewound) -> Result<(), LedgerError> {
        let (mandates, batches) = (rewound.revived.len(), rewound.unconfirmed.len());
        for mandate in rewound.revived.iter().copied() {
            if let Some(view) =
                self.ledger.mandate(mandate)?.filter(|view| view.state.status.is_live())
            {
                self.policies.restore(&Request::of(mandate, &view.mandate));
            }
        }
        self.tell(Event::Reorganised { to_block, mandates, batches });
        Ok(())
    }

    /// Tells what became of mandates that ended, by the chain or otherwise: each once, as soon as it
    /// is on disk. What acceptance counts of live mandates is let go with it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn tell_ended(&self, mandates: &[MandateHash]) -> Result<(), LedgerError> {
        for mandate in mandates.iter().copied() {
            let Some(view) = self.ledger.mandate(mandate)? else { continue };
            if !view.state.status.is_live() {
                self.policies.ended(&Request::of(mandate, &view.mandate));
            }
            match view.state.status {
                Status::Settled { batch, amount, block } => {
                    self.tell(Event::Settled { mandate, amount, batch, block });
                }
                Status::Failed { reason } => {
                    self.tell(Event::Failed { mandate, reason: words_of(&reason) });
                }
                // Brought back since.
                Status::Queued | Status::InBatch { .. } | Status::Quarantined { .. } => {}
            }
        }
        Ok(())
    }

    /// Notes the gas that a batch's transaction used.
    pub(crate) fn batch_used_gas(&self, batch: BatchNumber, gas: u64) {
        self.metrics.batch_used_gas(gas);
        self.figures.used_gas(batch, gas);
    }

    /// Notes that the chain answered, and its newest block.
    pub(crate) fn chain_reached(&self, head: u64) {
        self.metrics.saw_head(head);
        let now = self.clock.now();
        *self.chain() = ChainHealth { reached_at: Some(now), head: Some(head), failure: None };
    }

    /// Notes that the chain does not answer, and why.
    pub(crate) fn chain_failed(&self, reason: impl ToString) {
        self.chain().failure = Some(reason.to_string());
    }

    pub(crate) fn chain_health(&self) -> ChainHealth {
        self.chain().clone()
    }

    /// Whether the ledger knows the chain: every confirmed block was applied once since the start.
    /// Until then it may be a long way behind, and what it says of accounts is not to be proved with.
    pub(crate) fn has_caught_up(&self) -> bool {
        if self.caught_up.load(Ordering::Relaxed) {
            return true;
        }
        let Some(head) = self.chain_health().head else { return false };
        let confirmed = head.checked_sub(self.config.follower.confirmations);
        let to_apply = confirmed.filter(|block| *block >= self.deployment.block);
        let applied = self.ledger.tip().map(|tip| tip.number);
        let caught_up = to_apply.is_none_or(|block| applied >= Some(block));
        self.caught_up.store(caught_up, Ordering::Relaxed);
        caught_up
    }

    fn chain(&self) -> MutexGuard<'_, ChainHealth> {
        // Nothing panics while it is held.
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the watch.
    pub(crate) fn reached(&self, act: Act, side: Side) {
        self.watch.reached(Boundary { act, side });
    }

    /// Becomes true when the processor stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}
