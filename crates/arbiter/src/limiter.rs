//! How many lines about a processor's wrong disputes go into the log: an invented dispute costs its inventor
//! nothing, and a line stays for ever.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aep2_mandate::units::UnixTime;
use alloy_primitives::Address;

/// Counts lines by processor and hour.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    counts: Mutex<HashMap<Address, (u64, u32)>>,
}

impl Limiter {
    /// Whether there is room for one more line.
    pub(crate) fn take(&self, processor: Address, now: UnixTime, most: u32) -> bool {
        let hour = now.get() / 3_600;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_hour, count) = counts.entry(processor).or_default();
        if *of_hour != hour {
            (*of_hour, *count) = (hour, 0);
        }
        let has_room = *count < most;
        *count += u32::from(has_room);
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_processors_lines_take_none_of_anothers_and_come_back_with_the_hour() {
        let (limiter, one, other) =
            (Limiter::default(), Address::repeat_byte(1), Address::repeat_byte(2));
        let at = |seconds| UnixTime::new(seconds).expect("in range");
        let taken = (0..10).filter(|_| limiter.take(one, at(3_600), 3)).count();
        assert_eq!(taken, 3);
        assert!(limiter.take(other, at(3_600), 3));
        assert!(!limiter.take(one, at(7_199), 3) && limiter.take(one, at(7_200), 3));
    }
}
