//! What is signed with an Ethereum key, as EIP-712 typed data in the wallet's domain: the
//! processor's receipts, captures and their receipts, and the direct mandates.

pub mod capture;
pub mod direct;
pub mod receipt;
mod signature;
mod signed;

pub use self::{
    signature::{EcdsaSignature, RecoverError, SignerError},
    signed::{Signed, TypedData, domain},
};
