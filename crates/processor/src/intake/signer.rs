//! What a processor signs receipts with.

use aep2_chain::wallet::WalletId;
use aep2_mandate::typed_data;
use alloy::{primitives::Address, signers::local::PrivateKeySigner, sol_types::Eip712Domain};

/// The processor's key, and the wallet's EIP-712 domain.
pub(crate) struct ReceiptSigner {
    pub(crate) key: PrivateKeySigner,
    pub(crate) domain: Eip712Domain,
}

impl ReceiptSigner {
    pub(crate) fn new(key: PrivateKeySigner, wallet: WalletId) -> Self {
        Self { key, domain: typed_data::domain(wallet.chain_id, wallet.address) }
    }

    /// The processor.
    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }
}
