//! What each owner paid within the period, across all its accounts, for each token.
//!
//! Amounts are added up in buckets of time, at most 720 in a period, so that memory is bounded: for a
//! period of 30 days a bucket is an hour. A bucket counts as long as **any** of it lies within the
//! period. So a sum may count payments that are up to one bucket older than the period, and never
//! leaves one out: rounding can only ask for an object too early. Splitting does not get under it.
//!
//! All payments count, also those that came with an object.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::Address;
use thiserror::Error;

use crate::thresholds::{Need, Reason, Thresholds};

/// In how many parts a period is counted.
const BUCKETS: u64 = 720;

/// The longest period, in seconds: 366 days.
pub const PERIOD_SECONDS_MAX: u64 = 366 * 24 * 60 * 60;

/// Why a period is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a period has from 1 to {PERIOD_SECONDS_MAX} seconds")]
pub struct PeriodError;

/// What is released was not recorded, or is forgotten because the period is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no such amount is recorded at that time")]
pub struct NotRecorded;

/// A number of the bucket, and what was paid in it.
type Buckets = BTreeMap<u64, u128>;

/// The sums of all owners over one rolling period.
#[derive(Clone, Debug)]
pub struct Sums {
    period_seconds: u64,
    bucket_seconds: u64,
    thresholds: Thresholds,
    paid: HashMap<(Address, Address), Buckets>,
}

impl Sums {
    /// Empty, for a period of so many seconds.
    ///
    /// # Errors
    /// When the period is 0, or more than [`PERIOD_SECONDS_MAX`].
    pub fn new(thresholds: Thresholds, period_seconds: u64) -> Result<Self, PeriodError> {
        if !(1..=PERIOD_SECONDS_MAX).contains(&period_seconds) {
            return Err(PeriodError);
        }
        let bucket_seconds = period_seconds.div_ceil(BUCKETS);
        Ok(Self { period_seconds, bucket_seconds, thresholds, paid: HashMap::new() })
    }

    /// The length of a bucket: by how much a sum may look back beyond the period.
    pub fn bucket_seconds(&self) -> u64 {
        self.bucket_seconds
    }

    /// Whether a payment of `amount` base units of `token` by `owner` needs an object at `now`, in
    /// unix seconds.
    pub fn need(&self, owner: Address, token: Address, amount: u128, now: u64) -> Need {
        let threshold = self.thresholds.of(token);
        if amount > threshold {
            return Need::Needed(Reason::Single);
        }
        if self.sum(owner, token, now).saturating_add(amount) > threshold {
            return Need::Needed(Reason::Summed);
        }
        Need::NotNeeded
    }

    /// What `owner` paid in `token` from the beginning of the period that ends at `now`, rounded up
    /// as told above. What was recorded after `now` counts as well: a clock that is set back forgives
    /// nothing.
    pub fn sum(&self, owner: Address, token: Address, now: u64) -> u128 {
        let buckets = self.paid.get(&(owner, token));
        let sums = buckets.into_iter().flat_map(|buckets| buckets.range(self.first_bucket(now)..));
        sums.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Records a payment at `at`, in unix seconds: when it is accepted, and again for each that the
    /// store has, in any order, when the processor starts.
    pub fn record(&mut self, owner: Address, token: Address, amount: u128, at: u64) {
        let bucket = at / self.bucket_seconds;
        let sum = self.paid.entry((owner, token)).or_default().entry(bucket).or_default();
        *sum = sum.saturating_add(amount);
    }

    /// Takes back a payment that was recorded at `at` and did not come about: its mandate was
    /// refused after all, or failed.
    ///
    /// It must be taken back once. Payments have no names here, so a second time would take another's.
    ///
    /// # Errors
    /// When less was recorded at that time. Then nothing is taken back.
    pub fn release(
        &mut self,
        owner: Address,
        token: Address,
        amount: u128,
        at: u64,
    ) -> Result<(), NotRecorded> {
        let buckets = self.paid.get_mut(&(owner, token)).ok_or(NotRecorded)?;
        let bucket = at / self.bucket_seconds;
        let sum = buckets.get_mut(&bucket).ok_or(NotRecorded)?;
        *sum = sum.checked_sub(amount).ok_or(NotRecorded)?;
        if *sum == 0 {
            buckets.remove(&bucket);
        }
        if buckets.is_empty() {
            self.paid.remove(&(owner, token));
        }
        Ok(())
    }

    /// Forgets what is older than the period, so that memory holds no more than it needs. `now` must
    /// be a time that does not go back, as the last block's: what is forgotten does not come back when
    /// a clock is set right.
    pub fn forget(&mut self, now: u64) {
        let first = self.first_bucket(now);
        self.paid.retain(|_, buckets| {
            *buckets = buckets.split_off(&first);
            !buckets.is_empty()
        });
    }

    /// From when on payments must be recorded again after a restart at `now`.
    pub fn since(&self, now: u64) -> u64 {
        self.first_bucket(now) * self.bucket_seconds
    }

    /// The bucket that the period's first second is in.
    fn first_bucket(&self, now: u64) -> u64 {
        now.saturating_sub(self.period_seconds) / self.bucket_seconds
    }
}
