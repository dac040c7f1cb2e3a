//! Waiting for the disk: a request's answer comes when what it rests on is synced.
//!
//! A [`Pending`] is a future of no particular runtime, and can be waited for by a thread. Whether
//! something is on disk is a type: a [`Durable`] is made in one place, after the sync.

use std::{
    ops::Deref,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::error::JournalError;

/// What is on disk, synced. Only a journal's writer makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// To be called after the sync, and nowhere else.
    pub(crate) fn synced(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Durable<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

enum State<T, E> {
    Waiting(Option<Waker>),
    Done(Result<Durable<T>, E>),
    Taken,
}

struct Shared<T, E> {
    state: Mutex<State<T, E>>,
    done: Condvar,
}

impl<T, E> Shared<T, E> {
    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request, once it is on disk.
///
/// Dropping it takes nothing back: the request is carried out all the same.
#[must_use = "until it is awaited, nobody knows whether the request was carried out"]
pub struct Pending<T, E = JournalError> {
    shared: Arc<Shared<T, E>>,
}

impl<T, E> Pending<T, E> {
    /// An answer that is there at once: a refusal of what was not handed in.
    pub fn refused(error: E) -> Self {
        let state = Mutex::new(State::Done(Err(error)));
        Self { shared: Arc::new(Shared { state, done: Condvar::new() }) }
    }

    /// Blocks this thread until the answer is there. For threads, not for async code, which
    /// awaits.
    ///
    /// # Errors
    /// The request's own.
    pub fn wait(self) -> Result<Durable<T>, E>
    where
        E: From<JournalError>,
    {
        let mut state = self.shared.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(result) => return result,
                State::Taken => return Err(JournalError::Closed.into()),
                waiting @ State::Waiting(_) => *state = waiting,
            }
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T, E: From<JournalError>> Future for Pending<T, E> {
    type Output = Result<Durable<T>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => Poll::Ready(result),
            State::Taken => Poll::Ready(Err(JournalError::Closed.into())),
            State::Waiting(_) => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

/// The other end of a [`Pending`]. Dropped without an answer, it answers that the journal is closed.
pub(crate) struct Completer<T, E: From<JournalError>> {
    shared: Arc<Shared<T, E>>,
}

/// A request's two ends.
pub(crate) fn pending<T, E: From<JournalError>>() -> (Completer<T, E>, Pending<T, E>) {
    let shared = Arc::new(Shared { state: Mutex::new(State::Waiting(None)), done: Condvar::new() });
    (Completer { shared: Arc::clone(&shared) }, Pending { shared })
}

impl<T, E: From<JournalError>> Completer<T, E> {
    pub(crate) fn complete(self, result: Result<Durable<T>, E>) {
        self.settle(result);
    }

    fn settle(&self, result: Result<Durable<T>, E>) {
        let mut state = self.shared.lock();
        if let State::Waiting(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Done(result);
            drop(state);
            self.shared.done.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T, E: From<JournalError>> Drop for Completer<T, E> {
    fn drop(&mut self) {
        self.settle(Err(JournalError::Closed.into()));
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn a_waiting_thread_is_woken() {
        let (completer, pending) = pending::<u8, JournalError>();
        let waiter = thread::spawn(|| pending.wait().map(Durable::into_inner).ok());
        thread::sleep(Duration::from_millis(10));
        completer.complete(Ok(Durable::synced(7)));
        assert_eq!(waiter.join().ok(), Some(Some(7)));
    }

    #[test]
    fn a_waiting_task_is_woken() {
        let (completer, pending) = pending::<u8, JournalError>();
        let woken = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut pending = Box::pin(pending);
        assert!(pending.as_mut().poll(&mut context).is_pending());
        completer.complete(Ok(Durable::synced(7)));
        assert!(woken.0.load(std::sync::atomic::Ordering::SeqCst));
        assert!(
            matches!(pending.as_mut().poll(&mut context), Poll::Ready(Ok(value)) if *value == 7)
        );
    }

    #[derive(Default)]
    struct Flag(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    #[test]
    fn nobody_waits_forever_for_a_writer_that_is_gone() {
        let (completer, pending) = pending::<u8, JournalError>();
        drop(completer);
        assert!(matches!(pending.wait(), Err(JournalError::Closed)));
    }
}
