//! What a processor says of itself and of mandates. It is its word, and no more.

use std::fmt;

use aep2_mandate::{typed_data::outcome::SignedOutcome, units::ChainId};
use aep2_processor_client::{
    ProcessorError,
    lookup::{Inclusion, Lookup},
};
use alloy::primitives::{Address, B256};
use async_trait::async_trait;

/// Who a processor says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet.
    pub wallet: Address,
    /// Whom receipts name.
    pub processor: Address,
}

/// Asks a processor.
#[async_trait]
pub trait ProcessorWord: fmt::Debug + Send + Sync {
    /// Who it is.
    async fn identity(&self) -> Result<Identity, ProcessorError>;

    /// What became of mandates, in their order; none of what it does not say.
    async fn outcomes(
        &self,
        mandates: &[B256],
    ) -> Result<Vec<Option<SignedOutcome>>, ProcessorError>;

    /// That a mandate was settled, to be checked; none where it has no proof.
    async fn inclusion(&self, mandate: B256) -> Result<Option<Inclusion>, ProcessorError>;
}

/// A processor at a URL.
#[derive(Clone, Debug)]
pub struct HttpProcessor(Lookup);

impl HttpProcessor {
    /// Asks by `lookup`.
    pub fn new(lookup: Lookup) -> Self {
        Self(lookup)
    }
}

#[async_trait]
impl ProcessorWord for HttpProcessor {
    async fn identity(&self) -> Result<Identity, ProcessorError> {
        let found = self.0.identity().await?;
        let (wallet, processor) = (found.wallet.0, found.processor.0);
        Ok(Identity { chain_id: found.chain_id, wallet, processor })
    }

    async fn outcomes(
        &self,
        mandates: &[B256],
    ) -> Result<Vec<Option<SignedOutcome>>, ProcessorError> {
        self.0.outcomes(mandates).await
    }

    async fn inclusion(&self, mandate: B256) -> Result<Option<Inclusion>, ProcessorError> {
        self.0.inclusion(mandate).await
    }
}
