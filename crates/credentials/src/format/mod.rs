//! What tokens of each format say, beyond what all of them share.

pub(crate) mod kyapay;
pub(crate) mod own;
