//! What the service answers, as far as these commands look at it.

use std::fmt;

use aep2_issuer::{
    ids::{BudgetId, CardId, WalletId},
    records::{BudgetRecord, CardRecord, Limit},
};
use aep2_mandate::units::{AccountId, ChainId};
use aep2_x402::terms::WireAddress;
use alloy::transports::http::reqwest::Url;
use anyhow::ensure;
use serde::Deserialize;

use super::client::Client;

/// A wallet.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wallet {
    pub(super) id: WalletId,
    pub(super) name: String,
    pub(super) account: Option<AccountId>,
    pub(super) processor_url: Url,
    pub(super) chain_id: ChainId,
    pub(super) wallet: WireAddress,
    pub(super) processor: WireAddress,
    pub(super) key_hash: String,
    pub(super) frozen: bool,
}

/// A card, and what of its limits is used.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Card {
    pub(super) card: CardRecord,
    pub(super) limits: Vec<LimitUse>,
    pub(super) payments: String,
}

/// A budget, and what of its limits is used.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Budget {
    pub(super) budget: BudgetRecord,
    pub(super) limits: Vec<LimitUse>,
}

/// A limit, and what of it is used, in base units.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LimitUse {
    pub(super) limit: Limit,
    pub(super) used: String,
}

/// Something that owners call by its id, or by its name.
pub(super) trait Called {
    /// What the service calls these.
    const KIND: &'static str;
    type Id: fmt::Display + Copy;
    fn id(&self) -> Self::Id;
    fn name(&self) -> &str;
}

impl Called for Wallet {
    const KIND: &'static str = "wallets";
    type Id = WalletId;

    fn id(&self) -> WalletId {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Called for Card {
    const KIND: &'static str = "cards";
    type Id = CardId;

    fn id(&self) -> CardId {
        self.card.id
    }

    fn name(&self) -> &str {
        &self.card.name
    }
}

impl Called for Budget {
    const KIND: &'static str = "budgets";
    type Id = BudgetId;

    fn id(&self) -> BudgetId {
        self.budget.id
    }

    fn name(&self) -> &str {
        &self.budget.name
    }
}

/// The one with this id, or the only one with this name.
pub(super) async fn find<T: Called + serde::de::DeserializeOwned>(
    client: &Client,
    called: &str,
) -> anyhow::Result<T> {
    let all: Vec<T> = client.list(T::KIND).await?;
    let kind = T::KIND.trim_end_matches('s');
    let (mut found, mut others) = (None, 0);
    for one in all {
        if one.id().to_string() == called {
            return Ok(one);
        }
        if one.name() == called {
            others += usize::from(found.is_some());
            found = Some(one);
        }
    }
    ensure!(others == 0, "several {kind}s are called {called:?}; give the id of one");
    found.ok_or_else(|| {
        anyhow::anyhow!("you have no {kind} {called:?}; `aep2 issuer {kind} list` shows all")
    })
}
