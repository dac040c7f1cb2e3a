//! What was served for which payment: a payment that comes again gets the answer that it got, and
//! nothing else.
//!
//! The cache is bounded. It keeps every payment for as long as the same payment could be taken for
//! a new one; where it is full, nothing new is served. Answers are kept while there is room for
//! them: a payment whose answer was not kept is told that it was served.

use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::units::UnixTime;
use aep2_x402::headers::PAYMENT_RESPONSE;
use alloy_primitives::B256;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::watch;

/// What a payment was presented as. It comes again when all of this is the same.
pub(crate) trait Fingerprint: fmt::Debug + Send {
    /// Whether `other` is of the same kind and equal.
    fn is_same(&self, other: &dyn Any) -> bool;

    /// This, for [`Fingerprint::is_same`].
    fn as_any(&self) -> &dyn Any;
}

impl<T: fmt::Debug + PartialEq + Send + 'static> Fingerprint for T {
    fn is_same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An answer that was given.
#[derive(Clone, Debug)]
pub(crate) struct StoredResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How a payment was answered.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Like this.
    Stored(Arc<StoredResponse>),
    /// The answer is not there any more; what it said about the payment is.
    NotStored(Option<HeaderValue>),
}

/// What is known about a payment that comes in.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// Nothing: it is the caller's to serve.
    New(InFlight),
    /// It is being served. The receiver ends when that is done.
    InFlight(watch::Receiver<()>),
    /// It was served.
    Served(Outcome),
    /// Its id is known, with another fingerprint.
    OtherFingerprint,
    /// There is no room.
    Full,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Box<dyn Fingerprint>,
    until: UnixTime,
    state: State,
}

#[derive(Debug)]
enum State {
    InFlight(watch::Receiver<()>),
    Served(Outcome),
}

/// By which scheme a payment came, and its id there.
pub(crate) type PaymentKey = (&'static str, B256);

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<PaymentKey, Entry>,
    /// By the time until which they are kept.
    by_age: VecDeque<(UnixTime, PaymentKey)>,
    bytes: usize,
}

/// The cache. Cheap to clone; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyCache {
    inner: Arc<Mutex<Inner>>,
    entries_max: usize,
    bytes_max: usize,
    keep_s: u64,
}

impl IdempotencyCache {
    pub(crate) fn new(entries_max: usize, bytes_max: usize, keep_s: u64) -> Self {
        Self { inner: Arc::default(), entries_max, bytes_max, keep_s }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing here panics halfway through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a payment up, and takes it where it is new.
    pub(crate) fn begin(
        &self,
        key: PaymentKey,
        fingerprint: Box<dyn Fingerprint>,
        now: UnixTime,
    ) -> Lookup {
        let mut inner = self.lock();
        inner.forget(now);
        if let Some(entry) = inner.entries.get(&key) {
            if !entry.fingerprint.is_same((*fingerprint).as_any()) {
                return Lookup::OtherFingerprint;
            }
            return match &entry.state {
                State::InFlight(done) => Lookup::InFlight(done.clone()),
                State::Served(outcome) => Lookup::Served(outcome.clone()),
            };
        }
        if inner.entries.len() >= self.entries_max {
            return Lookup::Full;
        }
        let (done, in_flight) = watch::channel(());
        let until = now.checked_add(self.keep_s).unwrap_or(UnixTime::MAX);
        let entry = Entry { fingerprint, until, state: State::InFlight(in_flight) };
        inner.entries.insert(key, entry);
        inner.by_age.push_back((until, key));
        Lookup::New(InFlight { cache: self.clone(), key, done: Some(done), settled: false })
    }

    fn end(&self, key: PaymentKey, outcome: Option<Outcome>) {
        let mut inner = self.lock();
        let Some(outcome) = outcome else {
            inner.entries.remove(&key);
            inner.tidy();
            return;
        };
        let outcome = match outcome {
            Outcome::Stored(stored) if inner.bytes + stored.size() > self.bytes_max => {
                Outcome::NotStored(stored.headers.get(PAYMENT_RESPONSE).cloned())
            }
            outcome => outcome,
        };
        let size = outcome.size();
        if let Some(entry) = inner.entries.get_mut(&key) {
            entry.state = State::Served(outcome);
            inner.bytes += size;
        }
    }
}

impl Inner {
    /// Drops what is too old to come again.
    fn forget(&mut self, now: UnixTime) {
        while let Some(&(until, key)) = self.by_age.front() {
            if until >= now {
                break;
            }
            self.by_age.pop_front();
            // One that was let go, and claimed anew, has a place further back.
            let Some(entry) = self.entries.get(&key).filter(|entry| entry.until == until) else {
                continue;
            };
            match &entry.state {
                // Served for longer than anything is kept: it stays until it is done.
                State::InFlight(_) => self.keep_in_flight(key, now),
                State::Served(outcome) => {
                    self.bytes -= outcome.size();
                    self.entries.remove(&key);
                }
            }
        }
    }

    /// Drops the places of payments that were let go, when they are most of all places.
    fn tidy(&mut self) {
        let Self { entries, by_age, .. } = self;
        if by_age.len() > 2 * entries.len() + 1_024 {
            by_age
                .retain(|(until, key)| entries.get(key).is_some_and(|entry| entry.until == *until));
        }
    }

    fn keep_in_flight(&mut self, key: PaymentKey, now: UnixTime) {
        let until = now.checked_add(1).unwrap_or(UnixTime::MAX);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.until = until;
            self.by_age.push_back((until, key));
        }
    }
}

impl StoredResponse {
    fn size(&self) -> usize {
        let headers = self.headers.iter();
        headers.map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
            + self.body.len()
    }
}

impl Outcome {
    fn size(&self) -> usize {
        match self {
            Self::Stored(stored) => stored.size(),
            Self::NotStored(said) => said.as_ref().map_or(0, HeaderValue::len),
        }
    }
}

/// A payment that is being served. Dropped without an answer, it is let go: it may come again, unless it
/// was [settled](Self::settled).
#[derive(Debug)]
pub(crate) struct InFlight {
    cache: IdempotencyCache,
    key: PaymentKey,
    done: Option<watch::Sender<()>>,
    settled: bool,
}

impl InFlight {
    /// It was settled: whatever happens to its answer, it does not come again.
    pub(crate) fn settled(&mut self) {
        self.settled = true;
    }

    /// It was served.
    pub(crate) fn served(mut self, outcome: Outcome) {
        if let Some(done) = self.done.take() {
            self.cache.end(self.key, Some(outcome));
            drop(done);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            self.cache.end(self.key, self.settled.then_some(Outcome::NotStored(None)));
            drop(done);
        }
    }
}
