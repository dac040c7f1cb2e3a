//! Measured figures.
//!
//! [`proving`] measures one shape, for `aep2 bench prove` and for the programs in `src/bin`, which
//! compare; [`settling`] measures what batches cost on chain, for `aep2 bench settle`. A figure goes
//! with its [`machine`] and its command.

pub mod machine;
pub mod proving;
pub mod settling;
pub mod statistics;
