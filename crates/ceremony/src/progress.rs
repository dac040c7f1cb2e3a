//! How far long work has come.

use std::fmt;

/// A step of a ceremony's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Checking the powers of τ.
    Powers,
    /// Checking the powers' Lagrange form.
    Lagrange,
    /// Running the circuit.
    Circuit,
    /// Making points of the beginning.
    Begin,
    /// Checking points of the beginning.
    Beginning,
    /// Multiplying points by a secret.
    Multiply,
    /// Hashing the beacon's value.
    Beacon,
    /// Checking the contributions, one after another.
    Contributions,
    /// Comparing sections with the beginning.
    Compare,
    /// Making the proving key.
    Key,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Powers => "checking powers of τ",
            Self::Lagrange => "checking prepared points",
            Self::Circuit => "running the circuit",
            Self::Begin => "making points",
            Self::Beginning => "checking the beginning",
            Self::Multiply => "multiplying points",
            Self::Beacon => "hashing the beacon",
            Self::Contributions => "checking contributions",
            Self::Compare => "checking points",
            Self::Key => "making the key",
        })
    }
}

/// Watches long work.
pub trait Watch: Sync {
    /// `done` of `total` units of a step are finished.
    fn step(&self, step: Step, done: u64, total: u64);
}

/// Watches nothing.
impl Watch for () {
    fn step(&self, _: Step, _: u64, _: u64) {}
}

impl<F: Fn(Step, u64, u64) + Sync> Watch for F {
    fn step(&self, step: Step, done: u64, total: u64) {
        self(step, done, total);
    }
}
