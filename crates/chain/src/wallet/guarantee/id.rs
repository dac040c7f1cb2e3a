//! Which guarantee: the contract that a wallet made.

use alloy::primitives::Address;
use serde::Serialize;

use crate::wallet::id::WalletId;

/// The guarantee of a wallet. Made by [`WalletId::guarantee`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuaranteeId {
    /// The wallet that made it, in whose domain people sign.
    pub wallet: WalletId,
    /// The contract.
    pub address: Address,
}

impl WalletId {
    /// What stands behind receipts: the first contract that the wallet made, in its constructor. So
    /// whoever knows the wallet knows where it is.
    pub fn guarantee(&self) -> GuaranteeId {
        GuaranteeId { wallet: *self, address: self.address.create(1) }
    }
}
