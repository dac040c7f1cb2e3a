//! The settlement circuit.

pub mod checker;
pub mod count;
pub mod gadgets;
pub mod settlement;
pub mod shape;
pub mod statement;
pub mod symbolic;
pub mod system;
pub mod witness;

pub use shape::{Shape, ShapeError};
