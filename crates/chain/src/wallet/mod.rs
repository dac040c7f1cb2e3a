//! The debit wallet: what it is asked, told and answers, in the project's own types.
//!
//! - [`WalletId`] is a wallet on a chain. It needs no node: it builds [`Call`](crate::call::Call)s and
//!   knows under which domains payers, owners and processors sign.
//! - [`Wallet`] is the same wallet read through a node.
//! - [`terms`]: who may debit an account; [`signing`]: what owners sign so that others bring it;
//!   [`units`]: what the wallet counts; [`error`]: why it refuses.

pub mod error;
pub mod signing;
pub mod terms;
pub mod units;

mod calls;
mod read;

use aep2_mandate::{mandate::Domain, typed_data, units::ChainId};
use alloy::{primitives::Address, sol_types::Eip712Domain};
use serde::Serialize;

pub use calls::{DirectSettlement, sort_to_net};
pub use read::{
    Account, Credit, Delays, DirectAccount, PendingChange, PendingWithdrawal, Purse, Wallet,
};

/// A wallet on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WalletId {
    /// The chain.
    pub chain_id: ChainId,
    /// The contract.
    pub address: Address,
}

impl WalletId {
    /// Where mandates in `token` count.
    pub fn mandate_domain(&self, token: Address) -> Domain {
        Domain::new(self.chain_id, self.address, token)
    }

    /// What EIP-712 messages to the wallet are signed under.
    pub fn eip712_domain(&self) -> Eip712Domain {
        typed_data::domain(self.chain_id, self.address)
    }
}
