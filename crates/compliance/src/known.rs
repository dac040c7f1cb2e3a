//! What counts of subjects, in memory: what acceptance looks at.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use aep2_mandate::units::UnixTime;

use crate::{
    decision::Decision,
    standing::{OfficerDecision, Standing},
    subject::Subject,
};

/// Locks are held for a look-up or an insertion; with this many, two rarely meet.
const SHARDS: usize = 32;

/// What counts of a subject.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) decision: Decision,
    pub(crate) valid_until: UnixTime,
    pub(crate) officer: Option<OfficerDecision>,
    /// The number of the data from which providers answered at once.
    pub(crate) edition: u64,
    /// When it was found out.
    pub(crate) checked_at: UnixTime,
    /// When a payment named it last, in unix seconds.
    used_at: AtomicU64,
}

impl Known {
    /// As it was found out, with the data of this number.
    pub(crate) fn of(standing: &Standing, edition: u64, used_at: UnixTime) -> Self {
        Self {
            decision: standing.decision,
            valid_until: standing.valid_until,
            officer: standing.officer.clone(),
            edition,
            checked_at: standing.checked_at,
            used_at: AtomicU64::new(used_at.get()),
        }
    }

    /// The same with another decision, from data of another number.
    pub(crate) fn changed(
        &self,
        (decision, valid_until): (Decision, UnixTime),
        (edition, now): (u64, UnixTime),
    ) -> Self {
        let checked_at = if valid_until == self.valid_until { self.checked_at } else { now };
        let used_at = AtomicU64::new(self.used_at().get());
        Self { decision, valid_until, officer: self.officer.clone(), edition, checked_at, used_at }
    }

    /// Whether it does not count any more: its time is over, or it was found out in the future, by a clock that
    /// was wrong.
    pub(crate) fn is_over(&self, now: UnixTime) -> bool {
        const SKEW_S: u64 = 300;
        now >= self.valid_until || self.checked_at.get() > now.get().saturating_add(SKEW_S)
    }

    pub(crate) fn used_at(&self) -> UnixTime {
        UnixTime::new(self.used_at.load(Relaxed)).unwrap_or(UnixTime::MAX)
    }

    /// From when on everybody is to be asked again, so that nobody waits: `ahead_s` before the verdict ends,
    /// or in the middle of one that is shorter than twice that. What is pending is asked when it ends.
    pub(crate) fn due(&self, ahead_s: u64) -> UnixTime {
        let validity_s = self.valid_until.seconds_since(self.checked_at).unwrap_or(0);
        let ahead_s = match self.decision {
            Decision::Pending { .. } => 0,
            _ => ahead_s.min(validity_s / 2),
        };
        let due = self.valid_until.get().saturating_sub(ahead_s);
        UnixTime::new(due).unwrap_or(UnixTime::MAX)
    }

    pub(crate) fn use_at(&self, now: UnixTime) {
        // A look that changes nothing leaves the line of memory to other cores.
        if self.used_at() < now {
            self.used_at.store(now.get(), Relaxed);
        }
    }
}

/// All subjects that are known.
#[derive(Debug)]
pub(crate) struct KnownSubjects {
    hasher: RandomState,
    shards: [RwLock<HashMap<Subject, Arc<Known>>>; SHARDS],
}

impl Default for KnownSubjects {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl KnownSubjects {
    fn shard(&self, subject: &Subject) -> &RwLock<HashMap<Subject, Arc<Known>>> {
        let hash = self.hasher.hash_one(subject) as usize;
        &self.shards[hash % SHARDS]
    }

    /// What counts of a subject, if anything is known of it.
    pub(crate) fn get(&self, subject: &Subject) -> Option<Arc<Known>> {
        read(self.shard(subject)).get(subject).cloned()
    }

    /// Notes what counts.
    pub(crate) fn set(&self, subject: Subject, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        write(self.shard(&subject)).insert(subject, Arc::clone(&known));
        known
    }

    /// Notes what counts, unless it was changed since `seen` was read.
    pub(crate) fn replace(&self, subject: Subject, seen: Option<&Arc<Known>>, known: Known) {
        let mut shard = write(self.shard(&subject));
        let is_same = match (shard.get(&subject), seen) {
            (Some(is), Some(seen)) => Arc::ptr_eq(is, seen),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            shard.insert(subject, Arc::new(known));
        }
    }

    /// Looks at all of them, some at a time.
    pub(crate) fn for_each(&self, mut look: impl FnMut(&Subject, &Arc<Known>)) {
        for shard in &self.shards {
            // Copied first: what looks may change them.
            let copy: Vec<_> =
                read(shard).iter().map(|(subject, known)| (*subject, Arc::clone(known))).collect();
            copy.iter().for_each(|(subject, known)| look(subject, known));
        }
    }
}

type Map = HashMap<Subject, Arc<Known>>;

fn read(shard: &RwLock<Map>) -> RwLockReadGuard<'_, Map> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Map>) -> RwLockWriteGuard<'_, Map> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}
