//! What time it is, in unix seconds. A clock that is off can be made for tests, and by whoever
//! knows better than the machine.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::units::UnixTime;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::offset(0)
    }

    /// The system's clock, ahead by that many seconds.
    pub fn offset(ahead_s: i64) -> Self {
        Self::from_fn(move || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            UnixTime::new(since.saturating_add_signed(ahead_s)).unwrap_or(UnixTime::MAX)
        })
    }

    /// A clock that asks `now`.
    pub fn from_fn(now: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
