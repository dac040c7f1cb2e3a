//! The pieces that the statement is built of, each generic over the [`System`](crate::system).

pub mod boolean;
pub mod edwards;
pub mod eddsa;
pub mod poseidon;
