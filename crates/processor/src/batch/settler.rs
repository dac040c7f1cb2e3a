//! The tasks that settle: one seals windows and drives batches, one keeps transactions going, one puts
//! changes of accounts in force.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinHandle, JoinSet},
};

use super::{
    changes,
    context::{Context, blocking},
    drive,
    look::Looker,
    provers::Provers,
    recovery,
    sending::Sending,
};
use crate::{error::StartError, shared::Shared};

/// How much of the time looks at the queue may take: one part in so many.
const LOOKS_SHARE: u32 = 10;

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
    pub(crate) async fn start(shared: Arc<Shared>, provers: Provers) -> Result<Self, StartError> {
        let shapes = &shared.config.windows.shapes;
        provers
            .check(shapes, &shared.deployment)
            .map_err(|error| StartError::Settle(error.to_string()))?;
        let costs = provers.costs(shapes, &shared.deployment);
        let context = Arc::new(Context {
            shared,
            provers,
            costs,
            sending: Sending::default(),
            proving: Arc::new(Semaphore::new(1)),
            apart: Mutex::default(),
            alarms: Mutex::default(),
        });
        let ledger = Arc::clone(&context.shared.ledger);
        let open = blocking(move || recovery::open_batches(&ledger)).await;
        for batch in open.map_err(|error| StartError::Threads(error.to_string()))?? {
            tracing::info!(batch = %batch.number, step = batch.step, "taking up a batch");
        }
        let tasks = vec![
            tokio::spawn(look_on(Arc::clone(&context))),
            tokio::spawn(until_stopped(Arc::clone(&context), advance(Arc::clone(&context)))),
            tokio::spawn(until_stopped(Arc::clone(&context), changes::apply(Arc::clone(&context)))),
        ];
        Ok(Self { tasks })
    }

    /// Waits until it has stopped. Batches stay where they stand.
    pub(crate) async fn stopped(self) {
        for task in self.tasks {
            // They end in no other way than by being told to.
            let _ = task.await;
        }
    }
}

async fn until_stopped(context: Arc<Context>, work: impl Future<Output = ()>) {
    let mut stopping = context.shared.stopping();
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// Seals windows and sees to it that every open batch has a task, until the processor stops.
async fn look_on(context: Arc<Context>) {
    let mut stopping = context.shared.stopping();
    let every = Duration::from_millis(context.shared.config.windows.poll_interval_ms.max(1));
    let mut looker = Some(Looker::new(Arc::clone(&context)));
    let mut drivers = JoinSet::new();
    let mut driven = BTreeMap::new();
    loop {
        let started = Instant::now();
        let mut own = looker.take().unwrap_or_else(|| Looker::new(Arc::clone(&context)));
        let looked = blocking(move || {
            let looked = own.look();
            (own, looked)
        });
        match looked.await {
            Ok((own, Ok(open))) => {
                looker = Some(own);
                for batch in open {
                    driven.entry(batch).or_insert_with(|| {
                        drivers.spawn(drive::drive(Arc::clone(&context), batch)).id()
                    });
                }
            }
            Ok((own, Err(error))) => {
                looker = Some(own);
                tracing::warn!(%error, "the queue could not be looked at");
            }
            Err(error) => tracing::error!(%error, "a look ended early"),
        }
        while let Some(ended) = drivers.try_join_next_with_id() {
            let task = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
            if let Err(error) = &ended {
                tracing::error!(%error, "a batch's task ended early");
            }
            driven.retain(|_, own| *own != task);
        }
        let pause = tokio::time::sleep(every.max(started.elapsed() * LOOKS_SHARE));
        let stopped = async {
            // Nobody is left to say so: that is to stop, too.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let stop = tokio::select! {
            () = pause => false,
            () = stopped => true,
        };
        if stop {
            // What they were about to do is taken up at the next start.
            drivers.shutdown().await;
            return;
        }
    }
}

/// Keeps transactions going.
async fn advance(context: Arc<Context>) {
    let shared = &context.shared;
    let every = shared.config.sender.poll_interval;
    loop {
        match context.sending.advance(shared).await {
            Ok(left) => {
                shared.metrics.sender_pending(left);
                context.alarm("sender_not_advancing", false);
            }
            Err(error) => {
                tracing::warn!(%error, "transactions could not be looked after");
                context.alarm("sender_not_advancing", true);
            }
        }
        tokio::time::sleep(every).await;
    }
}
