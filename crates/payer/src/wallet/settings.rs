//! `wallet.toml`: who pays, from where, and within which limits.

use std::collections::BTreeSet;

use aep2_mandate::{
    units::{AccountId, Amount, ChainId, decimal},
    wire::Strict,
};
use aep2_x402::{purchase::Venue, terms::WireAddress};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    card::PaysFrom,
    limits::{Allowance, Limits},
};

/// The settings of a wallet. Amounts are in base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletSettings {
    /// The account that pays.
    pub account: AccountId,
    /// The processor's address on the net.
    pub processor_url: Url,
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: WireAddress,
    /// The processor, by the address that signs its receipts.
    pub processor: WireAddress,
    /// Whom it lets decide about [disputes](aep2_x402::disputes). Terms that name anybody else are not signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arbiters: Vec<WireAddress>,
    /// What may be spent.
    #[serde(default)]
    pub limits: LimitSettings,
}

/// What may be spent, as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// The hosts that may be paid, with the port where it is not the scheme's own; any, when not
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<BTreeSet<String>>,
    /// The payees that may be paid; any, when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payees: Option<Vec<WireAddress>>,
    /// The tokens that may be paid in; no others.
    #[serde(default)]
    pub tokens: Vec<TokenLimits>,
}

/// What may be spent in one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenLimits {
    /// The token.
    pub token: WireAddress,
    /// What it is called, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// How many decimals people write it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// In one payment.
    pub per_call: Amount,
    /// On one host, in 24 hours.
    pub per_host: Amount,
    /// In all, in 24 hours.
    pub per_day: Amount,
}

impl WalletSettings {
    /// Those of what a card pays from, for showing them. There are no limits in them: its issuer
    /// keeps them. None where the card has no account yet.
    pub fn of_card(pays_from: &PaysFrom) -> Option<Self> {
        Some(Self {
            account: pays_from.account?,
            processor_url: pays_from.processor_url.clone(),
            chain_id: pays_from.chain_id,
            wallet: pays_from.wallet,
            processor: pays_from.processor,
            arbiters: Vec::new(),
            limits: LimitSettings::default(),
        })
    }

    /// Where payments count.
    pub fn venue(&self) -> Venue {
        Venue { chain: self.chain_id, wallet: self.wallet.0, processor: self.processor.0 }
    }

    /// The limits, as payers keep them.
    pub fn limits(&self) -> Limits {
        let LimitSettings { hosts, payees, tokens } = &self.limits;
        let allowance = |own: &TokenLimits| Allowance {
            per_call: own.per_call,
            per_host: own.per_host,
            per_day: own.per_day,
        };
        Limits {
            tokens: tokens.iter().map(|own| (own.token.0, allowance(own))).collect(),
            payees: payees.as_ref().map(|payees| payees.iter().map(|payee| payee.0).collect()),
            hosts: hosts
                .as_ref()
                .map(|hosts| hosts.iter().map(|host| host.to_lowercase()).collect()),
        }
    }

    /// What is set for a token.
    pub fn token(&self, token: Address) -> Option<&TokenLimits> {
        self.limits.tokens.iter().find(|own| own.token.0 == token)
    }

    /// The first token that is set for twice.
    pub(super) fn token_set_twice(&self) -> Option<Strict<Address>> {
        let mut seen = BTreeSet::new();
        let mut tokens = self.limits.tokens.iter().map(|own| own.token.0);
        tokens.find(|token| !seen.insert(*token)).map(Strict)
    }
}

impl TokenLimits {
    /// An amount as people write it, with the token's symbol: `0.0125 TUSD`. In base units where
    /// the token's decimals are not known.
    pub fn show(&self, amount: Amount) -> String {
        let name = self.symbol.clone().unwrap_or_else(|| self.token.to_string());
        match self.decimals {
            Some(decimals) => format!("{} {name}", decimal(amount.get(), decimals)),
            None => format!("{amount} base units of {name}"),
        }
    }
}
