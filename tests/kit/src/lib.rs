//! What the tests of any crate may need, with nothing of ours below it. It is not shipped.

pub mod anvil;
pub mod child;
pub mod disk;
pub mod kept;
pub mod monitoring;
pub mod repository;
