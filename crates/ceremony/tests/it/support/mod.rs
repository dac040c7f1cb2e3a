//! What the tests share.

pub(crate) mod bytes;
pub(crate) mod circuits;
pub(crate) mod powers;
pub(crate) mod snarkjs;
pub(crate) mod stage;
