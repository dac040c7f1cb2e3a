//! What was fetched, and is fetched anew when it gets old: once at a time, and not too often.

use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{clock::Clock, fetch::FetchError};

/// A fetched value.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    state: RwLock<State<T>>,
    /// Held by who fetches.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct State<T> {
    /// The newest value, with the time at which it was fetched.
    newest: Option<(Arc<T>, u64)>,
    /// Until when it is fresh, exclusive.
    fresh_until_s: u64,
    /// Before that, nobody fetches again: whether the last attempt succeeded or not.
    next_attempt_s: u64,
}

/// What a fetch brought.
#[derive(Debug)]
pub(crate) struct Fetched<T> {
    /// The value.
    pub(crate) value: T,
    /// For how many seconds it is fresh.
    pub(crate) fresh_s: u64,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        let state = State { newest: None, fresh_until_s: 0, next_attempt_s: 0 };
        Self { state: RwLock::new(state), fetching: Arc::default() }
    }
}

impl<T: Send + Sync + 'static> Cached<T> {
    /// The value, if it is fresh at this time.
    pub(crate) fn fresh(&self, now_s: u64) -> Option<Arc<T>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if now_s >= state.fresh_until_s {
            return None;
        }
        state.newest.as_ref().map(|(value, _)| Arc::clone(value))
    }

    /// The newest value, fresh or not, if it was fetched at this time or later.
    pub(crate) fn newest(&self, oldest_s: u64) -> Option<Arc<T>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let newest = state.newest.as_ref().filter(|(_, fetched_s)| *fetched_s >= oldest_s);
        newest.map(|(value, _)| Arc::clone(value))
    }

    /// Fetches, unless that was tried within the last `interval_s` seconds. Who comes while another
    /// fetches waits for it. None when nothing was fetched.
    ///
    /// The fetch goes on when its caller gives up: otherwise somebody who hangs up in time could use
    /// up every attempt, and no new key would ever come in.
    pub(crate) async fn refresh(
        self: &Arc<Self>,
        clock: Clock,
        interval_s: u64,
        fetch: impl Future<Output = Result<Fetched<T>, FetchError>> + Send + 'static,
    ) -> Option<Result<(), FetchError>> {
        let fetching = Arc::clone(&self.fetching).lock_owned().await;
        let now_s = clock.now_s();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if now_s < state.next_attempt_s {
                return None;
            }
            state.next_attempt_s = now_s.saturating_add(interval_s);
        }
        let cached = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _fetching = fetching;
            let Fetched { value, fresh_s } = fetch.await?;
            let mut state = cached.state.write().unwrap_or_else(PoisonError::into_inner);
            state.newest = Some((Arc::new(value), now_s));
            state.fresh_until_s = now_s.saturating_add(fresh_s);
            Ok(())
        });
        Some(task.await.unwrap_or(Err(FetchError::Stopped)))
    }
}
