//! A system that remembers all that a circuit allocates and demands.

use std::collections::BTreeMap;

use aep2_circuits::{
    system::{Circuit, System},
    witness::Value,
};
use ark_bn254::Fr;

/// A variable, found by label and place, and the value that it is given.
pub(crate) type Override = (&'static str, usize, Fr);

/// A system that remembers every variable and every constraint's three values, overrides in force.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    overrides: Vec<Override>,
    allocated: BTreeMap<&'static str, usize>,
    pub(crate) public: usize,
    /// Label and value of each variable but the constant one.
    pub(crate) variables: Vec<(&'static str, Fr)>,
    /// Label and sides of each constraint.
    pub(crate) constraints: Vec<(&'static str, [Fr; 3])>,
}

impl Probe {
    /// What `circuit` allocates and demands with these overrides.
    pub(crate) fn of(circuit: &impl Circuit, overrides: &[Override]) -> Self {
        let mut probe = Self { overrides: overrides.to_vec(), ..Self::default() };
        circuit.synthesize(&mut probe);
        probe
    }

    /// The values of the variables of a label.
    pub(crate) fn values(&self, label: &str) -> Vec<Fr> {
        self.variables
            .iter()
            .filter(|(other, _)| *other == label)
            .map(|(_, value)| *value)
            .collect()
    }

    /// The sides of the constraints of a label.
    pub(crate) fn sides(&self, label: &str) -> Vec<[Fr; 3]> {
        self.constraints
            .iter()
            .filter(|(other, _)| *other == label)
            .map(|(_, sides)| *sides)
            .collect()
    }

    /// By how much the last constraint of a label misses.
    pub(crate) fn residual(&self, label: &str) -> Fr {
        let [a, b, c] = *self.sides(label).last().expect("a constraint of this label");
        a * b - c
    }

    fn allocate(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Value {
        let nth = self.allocated.entry(label).or_default();
        let chosen =
            self.overrides.iter().find(|(other, index, _)| (*other, index) == (label, nth));
        *nth += 1;
        let value = chosen.map_or_else(value, |(_, _, value)| *value);
        self.variables.push((label, value));
        Value(value)
    }
}

impl System for Probe {
    type L = Value;

    fn public(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Value {
        self.public += 1;
        self.allocate(label, value)
    }

    fn witness(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Value {
        self.allocate(label, value)
    }

    fn enforce(&mut self, label: &'static str, a: &Value, b: &Value, c: &Value) {
        self.constraints.push((label, [a.0, b.0, c.0]));
    }
}
