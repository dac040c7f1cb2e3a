//! The pieces that the statement is built of, each generic over the [`System`](crate::system).

pub mod boolean;
pub mod eddsa;
pub mod edwards;
pub mod poseidon;
