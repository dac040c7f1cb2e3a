//! From a mandate to a receipt.
//!
//! A mandate is, one after another:
//!
//! - *received*: it waits with others for a thread;
//! - *prechecked*: everything but the signature and the operator's policies holds, as far as the ledger
//!   knows now;
//! - *verified*: the signature holds; those that wait together are checked together;
//! - *committing*: the [policies](crate::policy) allow it, its receipt is signed, and the ledger checks
//!   once more and reserves its amount, in one write that is synced;
//! - *accepted*: it is on disk, and its receipt leaves.
//!
//! `docs/processor.md` lists the order of all checks. The first that fails is the answer
//! ([`AcceptError`]), and a mandate that was accepted before gets its first receipt. A request that
//! nobody waits for any more is carried out all the same.

mod acceptance;
mod accepting;
mod context;
mod direct;
mod error;
mod offered;
mod payable;
mod proved;

pub(crate) use self::context::{AcceptContext, AcceptParts};
pub use self::{
    acceptance::{Acceptance, DirectAcceptance},
    error::AcceptError,
    offered::OfferedMandate,
};
