//! The crate against other people's libraries, and its rules one by one.

mod eddsa;
mod mandate;
mod poseidon;
mod signer;
mod support;
mod typed_data;
