//! Public keys, and where they come from.

pub(crate) mod key;
pub(crate) mod key_set;
pub(crate) mod source;
