//! The chain's time: the wall clock, moved by tests.
//!
//! A block's timestamp is never before its parent's. It may equal it: several blocks mined on
//! demand within one second carry the same second. If each were a second later than the one before,
//! a busy chain would run ahead of the clock that its users' deadlines are made by.

use crate::{config::WallClock, error::DevChainError};

/// The chain's clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    wall: WallClock,
    /// How far the chain is ahead of the wall clock, in seconds.
    offset_seconds: i64,
    /// The next block's timestamp, if it has been set.
    next: Option<u64>,
}

impl Clock {
    pub(crate) fn new(wall: WallClock) -> Self {
        Self { wall, offset_seconds: 0, next: None }
    }

    pub(crate) fn offset_seconds(&self) -> i64 {
        self.offset_seconds
    }

    /// Goes back to an earlier offset.
    pub(crate) fn restore(&mut self, offset_seconds: i64) {
        self.offset_seconds = offset_seconds;
        self.next = None;
    }

    /// Moves the time, by seconds. It stops at the ends of time instead of going round.
    pub(crate) fn increase(&mut self, seconds: i64) {
        self.offset_seconds = self.offset_seconds.saturating_add(seconds);
    }

    /// The timestamp of a block on top of one with `parent`, if it were mined now.
    pub(crate) fn next_timestamp(&self, parent: u64) -> u64 {
        let now = self.wall.now_seconds().saturating_add_signed(self.offset_seconds);
        self.next.unwrap_or(now).max(parent)
    }

    /// Sets the next block's timestamp. Time goes on from there.
    pub(crate) fn set_next(&mut self, timestamp: u64, parent: u64) -> Result<(), DevChainError> {
        if timestamp < parent {
            return Err(DevChainError::Timestamp { asked: timestamp, head: parent });
        }
        self.next = Some(timestamp);
        Ok(())
    }

    /// Sets the time to `timestamp` now.
    pub(crate) fn set_now(&mut self, timestamp: u64, parent: u64) -> Result<(), DevChainError> {
        if timestamp < parent {
            return Err(DevChainError::Timestamp { asked: timestamp, head: parent });
        }
        self.offset_seconds = self.offset_to(timestamp);
        self.next = None;
        Ok(())
    }

    /// The offset after a block with `timestamp` has been mined.
    pub(crate) fn offset_after(&self, timestamp: u64) -> i64 {
        if self.next.is_some() { self.offset_to(timestamp) } else { self.offset_seconds }
    }

    /// Notes that a block has been mined.
    pub(crate) fn mined(&mut self, timestamp: u64) {
        self.offset_seconds = self.offset_after(timestamp);
        self.next = None;
    }

    fn offset_to(&self, timestamp: u64) -> i64 {
        let difference = i128::from(timestamp) - i128::from(self.wall.now_seconds());
        i64::try_from(difference).unwrap_or(i64::MAX)
    }
}
