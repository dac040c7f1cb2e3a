//! Filling the witness: the circuit run on values.
//!
//! What comes out is all that a Groth16 prover needs: the assignment, and for every constraint
//! the values of its two factors. The matrices are never built.

use aep2_mandate::poseidon::Cell;
use ark_bn254::Fr;
use rayon::prelude::*;

use crate::system::{Circuit, Linear, System};

/// A linear combination known by its value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(pub Fr);

impl Linear for Value {
    fn constant(value: Fr) -> Self {
        Self(value)
    }
    fn add(&self, other: &Self) -> Self {
        Self(self.0 + other.0)
    }
    fn sub(&self, other: &Self) -> Self {
        Self(self.0 - other.0)
    }
    fn scale(&self, factor: Fr) -> Self {
        Self(self.0 * factor)
    }
    fn dot(factors: &[Fr], terms: &[Self]) -> Self {
        let values: Vec<Fr> = terms.iter().map(|term| term.0).collect();
        Self(<Fr as Cell>::dot(factors, &values))
    }
    fn value(&self) -> Fr {
        self.0
    }
}

/// A circuit's filled assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Every variable's value: the constant one, the public inputs, the witness.
    pub z: Vec<Fr>,
    /// The value of each constraint's first factor.
    pub a: Vec<Fr>,
    /// The value of each constraint's second factor.
    pub b: Vec<Fr>,
    /// How many of the variables after the constant one are public.
    pub public: usize,
}

impl Assignment {
    /// Fills the assignment of `circuit`.
    ///
    /// Nothing is checked here: an unsatisfied circuit gives an assignment whose proof does not
    /// verify. Ask [`Checker`](crate::checker::Checker) which constraints fail.
    pub fn of(circuit: &impl Circuit) -> Self {
        let mut witness = Witness::default();
        circuit.synthesize(&mut witness);
        let Witness { public, witness, a, b } = witness;
        let mut z = Vec::with_capacity(1 + public.len() + witness.len());
        z.push(Fr::from(1u64));
        z.extend_from_slice(&public);
        z.extend_from_slice(&witness);
        Self { z, a, b, public: public.len() }
    }

    /// The public inputs, in order.
    pub fn public_inputs(&self) -> &[Fr] {
        &self.z[1..=self.public]
    }
}

/// The system that fills an [`Assignment`].
#[derive(Debug, Default)]
pub struct Witness {
    public: Vec<Fr>,
    witness: Vec<Fr>,
    a: Vec<Fr>,
    b: Vec<Fr>,
}

impl System for Witness {
    type L = Value;

    fn public(&mut self, _: &'static str, value: impl FnOnce() -> Fr) -> Value {
        let value = value();
        self.public.push(value);
        Value(value)
    }

    fn witness(&mut self, _: &'static str, value: impl FnOnce() -> Fr) -> Value {
        let value = value();
        self.witness.push(value);
        Value(value)
    }

    fn enforce(&mut self, _: &'static str, a: &Value, b: &Value, _: &Value) {
        self.a.push(a.0);
        self.b.push(b.0);
    }

    fn each<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        part: impl Fn(&mut Self, &T) -> R + Sync,
    ) -> Vec<R> {
        let parts: Vec<(Self, R)> = items
            .par_iter()
            .map(|item| {
                let mut own = Self::default();
                let result = part(&mut own, item);
                (own, result)
            })
            .collect();
        parts
            .into_iter()
            .map(|(own, result)| {
                assert!(own.public.is_empty(), "a part allocates no public input");
                self.witness.extend(own.witness);
                self.a.extend(own.a);
                self.b.extend(own.b);
                result
            })
            .collect()
    }
}
