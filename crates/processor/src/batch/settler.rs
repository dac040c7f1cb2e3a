//! The tasks that settle: one seals windows and drives batches, one keeps transactions going, one puts
//! changes of accounts in force, one answers demands.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aep2_chain::{deployment::Deployment, sender::SenderConfig};
use aep2_ledger::{BatchNumber, Ledger};
use aep2_mandate::clock::Clock;
use alloy::{providers::DynProvider, signers::local::PrivateKeySigner};
use tokio::{
    sync::Semaphore,
    task::{Id, JoinError, JoinHandle, JoinSet},
};

use super::{
    changes,
    context::{Alarms, Context, blocking, resume_panic},
    demands, drive,
    provers::Provers,
    recovery,
    scheduler::BatchScheduler,
    sending::Sending,
};
use crate::{
    capacity::Capacity, chain_status::ChainStatus, config::WindowConfig, emitter::Emitter,
    error::StartError, fail_point::FailPointHook, metrics::Metrics, outcomes::Outcomes,
    supervisor::Supervisor,
};

/// How much of the time scheduling may take: one part in so many.
const SCHEDULING_SHARE: u32 = 10;
/// How long it pauses at most, whatever it took: promises come due meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What settling needs.
pub(crate) struct SettlerParts {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) windows: WindowConfig,
    pub(crate) provers: Provers,
    pub(crate) provider: DynProvider,
    pub(crate) deployment: Deployment,
    /// Signs transactions.
    pub(crate) key: PrivateKeySigner,
    pub(crate) sender: SenderConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Arc<Emitter>,
    pub(crate) outcomes: Arc<Outcomes>,
    pub(crate) chain: Arc<ChainStatus>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) hook: Arc<dyn FailPointHook>,
}

/// Settles, until the processor stops.
#[derive(Debug)]
pub struct Settler {
    tasks: Vec<JoinHandle<()>>,
}

impl Settler {
    /// Begins to seal windows and to drive batches, those first that the ledger has already.
    ///
    /// # Errors
    /// When there is no key for a shape that is to be used, or it is not the one deployed.
    pub(crate) async fn start(
        parts: SettlerParts,
        supervisor: &Supervisor,
    ) -> Result<Self, StartError> {
        let metrics = Arc::clone(&parts.metrics);
        let context = Arc::new(context(parts)?);
        let ledger = Arc::clone(&context.ledger);
        let open = blocking(move || recovery::open_batches(&ledger)).await;
        for batch in open.map_err(|error| StartError::Threads(error.to_string()))?? {
            tracing::info!(batch = %batch.number, step = batch.step, "taking up a batch");
        }
        let stopping = supervisor.stopping();
        let tasks = vec![
            supervisor.spawn("batch_scheduler", schedule(Arc::clone(&context), stopping)),
            supervisor.spawn_until_stopped("transaction_sender", advance(Arc::clone(&context))),
            supervisor.spawn_until_stopped("account_changes", changes::apply(Arc::clone(&context))),
            supervisor
                .spawn_until_stopped("demands", demands::answer(context, Alarms::new(metrics))),
        ];
        Ok(Self { tasks })
    }

    /// Waits until it has stopped. Batches stay where they stand.
    pub(crate) async fn stopped(self) {
        for task in self.tasks {
            // If it panicked, the supervisor has said so.
            let _ = task.await;
        }
    }
}

fn context(parts: SettlerParts) -> Result<Context, StartError> {
    let SettlerParts { ledger, clock, windows, provers, provider, deployment, key, .. } = parts;
    let SettlerParts { sender, metrics, events, outcomes, chain, capacity, hook, .. } = parts;
    let checked = provers.check(&windows.shapes, &deployment);
    checked.map_err(|error| StartError::Settle(error.to_string()))?;
    Ok(Context {
        wallet: deployment.wallet_id(),
        periods: deployment.wallet.periods,
        since_block: deployment.block,
        poll_interval: sender.poll_interval,
        request_timeout: sender.request_timeout,
        costs: provers.costs(&windows.shapes, &deployment),
        sending: Sending::new(
            Arc::clone(&ledger),
            provider.clone(),
            key,
            sender,
            Arc::clone(&hook),
        ),
        proving: Arc::new(Semaphore::new(1)),
        capacity,
        quarantine: Mutex::default(),
        alarms: Alarms::new(metrics),
        ledger,
        clock,
        windows,
        provider,
        provers,
        events,
        outcomes,
        chain,
        hook,
    })
}

/// Seals windows and sees to it that every open batch has a task, until the processor stops.
async fn schedule(context: Arc<Context>, stopping: impl Future<Output = ()>) {
    let every = Duration::from_millis(context.windows.poll_interval_ms.max(1));
    let mut scheduler = BatchScheduler::new(Arc::clone(&context));
    let mut drivers = Drivers::default();
    tokio::pin!(stopping);
    loop {
        let started = Instant::now();
        let scheduling = blocking(move || {
            let open = scheduler.run_once();
            (scheduler, open)
        });
        // The runtime ends: so does this.
        let Ok((own, open)) = scheduling.await.map_err(resume_panic) else { return };
        scheduler = own;
        match open {
            Ok(open) => open.into_iter().for_each(|batch| drivers.drive(&context, batch)),
            Err(error) => tracing::warn!(%error, "windows could not be sealed"),
        }
        drivers.forget_ended(&context);
        let pause = (started.elapsed() * SCHEDULING_SHARE).min(PAUSE_MAX);
        let pause = tokio::time::sleep(every.max(pause));
        let stop = tokio::select! {
            () = pause => false,
            () = &mut stopping => true,
        };
        if stop {
            // What they were about to do is taken up at the next start.
            drivers.tasks.shutdown().await;
            return;
        }
    }
}

/// The tasks of batches, one each.
#[derive(Default)]
struct Drivers {
    tasks: JoinSet<()>,
    driven: BTreeMap<BatchNumber, Id>,
}

impl Drivers {
    /// Begins a task for a batch that has none.
    fn drive(&mut self, context: &Arc<Context>, batch: BatchNumber) {
        let Self { tasks, driven } = self;
        driven
            .entry(batch)
            .or_insert_with(|| tasks.spawn(drive::drive(Arc::clone(context), batch)).id());
    }

    /// Forgets tasks that have ended. One that panicked is begun again the next time: the other
    /// batches are not held up by it.
    fn forget_ended(&mut self, context: &Context) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let task = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
            if let Err(error) = &ended {
                tracing::error!(%error, "a batch's task panicked");
                context.alarms.set("batch_stuck", true);
            }
            self.driven.retain(|_, own| *own != task);
        }
    }
}

/// Keeps transactions going.
async fn advance(context: Arc<Context>) {
    loop {
        match context.sending.advance().await {
            Ok(left) => {
                context.alarms.sender_pending(left);
                context.alarms.set("sender_not_advancing", false);
            }
            Err(error) => {
                tracing::warn!(%error, "transactions could not be looked after");
                context.alarms.set("sender_not_advancing", true);
            }
        }
        tokio::time::sleep(context.poll_interval).await;
    }
}
