//! What time it is, by more than one clock.
//!
//! A clock that is wrong would count a silence that is none, end cases that have time, and refuse disputes
//! that are honest: for good, since a case has one ruling. So nothing is over by this machine's clock alone.
//! The processor's has to agree with it, or the newest block of the chain. Where neither does, it is in
//! doubt what time it is: what needs no time goes on, and the rest waits until clocks agree.

use aep2_mandate::units::UnixTime;

use crate::verify::SKEW_S;

/// By how much clocks differ from this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// By how many seconds the earliest is behind it; nothing where no other clock agrees.
    behind_s: Option<u64>,
    /// By how many seconds the latest is ahead of it.
    ahead_s: u64,
}

impl Clocks {
    /// Compares this machine's clock with the processor's and the chain's, where they say what time it is.
    pub(crate) fn compared(
        own: UnixTime,
        processors: Option<UnixTime>,
        chains: Option<UnixTime>,
    ) -> Self {
        let agrees = |other: Option<UnixTime>| other.is_some_and(|other| is_close(own, other));
        if !agrees(processors) && !agrees(chains) {
            return Self { behind_s: None, ahead_s: 0 };
        }
        // A processor's clock counts as far as it can be right.
        let theirs = processors.unwrap_or(own).get();
        Self {
            behind_s: Some(own.get().saturating_sub(theirs).min(SKEW_S)),
            ahead_s: theirs.saturating_sub(own.get()).min(SKEW_S),
        }
    }

    /// Whether another clock agrees with this machine's.
    pub(crate) fn agree(&self) -> bool {
        self.behind_s.is_some()
    }

    /// The time by the clock that is behind: what is over then is over by each. In doubt nothing is.
    pub(crate) fn early(&self, own: UnixTime) -> UnixTime {
        let early = self.behind_s.and_then(|seconds| own.get().checked_sub(seconds));
        early.and_then(|seconds| UnixTime::new(seconds).ok()).unwrap_or(UnixTime::MIN)
    }

    /// The time by the clock that is ahead: what is over then is over by one of them. In doubt nothing is.
    pub(crate) fn late(&self, own: UnixTime) -> UnixTime {
        match self.agree() {
            true => own.checked_add(self.ahead_s).unwrap_or(own),
            false => UnixTime::MIN,
        }
    }
}

/// Whether two clocks are as close as clocks that are right.
pub(crate) fn is_close(one: UnixTime, other: UnixTime) -> bool {
    one.get().abs_diff(other.get()) <= SKEW_S
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(seconds).expect("in range")
    }

    #[test]
    fn nothing_is_over_by_one_clock_alone() {
        let own = at(100_000);
        for (processors, chains) in [
            (None, None),
            (Some(at(100_091)), None),
            (Some(at(99_909)), Some(at(99_909))),
            (None, Some(at(100_091))),
        ] {
            let clocks = Clocks::compared(own, processors, chains);
            assert!(!clocks.agree(), "{processors:?} {chains:?}");
            assert_eq!((clocks.early(own), clocks.late(own)), (UnixTime::MIN, UnixTime::MIN));
        }
    }

    #[test]
    fn clocks_that_agree_are_taken_into_account() {
        let own = at(100_000);
        let times = |processors, chains| {
            let clocks = Clocks::compared(own, processors, chains);
            (clocks.early(own).get(), clocks.late(own).get())
        };
        assert_eq!(times(Some(at(100_060)), None), (100_000, 100_060));
        assert_eq!(times(Some(at(99_940)), None), (99_940, 100_000));
        // The chain says that this clock is right, so the processor's is wrong: it counts for no more.
        assert_eq!(times(Some(at(1_000_000)), Some(own)), (100_000, 100_090));
        assert_eq!(times(Some(at(1)), Some(own)), (99_910, 100_000));
        assert_eq!(times(None, Some(own)), (100_000, 100_000));
    }
}
