//! Which wallet: a contract on a chain.

use aep2_mandate::{mandate::Domain, typed_data, units::ChainId};
use alloy::{primitives::Address, sol_types::Eip712Domain};
use serde::Serialize;

use super::guarantee::GuaranteeId;

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

    /// What stands behind receipts: the first contract that the wallet made, in its constructor. So
    /// whoever knows the wallet knows where it is.
    pub fn guarantee(&self) -> GuaranteeId {
        GuaranteeId { wallet: *self, address: self.address.create(1) }
    }

    /// What EIP-712 messages to the wallet are signed under, and such as the guarantee reads.
    pub fn eip712_domain(&self) -> Eip712Domain {
        typed_data::domain(self.chain_id, self.address)
    }
}
