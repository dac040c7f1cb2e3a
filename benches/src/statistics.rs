//! Figures over several runs.

use std::time::Duration;

use serde::Serialize;

/// The least, the median and the greatest of several runs, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Seconds {
    /// The fastest run.
    pub min: f64,
    /// The middle run, of an even number the later of the middle two.
    pub median: f64,
    /// The slowest run.
    pub max: f64,
}

impl Seconds {
    /// Of at least one run.
    ///
    /// # Panics
    /// On no run.
    pub fn of(runs: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<f64> = runs.into_iter().map(|run| run.as_secs_f64()).collect();
        sorted.sort_by(f64::total_cmp);
        Self { min: sorted[0], median: sorted[sorted.len() / 2], max: sorted[sorted.len() - 1] }
    }
}
