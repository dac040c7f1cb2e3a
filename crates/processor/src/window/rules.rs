//! When windows close, and who settles alone.

use aep2_mandate::units::UnixTime;

use super::waiting::Waiting;

/// When windows close, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a mandate that is ready waits for others.
    pub age_s_max: u64,
    /// How long a payee has to capture, from the acceptance on.
    pub capture_within_s: u64,
    /// How long before its `settleBy` a mandate is sealed at the latest, and how long before it may
    /// be too late it settles alone.
    pub due_margin_s: u64,
    /// How many segments a window may have: how many proofs.
    pub segments_max: usize,
}

impl Rules {
    /// Whether a mandate settles alone: its deadline, or a claim on its receipt, is too near.
    pub fn is_late(&self, own: &Waiting, now: UnixTime) -> bool {
        is_within(own.safe_until(), self.due_margin_s, now)
    }

    /// Whether a promise is broken, or as good as that: it was not sealed in time.
    pub(super) fn is_missed(&self, own: &Waiting, now: UnixTime) -> bool {
        is_within(own.settle_by.min(own.deadline), self.due_margin_s, now)
    }

    /// Whether a promise must be kept soon.
    pub(super) fn is_due(&self, own: &Waiting, now: UnixTime) -> bool {
        let margin_s = self.due_margin_s.saturating_add(self.room_s());
        is_within(own.settle_by.min(own.deadline), margin_s, now)
    }

    /// Whether what a payee captures does not change any more, or cannot be waited for.
    pub(super) fn is_ready(&self, own: &Waiting, now: UnixTime) -> bool {
        own.fixed
            || has_passed(own.accepted_at, self.capture_within_s, now)
            || self.is_due(own, now)
    }

    /// How long before it would be too late a window closes for a promise: time to look at the queue
    /// and to seal.
    fn room_s(&self) -> u64 {
        (self.due_margin_s / 4).max(2)
    }
}

/// Whether `time` is less than `seconds` away, or past.
fn is_within(time: UnixTime, seconds: u64, now: UnixTime) -> bool {
    time.seconds_since(now).is_none_or(|left| left < seconds)
}

/// Whether so many seconds have passed.
pub(super) fn has_passed(since: UnixTime, seconds: u64, now: UnixTime) -> bool {
    now.seconds_since(since).is_some_and(|passed| passed >= seconds)
}
