//! From a request to a receipt.
//!
//! In this order, the first that applies being the answer:
//!
//! 1. the processor stops, or too many requests wait;
//! 2. the same mandate again: its first receipt, whatever became of it. With the very signature that
//!    was accepted, at once; with another, once that one holds (an id does not cover its signature,
//!    and whoever has only seen an id gets no receipt for it);
//! 3. the token is not accepted; the amount is below the token's least; the deadline has passed, or
//!    comes before the mandate need be settled;
//! 4. the ledger's own checks ([`aep2_ledger::accept`]): the view of the chain, the account, its
//!    processor, verifiers and key, the nonce, pending changes, funds;
//! 5. the signature;
//! 6. the operator's [policies](crate::policy);
//! 7. the ledger's checks once more, together with the reservation and the record, in one write that is
//!    synced. Only then does the receipt leave.
//!
//! All of it runs on a few threads of its own (`pool`), which check the signatures of what waits
//! together. A request that nobody waits for any more is carried out all the same: it is either on
//! disk with its receipt, for whoever asks again, or has left nothing behind.

mod acceptance;
mod accepting;
mod context;
mod direct;
mod error;
mod payable;
mod proved;

pub(crate) use self::context::AcceptContext;
pub use self::{
    acceptance::{Acceptance, DirectAcceptance},
    error::AcceptError,
};
