//! A wallet: an account on chain, and the key that signs its mandates.

use aep2_mandate::{
    eddsa::PublicKey,
    units::{AccountId, ChainId, UnixTime},
    wire::Strict,
};
use aep2_vault::Sealed;
use aep2_x402::{purchase::Venue, terms::WireAddress};
use alloy_primitives::{B256, hex};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    error::IssuerError,
    ids::{OwnerId, WalletId},
};

/// An account's key, and what is known of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WalletRecord {
    /// Its id.
    pub id: WalletId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What people call it.
    pub name: String,
    /// The account's number on chain; none until it was opened with this key.
    pub account: Option<AccountId>,
    /// The processor's address on the net.
    pub processor_url: Url,
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: WireAddress,
    /// The processor, by the address that signs its receipts.
    pub processor: WireAddress,
    /// The key that verifies its mandates: what its account is opened with.
    pub public_key: PublicKey,
    /// The hash of the mandate key, as the account must have it on chain.
    pub key_hash: Strict<B256>,
    /// The mandate key's seed, sealed, in hexadecimal.
    pub sealed_key: String,
    /// Whether its owner froze it: nothing is issued from it.
    pub frozen: bool,
    /// When it was made.
    pub created: UnixTime,
}

impl WalletRecord {
    /// Where its payments count.
    pub fn venue(&self) -> Venue {
        Venue { chain: self.chain_id, wallet: self.wallet.0, processor: self.processor.0 }
    }

    /// The sealed key.
    ///
    /// # Errors
    /// When the record holds none.
    pub(crate) fn sealed(&self) -> Result<Sealed, IssuerError> {
        let bytes = hex::decode(&self.sealed_key).ok();
        let sealed = bytes.and_then(|bytes| Sealed::from_bytes(&bytes).ok());
        sealed.ok_or_else(|| IssuerError::Internal(format!("the key of {} is damaged", self.id)))
    }

    /// What a sealed key belongs to: one that is moved to another owner, wallet, chain, contract or
    /// processor does not open.
    pub(crate) fn key_context(&self) -> Vec<u8> {
        let chain = self.chain_id.get().to_be_bytes();
        let parts: [&[u8]; 5] = [
            self.owner.bytes(),
            self.id.bytes(),
            &chain,
            self.wallet.0.as_slice(),
            self.processor.0.as_slice(),
        ];
        parts.concat()
    }
}
