//! What is known of the keys that sign for processors, asked once a round each.

use std::collections::HashMap;

use aep2_chain::wallet::guarantee::SignerStanding;
use alloy::primitives::Address;

use crate::{chain::Chain, error::WatchError};

/// What is known of keys, by processor and key.
#[derive(Debug, Default)]
pub(crate) struct Keys(HashMap<(Address, Address), Option<SignerStanding>>);

impl Keys {
    /// What a key's word is worth for a processor; none where it was never named.
    pub(crate) async fn standing(
        &mut self,
        chain: &Chain,
        processor: Address,
        signer: Address,
    ) -> Result<Option<SignerStanding>, WatchError> {
        if let Some(known) = self.0.get(&(processor, signer)) {
            return Ok(*known);
        }
        let found = chain.signer(processor, signer).await?;
        self.0.insert((processor, signer), found);
        Ok(found)
    }

    /// Forgets all of it: the chain may know more by now.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
