//! The writer: one thread that carries out every request that changes the ledger, in one order, and
//! writes many of them with one sync.
//!
//! ```text
//! requests ─▶ bounded queue ─▶ carry out, one after another ─▶ one write, synced
//!                                                                   │
//!                                       answers  ◀─  publish  ◀─────┘
//! ```
//!
//! Nobody is answered before the sync, those who are refused included: what a refusal rests on may
//! be a change of the same group. While the disk works, the next group gathers.
//!
//! When a write fails, nothing of its group was published and nobody of it was answered with
//! success. The writer stops: every later request is refused with the cause, since nobody knows
//! what is on disk. Opening the ledger anew finds out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::Ordering::Relaxed,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use crate::{
    config::LedgerConfig,
    error::{LedgerError, OpenError},
    memory::MemoryState,
    meter::Meter,
    pending::{Completer, Durable, Pending, pending},
    store::Store,
    tx::{Changes, Tx},
};

/// What the ledger's threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: LedgerConfig,
    pub(crate) store: Store,
    pub(crate) memory: MemoryState,
    pub(crate) meter: Meter,
    /// Why the writer stopped, once it has.
    failure: OnceLock<Arc<str>>,
}

impl Shared {
    /// The error of every request after a write failed.
    pub(crate) fn failure(&self) -> Option<LedgerError> {
        self.failure.get().map(|cause| LedgerError::Failed { cause: Arc::clone(cause) })
    }
}

/// A request, its kind forgotten.
trait Request: Send {
    /// Carries it out.
    fn run(&mut self, tx: Tx<'_>);
    /// Answers it, after the sync or its failure.
    fn answer(self: Box<Self>, failure: Option<LedgerError>);
}

struct Work<F, T, E: From<LedgerError>> {
    operation: Option<F>,
    outcome: Option<Result<T, E>>,
    completer: Completer<T, E>,
}

impl<F, T, E> Request for Work<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<LedgerError> + Send,
{
    fn run(&mut self, mut tx: Tx<'_>) {
        if let Some(operation) = self.operation.take() {
            let outcome = operation(&mut tx);
            if outcome.is_ok() {
                tx.keep();
            }
            self.outcome = Some(outcome);
        }
    }

    fn answer(self: Box<Self>, failure: Option<LedgerError>) {
        let result = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(outcome)) => outcome.map(Durable::synced),
            (None, None) => Err(LedgerError::Closed.into()),
        };
        self.completer.complete(result);
    }
}

/// The writer's thread, and the way to it.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    // None while it is closed.
    requests: Option<SyncSender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        config: LedgerConfig,
        store: Store,
        memory: MemoryState,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            config,
            store,
            memory,
            meter: Meter::default(),
            failure: OnceLock::new(),
        });
        let (requests, incoming) = mpsc::sync_channel(shared.config.waiting_max);
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("ledger-writer".into())
            .spawn(move || serve(&of_thread, &incoming))
            .map_err(|source| OpenError::Io {
                action: "start the writer of",
                path: "ledger".into(),
                source,
            })?;
        Ok(Self { shared, requests: Some(requests), thread: Some(thread) })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Hands a request in. Does not block.
    pub(crate) fn submit<T, E>(
        &self,
        operation: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<LedgerError> + Send + 'static,
    {
        if let Some(failure) = self.shared.failure() {
            return Pending::refused(failure.into());
        }
        let (completer, answer) = pending();
        let work = Work { operation: Some(operation), outcome: None, completer };
        let waiting = &self.shared.meter.waiting;
        waiting.fetch_add(1, Relaxed);
        let refused = match &self.requests {
            None => LedgerError::Closed,
            Some(requests) => match requests.try_send(Box::new(work)) {
                Ok(()) => return answer,
                Err(TrySendError::Full(_)) => {
                    LedgerError::Busy { waiting_max: self.shared.config.waiting_max }
                }
                Err(TrySendError::Disconnected(_)) => LedgerError::Closed,
            },
        };
        waiting.fetch_sub(1, Relaxed);
        Pending::refused(refused.into())
    }
}

impl Drop for Writer {
    /// Finishes what was handed in.
    fn drop(&mut self) {
        self.requests = None;
        // Whoever is woken by an answer may drop the last handle on the writer's own thread, which
        // cannot wait for itself: it ends when it has answered.
        let thread = self.thread.take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
        {
            // It does not panic: see `serve`.
            let _ = thread.join();
        }
    }
}

/// Takes requests in groups until nobody can hand any in.
fn serve(shared: &Shared, incoming: &Receiver<Box<dyn Request>>) {
    while let Ok(first) = incoming.recv() {
        let mut group = vec![first];
        let outcome = catch_unwind(AssertUnwindSafe(|| write_group(shared, incoming, &mut group)));
        if let Err(cause) = outcome.unwrap_or_else(|_| Err("the writer panicked".into())) {
            // The first cause is the one to tell.
            let _ = shared.failure.set(cause);
        }
        let failure = shared.failure();
        shared.meter.waiting.fetch_sub(group.len() as u64, Relaxed);
        for request in group {
            // What is woken is not this crate's. Should it panic, the others are answered all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| request.answer(failure.clone())));
        }
    }
}

/// Carries out the group, which grows by what is waiting, and writes it.
fn write_group(
    shared: &Shared,
    incoming: &Receiver<Box<dyn Request>>,
    group: &mut Vec<Box<dyn Request>>,
) -> Result<(), Arc<str>> {
    if shared.failure.get().is_some() {
        return Ok(());
    }
    let mut changes = Changes::default();
    let mut done = 0;
    while done < group.len() {
        group[done].run(Tx::new(&shared.config, &shared.store, &shared.memory, &mut changes));
        done += 1;
        if done == group.len() && done < shared.config.group_max {
            group.extend(incoming.try_recv());
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let start = Instant::now();
    let commit = shared.memory.counters().commits + 1;
    shared
        .store
        .write(commit, changes.writes())
        .map_err(|error| Arc::from(error.to_string().as_str()))?;
    shared.meter.written(group.len(), start.elapsed());
    let (news, counters) = changes.published(&shared.memory, commit);
    shared.memory.publish(news, counters);
    Ok(())
}
