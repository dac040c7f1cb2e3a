//! Tasks that run as long as the processor does: begun, told to stop, and waited for.

use tokio::{sync::watch, task::JoinHandle};

/// Begins tasks, and tells them to stop.
pub(crate) struct Supervisor {
    stop: watch::Sender<bool>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false) }
    }

    /// Tells everybody to stop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Completes when the processor stops.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // Nobody is left to say so: that is to stop, too.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// Begins a task that ends by itself when the processor stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(task)
    }

    /// Begins a task that may be dropped at any point where it waits, as it is when the processor stops.
    pub(crate) fn spawn_until_stopped(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let stopping = self.stopping();
        self.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stopping => {}
            }
        })
    }
}
