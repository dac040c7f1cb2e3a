//! Counting: how large a circuit is, without building it.

use std::collections::BTreeMap;

use ark_bn254::Fr;

use crate::system::{Circuit, Linear, System};

/// The linear combination of a system that keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Linear for Nothing {
    fn constant(_: Fr) -> Self {
        Self
    }
    fn add(&self, _: &Self) -> Self {
        Self
    }
    fn sub(&self, _: &Self) -> Self {
        Self
    }
    fn scale(&self, _: Fr) -> Self {
        Self
    }
    fn dot(_: &[Fr], _: &[Self]) -> Self {
        Self
    }
    fn value(&self) -> Fr {
        Fr::from(0u64)
    }
}

/// Counts a circuit's variables and constraints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Public inputs, the constant one not among them.
    pub public: usize,
    /// Private witness variables.
    pub witness: usize,
    /// Constraints.
    pub constraints: usize,
    /// Constraints by label: where the circuit's size comes from.
    pub by_label: BTreeMap<&'static str, usize>,
}

impl Counter {
    /// Counts `circuit`.
    pub fn of(circuit: &impl Circuit) -> Self {
        let mut counter = Self::default();
        circuit.synthesize(&mut counter);
        counter
    }

    /// All variables: the constant one, the public inputs, the witness.
    pub fn variables(&self) -> usize {
        1 + self.public + self.witness
    }
}

impl System for Counter {
    type L = Nothing;

    fn public(&mut self, _: &'static str, _: impl FnOnce() -> Fr) -> Nothing {
        self.public += 1;
        Nothing
    }

    fn witness(&mut self, _: &'static str, _: impl FnOnce() -> Fr) -> Nothing {
        self.witness += 1;
        Nothing
    }

    fn enforce(&mut self, label: &'static str, _: &Nothing, _: &Nothing, _: &Nothing) {
        self.constraints += 1;
        *self.by_label.entry(label).or_default() += 1;
    }
}
