//! The constraint system itself: the circuit run on linear combinations of variables.
//!
//! Constraints are handed, one at a time and in order, to a [`Sink`]; what is kept of them is the
//! sink's business. A set-up adds them to columns, [`digest`] hashes them, [`Matrices`] keeps them.

use std::cmp::Ordering;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField, Zero};

use crate::system::{Circuit, Linear, System};

/// A linear combination: pairs of a variable's index and its coefficient, ascending by index,
/// no coefficient zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse(Vec<(u32, Fr)>);

impl Sparse {
    /// The variable with this index; index 0 is the constant one.
    pub fn variable(index: u32) -> Self {
        Self(vec![(index, Fr::from(1u64))])
    }

    /// The pairs of variable and coefficient.
    pub fn terms(&self) -> &[(u32, Fr)] {
        &self.0
    }

    /// The combination's value under an assignment of all variables.
    ///
    /// # Panics
    /// When the assignment is shorter than the variables mentioned.
    pub fn evaluate(&self, z: &[Fr]) -> Fr {
        self.0.iter().fold(Fr::zero(), |sum, (index, factor)| sum + z[*index as usize] * factor)
    }
}

impl Linear for Sparse {
    fn constant(value: Fr) -> Self {
        if value.is_zero() { Self::default() } else { Self(vec![(0, value)]) }
    }
    fn add(&self, other: &Self) -> Self {
        self.add_scaled(Fr::from(1u64), other)
    }
    fn sub(&self, other: &Self) -> Self {
        self.add_scaled(-Fr::from(1u64), other)
    }
    fn scale(&self, factor: Fr) -> Self {
        if factor.is_zero() {
            return Self::default();
        }
        Self(self.0.iter().map(|(index, own)| (*index, *own * factor)).collect())
    }
    fn add_scaled(&self, factor: Fr, other: &Self) -> Self {
        let mut sum = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some((l, _)), Some((r, _))) => l.cmp(r),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let from_left = (order != Ordering::Greater).then(|| left.next()).flatten();
            let from_right = (order != Ordering::Less).then(|| right.next()).flatten();
            let term = match (from_left, from_right) {
                (Some(l), Some(r)) => (l.0, l.1 + factor * r.1),
                (Some(l), None) => *l,
                (None, Some(r)) => (r.0, factor * r.1),
                (None, None) => break,
            };
            if !term.1.is_zero() {
                sum.push(term);
            }
        }
        Self(sum)
    }
    fn dot(factors: &[Fr], terms: &[Self]) -> Self {
        factors.iter().zip(terms).fold(Self::default(), |sum, (f, t)| sum.add_scaled(*f, t))
    }
    fn value(&self) -> Fr {
        Fr::ZERO
    }
}

/// Takes a circuit's constraints, `a · b = c`, in order.
pub trait Sink {
    /// Takes the next constraint.
    fn constraint(&mut self, label: &'static str, a: &Sparse, b: &Sparse, c: &Sparse);
}

/// The system that writes constraints into a [`Sink`].
#[derive(Debug)]
pub struct Symbolic<'a, S> {
    sink: &'a mut S,
    public: u32,
    witness: u32,
}

impl<'a, S: Sink> Symbolic<'a, S> {
    /// Runs `circuit` into `sink`, and says how many variables are public, and how many are not.
    pub fn run(circuit: &impl Circuit, sink: &'a mut S) -> (u32, u32) {
        let mut system = Self { sink, public: 0, witness: 0 };
        circuit.synthesize(&mut system);
        (system.public, system.witness)
    }
}

impl<S: Sink> System for Symbolic<'_, S> {
    type L = Sparse;

    fn public(&mut self, _: &'static str, _: impl FnOnce() -> Fr) -> Sparse {
        assert_eq!(self.witness, 0, "public inputs come before the witness");
        self.public += 1;
        Sparse::variable(self.public)
    }

    fn witness(&mut self, _: &'static str, _: impl FnOnce() -> Fr) -> Sparse {
        self.witness += 1;
        Sparse::variable(self.public + self.witness)
    }

    fn enforce(&mut self, label: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
        self.sink.constraint(label, a, b, c);
    }
}

/// All constraints, kept.
#[derive(Clone, Debug, Default)]
pub struct Matrices {
    /// The constraints in order: label, `a`, `b`, `c`.
    pub rows: Vec<(&'static str, Sparse, Sparse, Sparse)>,
}

impl Matrices {
    /// The constraint system of `circuit`.
    pub fn of(circuit: &impl Circuit) -> Self {
        let mut matrices = Self::default();
        Symbolic::run(circuit, &mut matrices);
        matrices
    }

    /// The labels of the constraints that an assignment of all variables breaks.
    pub fn broken(&self, z: &[Fr]) -> Vec<&'static str> {
        self.rows
            .iter()
            .filter(|(_, a, b, c)| a.evaluate(z) * b.evaluate(z) != c.evaluate(z))
            .map(|(label, ..)| *label)
            .collect()
    }
}

impl Sink for Matrices {
    fn constraint(&mut self, label: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
        self.rows.push((label, a.clone(), b.clone(), c.clone()));
    }
}

/// BLAKE3 over a circuit's constraints and numbers of variables: two circuits with one digest are one
/// circuit.
///
/// Labels are not hashed. A row is written as its three combinations, each as its number of terms
/// (u32) and its terms (index as u32, coefficient as 32 bytes), all little-endian. Behind the rows
/// stand the numbers of public and of other variables (u32): where the public ones end, no row says.
pub fn digest(circuit: &impl Circuit) -> [u8; 32] {
    struct Hashing(blake3::Hasher, Vec<u8>);

    impl Sink for Hashing {
        fn constraint(&mut self, _: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
            let Self(hasher, row) = self;
            row.clear();
            for side in [a, b, c] {
                row.extend_from_slice(&(side.terms().len() as u32).to_le_bytes());
                for (index, factor) in side.terms() {
                    row.extend_from_slice(&index.to_le_bytes());
                    row.extend_from_slice(&factor.into_bigint().to_bytes_le());
                }
            }
            hasher.update(row);
        }
    }

    let mut sink = Hashing(blake3::Hasher::new(), Vec::new());
    let (public, witness) = Symbolic::run(circuit, &mut sink);
    sink.0.update(&[public.to_le_bytes(), witness.to_le_bytes()].concat());
    *sink.0.finalize().as_bytes()
}
