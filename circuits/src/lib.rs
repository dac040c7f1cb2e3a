//! The settlement circuit: one statement about a segment of a window of signed mandates.
//!
//! - [`statement`]: what is proved, in three readings: the private part, the native twin, the
//!   circuit. Start there.
//! - [`settlement`]: the wallet's side: net entries, the challenge, the sum that both sides must
//!   agree on.
//! - [`shape`]: how many mandates one proof holds.
//! - [`gadgets`]: bits, Poseidon, Baby Jubjub, the signature check.
//! - [`system`]: what circuits are written against, and the systems that they run in: [`count`],
//!   [`witness`], [`symbolic`], [`checker`]; and [`arkworks`], for comparison.

pub mod arkworks;
pub mod checker;
pub mod count;
pub mod gadgets;
pub mod settlement;
pub mod shape;
pub mod size;
pub mod statement;
pub mod symbolic;
pub mod system;
pub mod witness;

pub use shape::{Shape, ShapeError};

/// The circuit's version. Keys and proofs of one version do not fit another.
///
/// It goes up with any change of the constraints, their order or the public inputs, in any shape.
/// `circuits/digests.txt` says what this version's circuits are, and a test compares.
pub const VERSION: u32 = 2;
