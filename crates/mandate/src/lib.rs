//! Payment mandates.

pub mod babyjubjub;
pub mod commitment;
pub mod eddsa;
pub mod field;
pub mod poseidon;
pub mod mandate;
pub mod signer;
pub mod typed_data;
pub mod units;
pub mod wire;
