//! What is signed with an Ethereum key, as EIP-712 typed data in the wallet's domain: the
//! processor's receipts, captures and their receipts, the direct mandates, and what is said about a
//! mandate afterwards: outcomes, disputes, rulings, refunds; owners' approvals; who asks for what not
//! everybody may read; and the heads of logs.

pub mod access;
pub mod approval;
pub mod capture;
pub mod direct;
pub mod dispute;
pub mod keyed;
pub mod log_head;
pub mod outcome;
pub mod receipt;
pub mod refund;
pub mod ruling;
mod signature;
mod signed;

pub use self::{
    signature::{EcdsaSignature, RecoverError, SignerError},
    signed::{Signed, TypedData, domain},
};
