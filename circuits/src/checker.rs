//! Checking an assignment constraint by constraint, the cheating prover's workbench.
//!
//! The circuit derives most variables from others. A cheat that changes one wants the rest to
//! follow; so a checker takes *overrides*: variables, found by label, that get the cheat's value
//! instead of the honest one, before anything that builds on them is computed.

use ark_bn254::Fr;

use crate::{
    system::{Circuit, System},
    witness::Value,
};

/// Runs a circuit on values and records which constraints do not hold.
#[derive(Debug, Default)]
pub struct Checker {
    overrides: Vec<Override>,
    broken: Vec<&'static str>,
    constraints: usize,
}

#[derive(Debug)]
struct Override {
    label: &'static str,
    /// How many variables of this label come before the one meant.
    skip: usize,
    value: Fr,
}

impl Checker {
    /// The labels of the constraints that `circuit` breaks, in order; empty when it is satisfied.
    pub fn broken(circuit: &impl Circuit) -> Vec<&'static str> {
        Self::default().run(circuit)
    }

    /// Whether `circuit` is satisfied.
    pub fn satisfied(circuit: &impl Circuit) -> bool {
        Self::broken(circuit).is_empty()
    }

    /// Gives the `nth` variable (from 0) labelled `label` this value, whatever is honest.
    #[must_use]
    pub fn with(mut self, label: &'static str, nth: usize, value: Fr) -> Self {
        self.overrides.push(Override { label, skip: nth, value });
        self
    }

    /// Like [`broken`](Self::broken), with the overrides in force.
    ///
    /// # Panics
    /// When an override names a variable that the circuit does not have: a cheat that was never
    /// tried must not look like one that was caught.
    pub fn run(mut self, circuit: &impl Circuit) -> Vec<&'static str> {
        circuit.synthesize(&mut self);
        assert!(self.overrides.is_empty(), "no such variable: {:?}", self.overrides);
        assert!(self.constraints > 0, "a circuit without constraints");
        self.broken
    }

    fn allocate(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Value {
        let mut chosen = None;
        self.overrides.retain_mut(|cheat| {
            if cheat.label != label {
                return true;
            }
            if cheat.skip > 0 {
                cheat.skip -= 1;
                return true;
            }
            chosen = Some(cheat.value);
            false
        });
        Value(chosen.unwrap_or_else(value))
    }
}

impl System for Checker {
    type L = Value;

    fn public(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Value {
        self.allocate(label, value)
    }

    fn witness(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Value {
        self.allocate(label, value)
    }

    fn enforce(&mut self, label: &'static str, a: &Value, b: &Value, c: &Value) {
        self.constraints += 1;
        if a.0 * b.0 != c.0 {
            self.broken.push(label);
        }
    }
}
