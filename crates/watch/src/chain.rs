//! The chain, as far as a watcher asks it: each question with a time limit.

use std::{fmt::Display, time::Duration};

use aep2_chain::{
    deployment::Deployment,
    error::ChainError,
    inclusion::{NotSettled, SettledTransaction},
    token::Token,
    wallet::{
        Purse, Wallet, WalletId,
        error::WalletError,
        guarantee::{Demand, Guarantee, Paid, Periods, SignerStanding},
        units::BaseUnits,
    },
};
use aep2_mandate::{
    typed_data::receipt::Receipt,
    units::{AccountId, UnixTime},
};
use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, U256},
    providers::{DynProvider, Provider},
};

use crate::error::WatchError;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) time: UnixTime,
    pub(crate) base_fee_wei: u128,
}

/// The contracts of a deployment, through a node.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) provider: DynProvider,
    pub(crate) deployment: Deployment,
    wallet: Wallet<DynProvider>,
    guarantee: Guarantee<DynProvider>,
}

impl Chain {
    pub(crate) fn new(provider: DynProvider, deployment: Deployment) -> Self {
        let id = deployment.wallet_id();
        let wallet = Wallet::unchecked(provider.clone(), id);
        let guarantee = Guarantee::unchecked(provider.clone(), id.guarantee());
        Self { provider, deployment, wallet, guarantee }
    }

    pub(crate) fn wallet_id(&self) -> WalletId {
        self.deployment.wallet_id()
    }

    pub(crate) fn periods(&self) -> Periods {
        self.deployment.wallet.periods
    }

    pub(crate) async fn head(&self) -> Result<Head, WatchError> {
        let asked = "for its newest block";
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest);
        let block = ask(asked, async { block.await.map_err(ChainError::from) }).await?;
        let bad = |reason: String| WatchError::Node { asked, reason };
        let header = block.ok_or_else(|| bad("it has none".to_owned()))?.header;
        Ok(Head {
            number: header.number,
            time: UnixTime::new(header.timestamp).map_err(|error| bad(error.to_string()))?,
            base_fee_wei: u128::from(header.base_fee_per_gas.unwrap_or(0)),
        })
    }

    /// What a transaction settled, or why it settled nothing. None where the node does not say: a processor
    /// names the transaction, and it may be of a kind that the node or this software cannot read.
    pub(crate) async fn settlement(
        &self,
        transaction: B256,
    ) -> Option<Result<SettledTransaction, String>> {
        let reading = SettledTransaction::read(&self.provider, self.wallet_id(), transaction);
        match tokio::time::timeout(ANSWER_MAX, reading).await {
            Ok(Err(NotSettled::Chain(error))) => {
                tracing::warn!(%transaction, %error, "what it settled cannot be read");
                None
            }
            Ok(settled) => Some(settled.map_err(|error| error.to_string())),
            Err(_) => {
                tracing::warn!(%transaction, "what it settled was not said in time");
                None
            }
        }
    }

    pub(crate) async fn demand(&self, digest: B256) -> Result<Option<Demand>, WatchError> {
        ask("about a demand", self.guarantee.demand(digest)).await
    }

    pub(crate) async fn paid(&self, receipt: &Receipt) -> Result<Paid, WatchError> {
        ask("what was paid", self.guarantee.paid(receipt)).await
    }

    pub(crate) async fn is_spent(&self, receipt: &Receipt) -> Result<bool, WatchError> {
        let spent = self.wallet.is_spent(receipt.account, receipt.token, receipt.nonce);
        ask("whether a nonce is spent", spent).await
    }

    /// Whether an account's processor is another one; also where there is no such account.
    pub(crate) async fn is_moved(
        &self,
        account: AccountId,
        processor: Address,
    ) -> Result<bool, WatchError> {
        let found = tokio::time::timeout(ANSWER_MAX, self.wallet.account(account)).await;
        match found.map_err(|_| timed_out("about an account"))? {
            Ok(found) => Ok(found.terms.processor != processor),
            Err(ChainError::Reverted(WalletError::UnknownAccount { .. })) => Ok(true),
            Err(error) => Err(WatchError::node("about an account", &error)),
        }
    }

    pub(crate) async fn signer(
        &self,
        processor: Address,
        signer: Address,
    ) -> Result<Option<SignerStanding>, WatchError> {
        ask("about a signer", self.guarantee.signer(processor, signer)).await
    }

    pub(crate) async fn bond(
        &self,
        processor: Address,
        payee: Option<Address>,
        token: Address,
    ) -> Result<Purse, WatchError> {
        ask("about a bond", self.guarantee.bond(processor, payee, token)).await
    }

    pub(crate) async fn deposit_for(&self, demands: usize) -> Result<U256, WatchError> {
        ask("about a deposit", self.guarantee.deposit_for(demands as u64)).await
    }

    /// Ether that somebody has.
    pub(crate) async fn balance(&self, owner: Address) -> Result<U256, WatchError> {
        let balance = self.provider.get_balance(owner);
        ask("what the key has", async { balance.await.map_err(ChainError::from) }).await
    }

    /// Ether that somebody has in the guarantee.
    pub(crate) async fn ether(&self, owner: Address) -> Result<U256, WatchError> {
        ask("about deposits that came back", self.guarantee.ether(owner)).await
    }

    /// What a token refused to pay a payee when it was claimed.
    pub(crate) async fn credit(
        &self,
        token: Address,
        payee: Address,
    ) -> Result<BaseUnits, WatchError> {
        ask("about a credit", self.guarantee.credit(token, payee)).await
    }

    pub(crate) async fn decimals(&self, token: Address) -> Result<u8, WatchError> {
        ask("about a token", Token::new(self.provider.clone(), token).decimals()).await
    }
}

/// An answer that comes in time.
async fn ask<T, E: Display>(
    asked: &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, WatchError> {
    let answer = tokio::time::timeout(ANSWER_MAX, answer).await.map_err(|_| timed_out(asked))?;
    answer.map_err(|error| WatchError::Node { asked, reason: error.to_string() })
}

fn timed_out(asked: &'static str) -> WatchError {
    WatchError::Node { asked, reason: format!("within {} s", ANSWER_MAX.as_secs()) }
}
