//! Poseidon on linear combinations: three constraints for each S-box, nothing else.

use aep2_mandate::poseidon::{self, Cell};
use ark_bn254::Fr;

use crate::system::{Linear, System};

/// A linear combination as a cell of the permutation.
#[derive(Clone)]
pub(crate) struct LinearCell<L>(pub(crate) L);

impl<L: Linear> Cell for LinearCell<L> {
    fn constant(value: Fr) -> Self {
        Self(L::constant(value))
    }
    fn add_constant(&self, value: Fr) -> Self {
        Self(self.0.add(&L::constant(value)))
    }
    fn add_scaled(&self, factor: Fr, other: &Self) -> Self {
        Self(self.0.add_scaled(factor, &other.0))
    }
    fn dot(factors: &[Fr], cells: &[Self]) -> Self {
        let terms: Vec<L> = cells.iter().map(|cell| cell.0.clone()).collect();
        Self(L::dot(factors, &terms))
    }
}

/// The hash of 1 to 16 inputs.
pub fn hash<S: System>(system: &mut S, label: &'static str, inputs: &[S::L]) -> S::L {
    poseidon::hash_cells(&cells(inputs), |cell| fifth_power(system, label, cell)).0
}

/// The hash of any number of inputs.
pub fn hash_many<S: System>(system: &mut S, label: &'static str, inputs: &[S::L]) -> S::L {
    poseidon::hash_many_cells(&cells(inputs), |cell| fifth_power(system, label, cell)).0
}

pub(crate) fn cells<L: Linear>(inputs: &[L]) -> Vec<LinearCell<L>> {
    inputs.iter().cloned().map(LinearCell).collect()
}

/// x^5. The fourth power stands on the left of its constraint, out of G2.
fn fifth_power<S: System>(
    system: &mut S,
    label: &'static str,
    LinearCell(x): &LinearCell<S::L>,
) -> LinearCell<S::L> {
    let square = system.product(label, x, x);
    let fourth = system.product(label, &square, &square);
    LinearCell(system.product(label, &fourth, x))
}
