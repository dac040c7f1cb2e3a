//! How large a shape's circuit is, and for what.

use serde::Serialize;

use crate::{Shape, count::Counter, statement::Statement};

/// The size of a shape's circuit, in constraints.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Size {
    /// All of it.
    pub constraints: usize,
    /// One more slot in a lane; with capture, its share of the lane's leaf included.
    pub constraints_per_slot: usize,
    /// One more lane, without its slots: key, signature, leaf, path.
    pub constraints_per_lane: usize,
    /// The domain of the proof: the power of two that holds the constraints, and one row for the
    /// constant one and for each public input.
    pub domain: usize,
}

impl Size {
    /// The size of `shape`'s circuit.
    pub fn of(shape: Shape) -> Self {
        let counted = Counter::of(&Statement::blank(shape));
        let total = |lanes, slots| {
            let shape = Shape::new(lanes, slots, shape.capture()).expect("a small shape");
            Counter::of(&Statement::blank(shape)).constraints
        };
        // Captured amounts share an element in pairs, so the average over two slots is meant.
        let constraints_per_slot = (total(1, 3) - total(1, 1)) / 2;
        Self {
            constraints: counted.constraints,
            constraints_per_slot,
            constraints_per_lane: total(2, 1) - total(1, 1) - constraints_per_slot,
            domain: (counted.constraints + counted.public + 1).next_power_of_two(),
        }
    }
}
