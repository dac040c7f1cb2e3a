//! Tasks that run as long as the processor does: begun, told to stop, waited for, and watched.
//!
//! None of them ends by itself. One that panics leaves the processor without a part of it: it would
//! accept mandates, say, that nobody settles. So a panic raises an alarm and is the processor's failure,
//! for which whoever runs it [waits](crate::Processor::failed), to end the process. Everything that was
//! promised is on disk, and the next start takes it up.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};

use crate::{emitter::Emitter, event::Event};

/// A task panicked that runs as long as the processor does, or the ledger cannot be written to any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a part of the processor ({task}) failed: {message}. What was promised is on disk; start the \
     processor again to go on"
)]
pub struct TaskPanicked {
    /// Which task: `chain_sync`, `batch_scheduler`, `transaction_sender`, `account_changes`, or `ledger`.
    pub task: &'static str,
    /// What it panicked with, or why nothing can be written.
    pub message: String,
}

/// Begins tasks, tells them to stop, and notices when one panics.
pub(crate) struct Supervisor {
    events: Arc<Emitter>,
    stop: watch::Sender<bool>,
    /// The first panic.
    failure: watch::Sender<Option<TaskPanicked>>,
}

impl Supervisor {
    pub(crate) fn new(events: Arc<Emitter>) -> Self {
        Self { events, stop: watch::Sender::new(false), failure: watch::Sender::new(None) }
    }

    /// Tells everybody to stop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether no more requests are taken: the processor stops, or a part of it has failed.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_stopping() || self.failure.borrow().is_some()
    }

    /// Completes when the processor stops.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // Nobody is left to say so: that is to stop, too.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// The first panic, if there was one.
    pub(crate) fn failure(&self) -> Option<TaskPanicked> {
        self.failure.borrow().clone()
    }

    /// Waits for the first panic.
    pub(crate) async fn failed(&self) -> TaskPanicked {
        let mut failure = self.failure.subscribe();
        match failure.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure,
            // It says so itself, and is still there.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Begins a task that ends by itself when the processor stops.
    pub(crate) fn spawn(
        &self,
        task: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let (events, failure) = (Arc::clone(&self.events), self.failure.clone());
        tokio::spawn(async move {
            // What it shares with others is in order: locks are held where nothing panics.
            let Err(panic) = AssertUnwindSafe(work).catch_unwind().await else { return };
            note(&events, &failure, TaskPanicked { task, message: message_of(&*panic) });
        })
    }

    /// Notes that a part cannot go on, without which the processor cannot.
    pub(crate) fn fail(&self, task: &'static str, message: String) {
        note(&self.events, &self.failure, TaskPanicked { task, message });
    }

    /// Begins a task that may be dropped at any point where it waits, as it is when the processor stops.
    pub(crate) fn spawn_until_stopped(
        &self,
        task: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let stopping = self.stopping();
        self.spawn(task, async move {
            tokio::select! {
                () = work => {}
                () = stopping => {}
            }
        })
    }
}

/// Has everybody know of a failure. The first one stays.
fn note(events: &Emitter, failure: &watch::Sender<Option<TaskPanicked>>, panicked: TaskPanicked) {
    let task = panicked.task;
    tracing::error!(task, message = panicked.message, "a part of the processor failed");
    events.emit(Event::TaskPanicked { task });
    failure.send_if_modified(|first| {
        let is_first = first.is_none();
        first.get_or_insert(panicked);
        is_first
    });
}

/// What a panic says, where it says something.
fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked without a message").to_owned()
}
