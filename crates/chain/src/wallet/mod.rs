//! The debit wallet: what it is asked, told and answers, in the project's own types.
//!
//! - [`WalletId`] is a wallet on a chain. It needs no node: it builds [`Call`](crate::call::Call)s and
//!   knows under which domains payers, owners and processors sign.
//! - [`Wallet`] is the same wallet read through a node.
//! - [`guarantee`]: what stands behind receipts, a contract of its own that the wallet made;
//! - [`terms`]: who may debit an account; [`signing`]: what owners sign so that others bring it;
//!   [`units`]: what the wallet counts; [`error`]: why it refuses.

pub mod error;
pub mod guarantee;
pub mod signing;
pub mod terms;
pub mod units;

mod calls;
mod id;
mod read;

pub use calls::{DirectSettlement, SenderIndex, sort_to_net};
pub use id::WalletId;
pub use read::{
    Account, Credit, DirectAccount, Evidence, PendingChange, PendingWithdrawal, Purse, Wallet,
};
