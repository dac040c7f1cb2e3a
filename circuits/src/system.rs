//! What a circuit is written against.
//!
//! A circuit is one piece of code, generic over a [`System`]. What that code *means* depends on
//! the system it runs in:
//!
//! | system | a linear combination is | running the circuit gives |
//! | --- | --- | --- |
//! | [`Counter`](crate::count::Counter) | nothing | how many variables and constraints there are, and for what |
//! | [`Witness`](crate::witness::Witness) | its value | the assignment, and both factors of every constraint |
//! | [`Symbolic`](crate::symbolic::Symbolic) | a sparse vector | the constraint system itself, row by row |
//! | [`Checker`](crate::checker::Checker) | its value | which constraints a (possibly cheating) assignment breaks |
//!
//! So the witness is filled at the speed of plain field arithmetic, without building the
//! constraint system again, and no gadget is ever written twice.
//!
//! A constraint is `a · b = c` for linear combinations `a`, `b`, `c` of the variables. The
//! variables are, in this order: the constant one, the public inputs, the private witness.

use ark_bn254::Fr;

/// A linear combination of a constraint system's variables.
pub trait Linear: Clone + Send + Sync {
    /// The constant `value`.
    fn constant(value: Fr) -> Self;
    /// The sum of two combinations.
    fn add(&self, other: &Self) -> Self;
    /// The difference of two combinations.
    fn sub(&self, other: &Self) -> Self;
    /// The combination times a constant.
    fn scale(&self, factor: Fr) -> Self;
    /// `self + factor · other`.
    fn add_scaled(&self, factor: Fr, other: &Self) -> Self {
        self.add(&other.scale(factor))
    }
    /// `Σ factors[i] · terms[i]`.
    fn dot(factors: &[Fr], terms: &[Self]) -> Self;
    /// What the combination comes to. Systems without values return zero; they never run the
    /// closures that ask.
    fn value(&self) -> Fr;
}

/// A constraint system in the making: it allocates variables and takes constraints.
pub trait System: Sized {
    /// The system's linear combinations.
    type L: Linear;

    /// Allocates the next public input. All public inputs come before the first witness variable.
    fn public(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Self::L;

    /// Allocates the next witness variable. `value` runs only where there are values.
    fn witness(&mut self, label: &'static str, value: impl FnOnce() -> Fr) -> Self::L;

    /// Demands `a · b = c`. Every variable that `b` mentions costs the prover work in G2, the
    /// dearest there is: what can stand on either side stands in `a`.
    fn enforce(&mut self, label: &'static str, a: &Self::L, b: &Self::L, c: &Self::L);

    /// Runs `part` once for each item, as if in order; systems that can, run them at once.
    ///
    /// Parts must not depend on one another, and must allocate and enforce the same pattern
    /// whatever the item's values are.
    fn each<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        part: impl Fn(&mut Self, &T) -> R + Sync,
    ) -> Vec<R> {
        items.iter().map(|item| part(self, item)).collect()
    }

    /// Allocates `a · b`.
    fn product(&mut self, label: &'static str, a: &Self::L, b: &Self::L) -> Self::L {
        let product = self.witness(label, || a.value() * b.value());
        self.enforce(label, a, b, &product);
        product
    }
}

/// A statement that can be written into a [`System`].
pub trait Circuit: Sync {
    /// Allocates every variable and demands every constraint.
    fn synthesize<S: System>(&self, system: &mut S);
}
