//! Which wallet: a contract on a chain.

use aep2_mandate::{mandate::Domain, typed_data, units::ChainId};
use alloy::{primitives::Address, sol_types::Eip712Domain};
use serde::Serialize;

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

    /// What EIP-712 messages to the wallet are signed under, and such as the guarantee reads.
    pub fn eip712_domain(&self) -> Eip712Domain {
        typed_data::domain(self.chain_id, self.address)
    }
}
