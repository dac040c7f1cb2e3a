//! Amounts that owners write and read: with the decimals of the token, which the token itself says.

use std::collections::{BTreeMap, BTreeSet};

use aep2_chain::wallet::units::BaseUnits;
use aep2_mandate::units::Amount;
use aep2_processor_client::lookup::Lookup;
use alloy::primitives::Address;
use anyhow::{Context, ensure};
use clap::Args;

use super::{client::Client, views::Wallet};
use crate::{
    command::wallet::options::{http, in_base_units},
    onchain::{
        amount::{Decimal, TokenInfo},
        node::NodeOptions,
    },
};

/// The token that amounts are in.
#[derive(Args)]
pub(super) struct MoneyOptions {
    /// The token that amounts are in [default: the first that the wallet's processor takes]
    #[arg(long, value_name = "ADDRESS", env = "AEP2_TOKEN")]
    token: Option<Address>,

    /// How many decimals the token has; 0 where amounts are in base units [default: the token is asked]
    #[arg(long, value_name = "N")]
    decimals: Option<u8>,

    #[command(flatten)]
    node: NodeOptions,
}

impl MoneyOptions {
    /// The token of payments from a wallet.
    pub(super) async fn token(&self, wallet: &Wallet) -> anyhow::Result<TokenInfo> {
        let address = match self.token {
            Some(token) => token,
            None => first_token(wallet).await?,
        };
        if let Some(decimals) = self.decimals {
            ensure!(decimals <= 38, "--decimals: no token of 128 bits has more than 38");
            return Ok(TokenInfo { address, symbol: None, decimals: Some(decimals) });
        }
        let say = "say how many decimals the token has with --decimals, or name a node with --rpc";
        let node = self.node.connect().await.context(say)?;
        let (expected, found) = (wallet.chain_id, node.chain_id);
        ensure!(
            expected == found,
            "the wallet is on chain {expected}, and {} is a node of chain {found}; name one of that chain \
             with --rpc, or give --decimals",
            node.name
        );
        let token = TokenInfo::of(&node.provider, address).await;
        ensure!(token.decimals.is_some(), "{address} does not say how many decimals it has; {say}");
        Ok(token)
    }

    /// The same where no wallet is named: that of the owner's wallets, which have to agree.
    pub(super) async fn token_of_all(&self, client: &Client) -> anyhow::Result<TokenInfo> {
        let wallets: Vec<Wallet> = client.list("wallets").await?;
        let first = wallets.first().context("make a wallet first: `aep2 issuer wallet create`")?;
        let same = |one: &Wallet| {
            (one.chain_id, one.processor_url.clone())
                == (first.chain_id, first.processor_url.clone())
        };
        ensure!(
            wallets.iter().all(same) || (self.token.is_some() && self.decimals.is_some()),
            "your wallets are on several chains or processors; give --token and --decimals"
        );
        self.token(first).await
    }

    pub(super) fn node(&self) -> &NodeOptions {
        &self.node
    }
}

/// The first token that a wallet's processor takes.
async fn first_token(wallet: &Wallet) -> anyhow::Result<Address> {
    let url = &wallet.processor_url;
    let identity = Lookup::new(http(url).build()?, url.clone()).identity().await;
    let identity = identity.with_context(|| {
        format!("the processor {url} does not answer; name the token with --token")
    })?;
    Ok(identity.tokens.first().context("the processor takes no token")?.token.0)
}

/// An amount as people write it, in base units.
pub(super) fn units(amount: &Decimal, token: &TokenInfo) -> anyhow::Result<Amount> {
    in_base_units(amount, token.decimals)
}

/// What is known of tokens, to show amounts in them.
pub(super) struct Money {
    tokens: BTreeMap<Address, TokenInfo>,
}

impl Money {
    /// Asks the node about these tokens, if it is one of the wallets' chain. Where it is not, amounts are
    /// shown in base units: another chain's token of the same address may have other decimals.
    pub(super) async fn of(
        node: &NodeOptions,
        client: &Client,
        tokens: BTreeSet<Address>,
    ) -> anyhow::Result<Self> {
        let wallets: Vec<Wallet> = client.list("wallets").await?;
        let mut known = BTreeMap::new();
        if tokens.is_empty() {
            return Ok(Self { tokens: known });
        }
        if let Ok(node) = node.connect().await
            && wallets.iter().all(|wallet| wallet.chain_id == node.chain_id)
        {
            for token in tokens {
                known.insert(token, TokenInfo::of(&node.provider, token).await);
            }
        }
        Ok(Self { tokens: known })
    }

    /// None: all amounts are shown in base units.
    pub(super) fn none() -> Self {
        Self { tokens: BTreeMap::new() }
    }

    /// Only this one.
    pub(super) fn only(token: TokenInfo) -> Self {
        Self { tokens: BTreeMap::from([(token.address, token)]) }
    }

    /// An amount for people.
    pub(super) fn show(&self, token: Address, amount: u128) -> String {
        let amount = BaseUnits::new(amount);
        match self.tokens.get(&token) {
            Some(known) => known.show(amount),
            None => TokenInfo { address: token, symbol: None, decimals: None }.show(amount),
        }
    }
}
