//! Who watches while it is measured.

use aep2_prover::progress::Progress;

/// Watches the measurement.
pub trait Watch: Progress {
    /// What comes next.
    fn step(&self, text: &str);
}

/// Nobody watches.
impl Watch for () {
    fn step(&self, _: &str) {}
}
