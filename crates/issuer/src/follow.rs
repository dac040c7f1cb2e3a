//! A task that finds out what became of payments: it asks the processors, and the chains where a
//! processor does not say.

use std::{collections::BTreeMap, time::Duration};

use aep2_mandate::units::{ChainId, UnixTime};
use aep2_processor_client::lookup::Lookup;
use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::Address,
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use thiserror::Error;
use url::Url;

use crate::{
    endings::Unspent,
    error::IssuerError,
    issuer::Issuer,
    records::{PaymentRecord, WalletRecord},
};

sol! {
    /// Whether a nonce of an account in a token is spent.
    function isSpent(uint32 account, address token, uint64 nonce) external view returns (bool);
}

/// How long a node's answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How many mandates one question is about.
const TOGETHER_MAX: usize = 256;

/// Where a chain is asked.
#[derive(Clone, Debug)]
pub struct ChainNode {
    provider: DynProvider,
    /// How many blocks deep a block counts as confirmed.
    confirmations: u64,
}

impl ChainNode {
    /// The node at `url`. One that does not answer in time is an error, and not waited for for ever.
    pub fn new(url: Url, confirmations: u64) -> Self {
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).build().unwrap_or_default();
        let provider = ProviderBuilder::new().connect_reqwest(http, url).erased();
        Self { provider, confirmations }
    }

    /// The latest confirmed block: its number and time.
    async fn confirmed(&self) -> Result<(u64, UnixTime), FollowError> {
        let head = self.provider.get_block_number().await.map_err(chain)?;
        let number = head.saturating_sub(self.confirmations);
        let block = self.provider.get_block(BlockId::number(number)).await.map_err(chain)?;
        let block = block.ok_or_else(|| FollowError::Chain(format!("it has no block {number}")))?;
        let time = UnixTime::new(block.header.timestamp);
        Ok((number, time.map_err(|error| FollowError::Chain(error.to_string()))?))
    }

    /// Whether a payment's nonce is spent in a block.
    async fn is_spent(
        &self,
        wallet: Address,
        payment: &PaymentRecord,
        block: u64,
    ) -> Result<bool, FollowError> {
        let terms = &payment.mandate.mandate;
        let call = isSpentCall {
            account: terms.account.get(),
            token: terms.token,
            nonce: terms.nonce.get(),
        };
        let request = TransactionRequest::default().with_to(wallet).with_input(call.abi_encode());
        let answer = self.provider.call(request).block(BlockId::number(block)).await;
        // An answer of no bytes, as from an address without a contract, is no answer.
        isSpentCall::abi_decode_returns_validate(&answer.map_err(chain)?)
            .map_err(|error| FollowError::Chain(error.to_string()))
    }
}

fn chain(error: impl std::fmt::Display) -> FollowError {
    FollowError::Chain(error.to_string())
}

/// Why it is not known what became of payments.
#[derive(Debug, Error)]
pub enum FollowError {
    /// A processor.
    #[error("the processor {url}: {reason}")]
    Processor {
        /// Where it is.
        url: Url,
        /// What went wrong.
        reason: String,
    },
    /// A chain's node.
    #[error("the chain's node: {0}")]
    Chain(String),
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

/// Asks what became of payments.
#[derive(Clone, Debug)]
pub struct Follower {
    issuer: Issuer,
    http: reqwest::Client,
    nodes: BTreeMap<ChainId, ChainNode>,
}

impl Follower {
    /// One that asks processors by `http`, and these chains.
    pub fn new(issuer: Issuer, http: reqwest::Client, nodes: BTreeMap<ChainId, ChainNode>) -> Self {
        Self { issuer, http, nodes }
    }

    /// Asks again and again, until it is dropped.
    pub async fn run(self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "what became of some payments is not known; they count");
            }
        }
    }

    /// Asks once about all that is outstanding. Gives how many payments ended.
    ///
    /// # Errors
    /// The first that went wrong. Everything else was asked all the same.
    pub async fn look(&self) -> Result<usize, FollowError> {
        let now = self.issuer.now();
        let mut by_wallet: BTreeMap<_, Vec<PaymentRecord>> = BTreeMap::new();
        for payment in self.issuer.outstanding(|_| true)? {
            by_wallet.entry((payment.owner, payment.wallet)).or_default().push(payment);
        }
        let (mut ended, mut failed) = (0, None);
        for ((owner, id), payments) in by_wallet {
            let wallets = self.issuer.wallets(owner)?;
            let Some(wallet) = wallets.into_iter().find(|wallet| wallet.id == id) else { continue };
            for payments in payments.chunks(TOGETHER_MAX) {
                match self.ask_processor(&wallet, payments).await {
                    Ok(found) => ended += found,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            let over = payments.iter().filter(|one| one.mandate.mandate.deadline < now);
            let over: Vec<_> = over.collect();
            match self.ask_chain(&wallet, &over).await {
                Ok(found) => ended += found,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(ended), Err)
    }

    async fn ask_processor(
        &self,
        wallet: &WalletRecord,
        payments: &[PaymentRecord],
    ) -> Result<usize, FollowError> {
        let url = wallet.processor_url.clone();
        let failed = |reason: String| FollowError::Processor { url: url.clone(), reason };
        let ids: Vec<_> = payments.iter().map(|payment| payment.id.to_bytes()).collect();
        let lookup = Lookup::new(self.http.clone(), url.clone());
        let outcomes = lookup.outcomes(&ids).await.map_err(|error| failed(error.to_string()))?;
        let mut ended = 0;
        for (id, outcome) in ids.iter().zip(outcomes) {
            let Some(outcome) = outcome else { continue };
            if outcome.message.mandate_id != *id {
                return Err(failed("an outcome of another mandate".to_owned()));
            }
            ended += usize::from(self.issuer.take_outcome(outcome).await?);
        }
        Ok(ended)
    }

    /// What its processor says nothing of, or nothing that it signs, may be seen on chain.
    async fn ask_chain(
        &self,
        wallet: &WalletRecord,
        payments: &[&PaymentRecord],
    ) -> Result<usize, FollowError> {
        let Some(node) = self.nodes.get(&wallet.chain_id) else { return Ok(0) };
        if payments.is_empty() {
            return Ok(0);
        }
        let (block, time) = node.confirmed().await?;
        let mut ended = 0;
        for payment in payments {
            let is_over = payment.mandate.mandate.deadline < time;
            if is_over && !node.is_spent(wallet.wallet.0, payment, block).await? {
                let unspent = Unspent { mandate: payment.id, block, time };
                ended += usize::from(self.issuer.take_unspent(unspent).await?);
            }
        }
        Ok(ended)
    }
}
