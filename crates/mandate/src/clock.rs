//! What time it is, in unix seconds. Tests that move a chain's time move this clock with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use crate::units::UnixTime;

/// The system's clock, moved by a number of seconds that can be changed. Clones move together.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_s: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The system's clock, ahead by this many seconds.
    pub fn ahead(seconds: i64) -> Self {
        Self { ahead_s: Arc::new(AtomicI64::new(seconds)) }
    }

    /// Moves it, and all its clones, ahead by that many seconds more.
    pub fn advance(&self, seconds: i64) {
        self.ahead_s.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The time. The first or the last that can be said, where the system's clock is beyond them.
    pub fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let moved = since.saturating_add_signed(self.ahead_s.load(Ordering::SeqCst));
        UnixTime::new(moved).unwrap_or(UnixTime::MAX)
    }
}
