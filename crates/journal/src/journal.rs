//! A journal, and its writer: one thread that carries out every request, in one order, and writes
//! many of them with one sync.
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
//! what is on disk. Opening the journal anew finds out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use crate::{
    backup::{Backup, Backups},
    changes::Changes,
    config::JournalConfig,
    error::{BackupError, JournalError, OpenError},
    family::ColumnFamily,
    metrics::{Counted, JournalMetrics},
    pending::{Completer, Durable, Pending, pending},
    state::State,
    store::Store,
    transaction::Transaction,
    view::View,
};

/// What a journal's threads share.
#[derive(Debug)]
struct Shared<S> {
    store: Store,
    state: S,
    /// The number of the last commit.
    commits: AtomicU64,
    waiting_max: usize,
    group_max: usize,
    counted: Counted,
    /// Why the writer stopped, once it has.
    failure: OnceLock<Arc<str>>,
}

impl<S> Shared<S> {
    /// The error of every request after a write failed.
    fn failure(&self) -> Option<JournalError> {
        self.failure.get().map(|cause| JournalError::Failed { cause: Arc::clone(cause) })
    }
}

/// A request, its kind forgotten.
trait Request<S: State>: Send {
    /// Carries it out.
    fn run(&mut self, tx: Transaction<'_, S>);
    /// Answers it, after the sync or its failure.
    fn answer(self: Box<Self>, failure: Option<JournalError>);
}

struct Work<F, T, E: From<JournalError>> {
    operation: Option<F>,
    outcome: Option<Result<T, E>>,
    completer: Completer<T, E>,
}

impl<S, F, T, E> Request<S> for Work<F, T, E>
where
    S: State,
    F: FnOnce(&mut Transaction<'_, S>) -> Result<T, E> + Send,
    T: Send,
    E: From<JournalError> + Send,
{
    fn run(&mut self, mut tx: Transaction<'_, S>) {
        if let Some(operation) = self.operation.take() {
            let outcome = operation(&mut tx);
            if outcome.is_ok() {
                tx.keep();
            }
            self.outcome = Some(outcome);
        }
    }

    fn answer(self: Box<Self>, failure: Option<JournalError>) {
        let result = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(outcome)) => outcome.map(Durable::synced),
            (None, None) => Err(JournalError::Closed.into()),
        };
        self.completer.complete(result);
    }
}

/// A directory with column families, and one thread that writes them. All threads may use it.
/// Dropping it finishes what was handed in.
#[derive(Debug)]
pub struct Journal<S: State> {
    shared: Arc<Shared<S>>,
    // None while it is closed.
    requests: Option<SyncSender<Box<dyn Request<S>>>>,
    thread: Option<JoinHandle<()>>,
}

impl<S: State> Journal<S> {
    /// Opens the journal in `directory`, or begins one there. `load` makes what is kept in memory
    /// from what is on disk.
    ///
    /// # Errors
    /// When another process has it, it has another identity, a newer release wrote it, no migration
    /// leads to the present format, it is damaged or something acknowledged is missing from it, and
    /// when the system does not let it be read and written. Except for the last, and for a migration
    /// that failed, nothing was changed. And when `load` fails.
    pub fn open<E: From<OpenError>>(
        directory: &Path,
        config: JournalConfig,
        load: impl FnOnce(&View<'_>) -> Result<S, E>,
    ) -> Result<Self, E> {
        let store = Store::open(directory, &config)?;
        let commits = store.view().commits().map_err(OpenError::from)?;
        let state = load(&store.view())?;
        let shared = Arc::new(Shared {
            store,
            state,
            commits: AtomicU64::new(commits),
            waiting_max: config.waiting_max,
            group_max: config.group_max,
            counted: Counted::default(),
            failure: OnceLock::new(),
        });
        let (requests, incoming) = mpsc::sync_channel(config.waiting_max);
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(config.thread_name.into())
            .spawn(move || serve(&of_thread, &incoming))
            .map_err(|source| {
                let path = directory.to_owned();
                OpenError::Io { action: "start the writer of", path, source }
            })?;
        Ok(Self { shared, requests: Some(requests), thread: Some(thread) })
    }

    /// What is on disk, whenever it is read.
    pub fn view(&self) -> View<'_> {
        self.shared.store.view()
    }

    /// What is on disk at this moment, whatever is written afterwards.
    pub fn snapshot(&self) -> View<'_> {
        self.shared.store.snapshot()
    }

    /// What is in memory, as it is on disk.
    pub fn state(&self) -> &S {
        &self.shared.state
    }

    /// The number of the last commit; 0 before the first.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Acquire)
    }

    /// How the writer is doing.
    pub fn metrics(&self) -> JournalMetrics {
        self.shared.counted.read()
    }

    /// Rewrites a family's files, so that they do not have what was deleted or written over by then:
    /// a deletion alone leaves the bytes on disk for as long as RocksDB likes. The old files are
    /// removed in the background right afterwards. What a [`snapshot`](Self::snapshot) that is held
    /// meanwhile shows stays. Blocks, and reads and writes all of the family: it is for small ones.
    ///
    /// What a disk keeps of files that were removed, and what copies have, is not in its power.
    ///
    /// # Errors
    /// When RocksDB cannot.
    pub fn compact(&self, family: impl ColumnFamily) -> Result<(), JournalError> {
        let family = family.name();
        self.shared
            .store
            .compact(family)
            .map_err(|error| JournalError::Compact { family, reason: error.to_string().into() })
    }

    /// Copies the journal to a folder of copies, as it is on disk. It is written and read meanwhile as ever. Blocks
    /// for as long as files are copied.
    ///
    /// # Errors
    /// When files cannot be read or written. Then there is no copy.
    pub fn back_up(&self, to: &mut Backups) -> Result<Backup, BackupError> {
        self.shared.store.back_up(to)
    }

    /// Why nothing can be written any more, if that is so.
    pub fn failure(&self) -> Option<JournalError> {
        self.shared.failure()
    }

    /// Hands a request in. Does not block. The writer carries it out on its thread: what takes time
    /// holds up everybody.
    ///
    /// # Errors
    /// Those of `operation`, which then changes nothing; and those of [`JournalError`].
    pub fn submit<T, E>(
        &self,
        operation: impl FnOnce(&mut Transaction<'_, S>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<JournalError> + Send + 'static,
    {
        if let Some(failure) = self.shared.failure() {
            return Pending::refused(failure.into());
        }
        let (completer, answer) = pending();
        let work = Work { operation: Some(operation), outcome: None, completer };
        let waiting = &self.shared.counted.waiting;
        waiting.fetch_add(1, Relaxed);
        let refused = match &self.requests {
            None => JournalError::Closed,
            Some(requests) => match requests.try_send(Box::new(work)) {
                Ok(()) => return answer,
                Err(TrySendError::Full(_)) => {
                    JournalError::Busy { waiting_max: self.shared.waiting_max }
                }
                Err(TrySendError::Disconnected(_)) => JournalError::Closed,
            },
        };
        waiting.fetch_sub(1, Relaxed);
        Pending::refused(refused.into())
    }
}

impl<S: State> Drop for Journal<S> {
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
fn serve<S: State>(shared: &Shared<S>, incoming: &Receiver<Box<dyn Request<S>>>) {
    while let Ok(first) = incoming.recv() {
        let mut group = vec![first];
        let outcome = catch_unwind(AssertUnwindSafe(|| write_group(shared, incoming, &mut group)));
        if let Err(cause) = outcome.unwrap_or_else(|_| Err("the writer panicked".into())) {
            // The first cause is the one to tell.
            let _ = shared.failure.set(cause);
        }
        let failure = shared.failure();
        shared.counted.waiting.fetch_sub(group.len() as u64, Relaxed);
        for request in group {
            // What is woken is not this crate's. Should it panic, the others are answered all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| request.answer(failure.clone())));
        }
    }
}

/// Carries out the group, which grows by what is waiting, and writes it.
fn write_group<S: State>(
    shared: &Shared<S>,
    incoming: &Receiver<Box<dyn Request<S>>>,
    group: &mut Vec<Box<dyn Request<S>>>,
) -> Result<(), Arc<str>> {
    if shared.failure.get().is_some() {
        return Ok(());
    }
    let mut changes = Changes::default();
    let mut done = 0;
    while done < group.len() {
        group[done].run(Transaction::new(shared.store.view(), &shared.state, &mut changes));
        done += 1;
        if done == group.len() && done < shared.group_max {
            group.extend(incoming.try_recv());
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let start = Instant::now();
    let commit = shared.commits.load(Acquire) + 1;
    shared
        .store
        .write(commit, changes.writes())
        .map_err(|error| Arc::from(error.to_string().as_str()))?;
    shared.counted.written(group.len(), start.elapsed());
    shared.state.publish(changes.delta);
    shared.commits.store(commit, Release);
    Ok(())
}
