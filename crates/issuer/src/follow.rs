//! A task that finds out what became of payments: it asks the processors, and the chains where a
//! processor does not say.

use std::{collections::BTreeMap, time::Duration};

use aep2_mandate::{
    mandate::MandateId,
    typed_data::outcome::{OutcomeStatus, SignedOutcome},
    units::{ChainId, UnixTime},
};
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
use tokio::task::{JoinError, JoinSet};
use url::Url;

use crate::{
    endings::Unspent,
    error::IssuerError,
    ids::{OwnerId, WalletId},
    issuer::Issuer,
    records::{PaymentRecord, WalletRecord},
};

sol! {
    /// Whether a nonce of an account in a token is spent.
    function isSpent(uint32 account, address token, uint64 nonce) external view returns (bool);
}

/// How many wallets are asked about at once.
const WALLETS_AT_ONCE: usize = 16;
/// How long asking about one wallet's payments may take.
const WALLET_WITHIN: Duration = Duration::from_secs(60);
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
    /// The node at `url`. A block counts as confirmed with at least one on top of it. A node that does not
    /// answer in time is an error, and not waited for for ever.
    pub fn new(url: Url, confirmations: u64) -> Self {
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).build().unwrap_or_default();
        let provider = ProviderBuilder::new().connect_reqwest(http, url).erased();
        Self { provider, confirmations: confirmations.max(1) }
    }

    /// The latest confirmed block of the chain that it has to be of: the same addresses elsewhere say that
    /// nothing is spent.
    async fn confirmed(&self, expected: ChainId) -> Result<Confirmed<'_>, FollowError> {
        let found = self.provider.get_chain_id().await.map_err(chain)?;
        if found != expected.get() {
            return Err(FollowError::Chain(format!("it is of chain {found}, not of {expected}")));
        }
        let head = self.provider.get_block_number().await.map_err(chain)?;
        let number = head.saturating_sub(self.confirmations);
        let block = self.provider.get_block(BlockId::number(number)).await.map_err(chain)?;
        let block = block.ok_or_else(|| FollowError::Chain(format!("it has no block {number}")))?;
        let time = UnixTime::new(block.header.timestamp);
        let time = time.map_err(|error| FollowError::Chain(error.to_string()))?;
        Ok(Confirmed { node: self, number, time })
    }
}

/// A confirmed block, asked for once for many payments.
struct Confirmed<'a> {
    node: &'a ChainNode,
    number: u64,
    time: UnixTime,
}

impl Confirmed<'_> {
    /// Whether a payment's nonce is spent in it.
    async fn is_spent(
        &self,
        wallet: Address,
        payment: &PaymentRecord,
    ) -> Result<bool, FollowError> {
        let terms = &payment.mandate.mandate;
        let call = isSpentCall {
            account: terms.account.get(),
            token: terms.token,
            nonce: terms.nonce.get(),
        };
        let request = TransactionRequest::default().with_to(wallet).with_input(call.abi_encode());
        let at = BlockId::number(self.number);
        let answer = self.node.provider.call(request).block(at).await;
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
    /// The chain says something else than the processor.
    #[error("what the processor says of {mandate} is not what the chain has, or not yet")]
    Contradicted {
        /// The mandate.
        mandate: MandateId,
    },
    /// Asking about a wallet's payments took too long.
    #[error("asking about the payments of {wallet} took too long")]
    TooSlow {
        /// The wallet.
        wallet: WalletId,
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

    /// Asks once about all that is outstanding, each wallet for itself. Gives how many payments ended.
    ///
    /// # Errors
    /// The first that went wrong. Everything else was asked all the same.
    pub async fn look(&self) -> Result<usize, FollowError> {
        let mut by_wallet: BTreeMap<_, Vec<PaymentRecord>> = BTreeMap::new();
        for payment in self.issuer.outstanding(|_| true)? {
            by_wallet.entry((payment.owner, payment.wallet)).or_default().push(payment);
        }
        let (mut ended, mut failed) = (0, None);
        let mut looking = JoinSet::new();
        for ((owner, id), payments) in by_wallet {
            // One owner's processor that does not answer is not waited for by all.
            if looking.len() >= WALLETS_AT_ONCE {
                collect(looking.join_next().await, &mut ended, &mut failed);
            }
            let follower = self.clone();
            looking.spawn(async move {
                let of_wallet = follower.look_at(owner, id, payments);
                let in_time = tokio::time::timeout(WALLET_WITHIN, of_wallet).await;
                in_time.unwrap_or(Err(FollowError::TooSlow { wallet: id }))
            });
        }
        while let Some(looked) = looking.join_next().await {
            collect(Some(looked), &mut ended, &mut failed);
        }
        failed.map_or(Ok(ended), Err)
    }

    /// Asks about the payments from one wallet.
    async fn look_at(
        &self,
        owner: OwnerId,
        id: WalletId,
        payments: Vec<PaymentRecord>,
    ) -> Result<usize, FollowError> {
        let wallets = self.issuer.wallets(owner)?;
        let Some(wallet) = wallets.into_iter().find(|wallet| wallet.id == id) else {
            return Ok(0);
        };
        let (mut ended, mut failed) = (0, None);
        for payments in payments.chunks(TOGETHER_MAX) {
            match self.ask_processor(&wallet, payments).await {
                Ok(found) => ended += found,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match self.ask_chain(&wallet, &payments).await {
            Ok(found) => ended += found,
            Err(error) => failed = failed.or(Some(error)),
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
        if outcomes.iter().all(Option::is_none) {
            return Ok(0);
        }
        // A block from after the answer: what settled in between is no contradiction.
        let confirmed = self.confirmed(wallet).await?;
        let (mut ended, mut wrong) = (0, None);
        for (payment, outcome) in payments.iter().zip(outcomes) {
            let Some(outcome) = outcome else { continue };
            let taken = if outcome.message.mandate_id == payment.id.to_bytes() {
                self.take(wallet, payment, outcome, confirmed.as_ref()).await
            } else {
                Err(failed("an outcome of another mandate".to_owned()))
            };
            match taken {
                Ok(is_news) => ended += usize::from(is_news),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        wrong.map_or(Ok(ended), Err)
    }

    /// The latest confirmed block of a wallet's chain; nothing where no node is set.
    async fn confirmed(&self, wallet: &WalletRecord) -> Result<Option<Confirmed<'_>>, FollowError> {
        match self.nodes.get(&wallet.chain_id) {
            Some(node) => Ok(Some(node.confirmed(wallet.chain_id).await?)),
            None => Ok(None),
        }
    }

    /// Takes an outcome that the chain does not contradict: what is said to be settled has a spent nonce in
    /// a confirmed block, and what is said to have expired has none, past the deadline. Where no node is
    /// set, the processor's word is all there is.
    async fn take(
        &self,
        wallet: &WalletRecord,
        payment: &PaymentRecord,
        outcome: SignedOutcome,
        confirmed: Option<&Confirmed<'_>>,
    ) -> Result<bool, FollowError> {
        if let Some(confirmed) = confirmed {
            let is_spent = confirmed.is_spent(wallet.wallet.0, payment).await?;
            let agrees = match outcome.message.status {
                OutcomeStatus::Settled | OutcomeStatus::Failed => is_spent,
                OutcomeStatus::Expired => {
                    !is_spent && confirmed.time > payment.mandate.mandate.deadline
                }
            };
            if !agrees {
                return Err(FollowError::Contradicted { mandate: payment.id });
            }
        }
        Ok(self.issuer.take_outcome(outcome).await?)
    }

    /// What its processor says nothing of, or nothing that it signs, may be seen on chain.
    async fn ask_chain(
        &self,
        wallet: &WalletRecord,
        payments: &[PaymentRecord],
    ) -> Result<usize, FollowError> {
        let now = self.issuer.now();
        if payments.iter().all(|one| one.mandate.mandate.deadline >= now) {
            return Ok(0);
        }
        let Some(confirmed) = self.confirmed(wallet).await? else { return Ok(0) };
        let Confirmed { number: block, time, .. } = confirmed;
        let mut ended = 0;
        for payment in payments.iter().filter(|one| one.mandate.mandate.deadline < time) {
            if !confirmed.is_spent(wallet.wallet.0, payment).await? {
                let unspent = Unspent { mandate: payment.id, block, time };
                ended += usize::from(self.issuer.take_unspent(unspent).await?);
            }
        }
        Ok(ended)
    }
}

/// Adds up what one wallet's look led to.
fn collect(
    looked: Option<Result<Result<usize, FollowError>, JoinError>>,
    ended: &mut usize,
    failed: &mut Option<FollowError>,
) {
    match looked {
        Some(Ok(Ok(found))) => *ended += found,
        Some(Ok(Err(error))) => *failed = failed.take().or(Some(error)),
        Some(Err(error)) => {
            let error = FollowError::Issuer(IssuerError::Internal(error.to_string()));
            *failed = failed.take().or(Some(error));
        }
        None => {}
    }
}
