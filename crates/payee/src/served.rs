//! What was served for which mandate: a mandate that comes again gets the answer that it got, and
//! nothing else.
//!
//! The memory is bounded. It keeps every mandate for as long as the same mandate could be taken
//! for a new one; where it is full, nothing new is served. Answers are kept while there is room
//! for them: a mandate whose answer was not kept is told that it was served.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::{
    mandate::SignedMandate, typed_data::direct::SignedDirectMandate, units::UnixTime,
};
use alloy_primitives::B256;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::watch;

/// An answer that was given.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What became of a mandate.
#[derive(Clone, Debug)]
pub(super) enum Served {
    /// It was answered, like this.
    Kept(Arc<Kept>),
    /// It was answered. The answer is not there any more; what it said about the payment is.
    NotKept(Option<HeaderValue>),
}

/// What is known about a mandate that comes in.
#[derive(Debug)]
pub(super) enum Claim {
    /// Nothing: it is the caller's to serve.
    New(Serving),
    /// It is being served. The receiver ends when that is done.
    Running(watch::Receiver<()>),
    /// It was served.
    Done(Served),
    /// Its id is known, with another signature or (direct path) for another request.
    Otherwise,
    /// There is no room.
    Full,
}

/// What a mandate was presented as. It comes again when all of this is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presentation {
    /// Of the proved path: its `ref` says for which request.
    Proved(Arc<SignedMandate>),
    /// Of the direct path: nothing in it says for which request it was given, so that is remembered.
    Signed { mandate: Box<SignedDirectMandate>, method: String, resource: String },
    /// Of the scheme `exact`, whose authorizations say as little.
    Exact { signature: alloy_primitives::Bytes, method: String, resource: String },
}

#[derive(Debug)]
struct Entry {
    presentation: Presentation,
    until: UnixTime,
    state: State,
}

#[derive(Debug)]
enum State {
    Running(watch::Receiver<()>),
    Done(Served),
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<B256, Entry>,
    /// By the time until which they are kept.
    by_age: VecDeque<(UnixTime, B256)>,
    bytes: usize,
}

/// The memory.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    inner: Arc<Mutex<Inner>>,
    entries_max: usize,
    bytes_max: usize,
    keep_s: u64,
}

impl Memory {
    pub(super) fn new(entries_max: usize, bytes_max: usize, keep_s: u64) -> Self {
        Self { inner: Arc::default(), entries_max, bytes_max, keep_s }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here panics halfway through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a mandate up, and takes it where it is new.
    pub(super) fn claim(&self, id: B256, presentation: Presentation, now: UnixTime) -> Claim {
        let mut inner = self.lock();
        inner.forget(now);
        if let Some(entry) = inner.entries.get(&id) {
            if entry.presentation != presentation {
                return Claim::Otherwise;
            }
            return match &entry.state {
                State::Running(running) => Claim::Running(running.clone()),
                State::Done(served) => Claim::Done(served.clone()),
            };
        }
        if inner.entries.len() >= self.entries_max {
            return Claim::Full;
        }
        let (done, running) = watch::channel(());
        let until = now.checked_add(self.keep_s).unwrap_or(UnixTime::MAX);
        let entry = Entry { presentation, until, state: State::Running(running) };
        inner.entries.insert(id, entry);
        inner.by_age.push_back((until, id));
        Claim::New(Serving { memory: self.clone(), id, done: Some(done) })
    }

    fn conclude(&self, id: B256, served: Option<Served>) {
        let mut inner = self.lock();
        let Some(served) = served else {
            inner.entries.remove(&id);
            inner.tidy();
            return;
        };
        let served = match served {
            Served::Kept(kept) if inner.bytes + kept.size() > self.bytes_max => {
                let said = kept.headers.get(aep2_x402::headers::PAYMENT_RESPONSE);
                Served::NotKept(said.cloned())
            }
            served => served,
        };
        let size = served.size();
        if let Some(entry) = inner.entries.get_mut(&id) {
            entry.state = State::Done(served);
            inner.bytes += size;
        }
    }
}

impl Inner {
    /// Drops what is too old to come again.
    fn forget(&mut self, now: UnixTime) {
        while let Some(&(until, id)) = self.by_age.front() {
            if until >= now {
                break;
            }
            self.by_age.pop_front();
            // One that was let go, and claimed anew, has a place further back.
            let Some(entry) = self.entries.get(&id).filter(|entry| entry.until == until) else {
                continue;
            };
            match &entry.state {
                // Served for longer than anything is kept: it stays until it is done.
                State::Running(_) => self.keep_running(id, now),
                State::Done(served) => {
                    self.bytes -= served.size();
                    self.entries.remove(&id);
                }
            }
        }
    }

    /// Drops the places of mandates that were let go, when they are most of all places.
    fn tidy(&mut self) {
        let Self { entries, by_age, .. } = self;
        if by_age.len() > 2 * entries.len() + 1_024 {
            by_age.retain(|(until, id)| entries.get(id).is_some_and(|entry| entry.until == *until));
        }
    }

    fn keep_running(&mut self, id: B256, now: UnixTime) {
        let until = now.checked_add(1).unwrap_or(UnixTime::MAX);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.until = until;
            self.by_age.push_back((until, id));
        }
    }
}

impl Kept {
    fn size(&self) -> usize {
        let headers = self.headers.iter();
        headers.map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
            + self.body.len()
    }
}

impl Served {
    fn size(&self) -> usize {
        match self {
            Self::Kept(kept) => kept.size(),
            Self::NotKept(said) => said.as_ref().map_or(0, HeaderValue::len),
        }
    }
}

/// A mandate that is being served. Dropped without an answer, it is let go: it may come again.
#[derive(Debug)]
pub(super) struct Serving {
    memory: Memory,
    id: B256,
    done: Option<watch::Sender<()>>,
}

impl Serving {
    /// It was served.
    pub(super) fn served(mut self, served: Served) {
        if let Some(done) = self.done.take() {
            self.memory.conclude(self.id, Some(served));
            drop(done);
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            self.memory.conclude(self.id, None);
            drop(done);
        }
    }
}
