//! Waiting longer after each failure, and never in step with others.

use std::time::Duration;

use rand::Rng;

/// How long to wait before asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The wait after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for BackoffConfig {
    /// From a quarter of a second to half a minute.
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(30) }
    }
}

/// Failures in a row.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    config: BackoffConfig,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(config: BackoffConfig) -> Self {
        Self { config, failures: 0 }
    }

    /// One more failure: how long to wait now. Between half of the doubled wait and all of it, by
    /// chance: clients that a node has thrown off together do not come back together.
    pub(crate) fn failed(&mut self) -> Duration {
        let doubled = self.config.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.config.longest).mul_f64(rand::thread_rng().gen_range(0.5..=1.0))
    }

    /// How many failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let config = BackoffConfig {
            first: Duration::from_millis(100),
            longest: Duration::from_millis(1_500),
        };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let mut backoff = Backoff::new(config);
            for expected_ms in [100, 200, 400, 800, 1_500, 1_500] {
                let wait = backoff.failed();
                let full = Duration::from_millis(expected_ms);
                assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
                seen.insert(wait);
            }
            assert_eq!(backoff.failures(), 6);
        }
        assert!(seen.len() > 60, "the waits are in step: {} different ones", seen.len());
    }

    #[test]
    fn endless_failures_do_not_overflow() {
        let mut backoff = Backoff::new(BackoffConfig::default());
        for _ in 0..100 {
            assert!(backoff.failed() <= BackoffConfig::default().longest);
        }
    }
}
