//! Groth16 over BN254 for the settlement circuit: set-up, key files, proving, verifying.

pub mod arrange;
pub mod groth16;
pub mod progress;
pub mod sample;
pub mod window;
