//! A batch's life, driven from what is on disk.
//!
//! ```text
//!  queue ─▶ sealed ─▶ proved ─▶ submitted ─▶ confirmed ─▶ final
//!    ▲         └─────────┴───────────┴──▶ aborted ──┬─▶ queue
//!    └──────────────────────────────────────────────────┘  aside
//! ```
//!
//! # Transaction boundaries
//!
//! Each arrow is one synced write of the ledger, and each write is made before what follows from it is
//! done:
//!
//! | write | before it | after it |
//! | --- | --- | --- |
//! | sealed | nothing: a window was chosen | the proof is made |
//! | proved | the proof was made, and is lost with the process | the same bytes are sent, always |
//! | submitted | | the transaction is tried out, signed, **written down**, broadcast |
//! | confirmed, final | the chain says so: applying its block, with the balances, in one write | |
//! | aborted | the chain cannot settle the batch, as far as anybody knows | its mandates go on |
//!
//! **The point of no return** is the sender's journal entry, within *submitted*: before it nobody has
//! seen the transaction, after it anybody may. From then on a batch is aborted only when its
//! transaction was mined and failed, deep enough to stay so; when the last block applied is past its
//! `validUntil`; or when the chain has ended one of its members. If it settles all the same (blocks
//! fell away), it has settled: the chain has the last word, wherever its mandates are by then.
//!
//! Confirmed is only what the follower applied. That the sender saw its transaction succeed is no more
//! than a reason to wait.
//!
//! # What drives it
//!
//! A *look*, some times a second, seals the windows that close, and starts a task for each open
//! batch that has none. That is also all that recovery does ([`recovery`]). A task reads where its
//! batch stands, does what comes next, and reads again. Proofs are made one at a time, each on all
//! cores, while the batches before are on their way. After a start nothing is sealed or proved before
//! the ledger has caught up with the chain.
//!
//! # Refusals
//!
//! A refusal that names an account, a nonce or a mandate puts those aside; the rest is queued and
//! proved again. One that names nobody is found out by halves. What says nothing about mandates (the
//! node is away, fees are above the cap, there is no ether for gas) is waited out, with an alarm.

mod apart;
mod changes;
mod check;
mod drive;
mod journal;
mod look;
mod provers;
pub mod recovery;
mod refusal;
mod sending;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aep2_circuits::Shape;
use aep2_ledger::BatchNumber;
use alloy::primitives::B256;
use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinHandle, JoinSet},
};

pub use self::provers::{Provers, ProversError};
use self::{apart::Apart, look::Looker, sending::Sending};
use crate::{error::StartError, shared::Shared};

/// How much of the time looks at the queue may take: one part in so many.
const LOOKS_SHARE: u32 = 10;

/// What all that settle share.
pub(crate) struct Context {
    shared: Arc<Shared>,
    provers: Provers,
    /// The shapes of each set of verifiers, with what their proofs cost.
    costs: BTreeMap<B256, Vec<(Shape, u64)>>,
    sending: Sending,
    /// One at a time proves.
    proving: Arc<Semaphore>,
    apart: Mutex<Apart>,
    /// The alarms that are raised.
    alarms: Mutex<BTreeSet<&'static str>>,
}

impl Context {
    fn apart(&self) -> MutexGuard<'_, Apart> {
        // Nothing panics while it is held.
        self.apart.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has an operator look, or not any more.
    fn alarm(&self, cause: &'static str, raised: bool) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        if raised {
            alarms.insert(cause);
        } else {
            alarms.remove(cause);
        }
        self.shared.metrics.alarm(cause, raised);
    }

    /// A batch goes on: whatever held up batches is over.
    fn clear_alarms(&self) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        for cause in std::mem::take(&mut *alarms) {
            self.shared.metrics.alarm(cause, false);
        }
    }
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

/// Runs what would hold up the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// An open batch, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Its number.
    pub number: BatchNumber,
    /// Its step's name.
    pub step: &'static str,
}
