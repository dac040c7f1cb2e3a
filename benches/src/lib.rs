//! Measured figures.
//!
//! [`proving`] measures one shape, for `aep2 bench prove` and for the programs in `src/bin`, which
//! compare. A figure goes with its [`machine`] and its command.

pub mod machine;
pub mod proving;
pub mod statistics;
