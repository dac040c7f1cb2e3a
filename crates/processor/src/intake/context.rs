//! What is needed to serve a request of any kind.

use std::sync::Arc;

use aep2_ledger::Ledger;
use aep2_mandate::clock::Clock;
use tokio::{runtime::Handle, sync::RwLock};

use super::signer::ReceiptSigner;
use crate::emitter::Emitter;

/// What is needed to serve a request of any kind.
pub(crate) struct RequestContext {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) signer: ReceiptSigner,
    pub(crate) events: Arc<Emitter>,
    /// Whether less than a mandate's amount can be settled.
    pub(crate) captures: bool,
    runtime: Handle,
    /// Read by each task that answers.
    tasks: Arc<RwLock<()>>,
}

impl RequestContext {
    /// Call it within tokio.
    pub(crate) fn new(
        ledger: Arc<Ledger>,
        clock: Clock,
        signer: ReceiptSigner,
        events: Arc<Emitter>,
        captures: bool,
    ) -> Self {
        let (runtime, tasks) = (Handle::current(), Arc::default());
        Self { ledger, clock, signer, events, captures, runtime, tasks }
    }

    /// Runs a task that answers requests. Whoever closes the ledger waits for it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let running = Arc::clone(&self.tasks).try_read_owned();
        self.runtime.spawn(async move {
            task.await;
            // With all that it held let go of.
            drop(running);
        });
    }

    /// Waits until the tasks have ended, and what they held is let go of. No more may begin.
    pub(crate) async fn tasks_ended(&self) {
        drop(self.tasks.write().await);
    }
}
