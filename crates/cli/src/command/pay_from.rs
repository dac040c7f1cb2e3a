//! What the commands that pay take money from: a wallet, or a card.

use std::path::PathBuf;

use aep2_mandate::clock::Clock;
use aep2_payer::{
    Payer, PayingClient,
    card::CardFile,
    wallet::{Wallet, WalletSettings},
};
use alloy::transports::http::reqwest::ClientBuilder;
use anyhow::Context;
use clap::Args;

use super::wallet::options::{WalletOptions, http};

/// A wallet or a card.
#[derive(Args)]
pub(crate) struct PayFromOptions {
    /// Pay with the card in this file, instead of from a wallet
    #[arg(long = "card", value_name = "FILE", env = "AEP2_CARD", hide_env_values = true)]
    card: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) wallet: WalletOptions,
}

impl PayFromOptions {
    /// The card, where there is one: it comes before the wallet.
    pub(crate) fn card(&self) -> anyhow::Result<Option<CardFile>> {
        let read = |path: &PathBuf| Ok(CardFile::read(path)?);
        self.card.as_ref().map(read).transpose()
    }
}

/// What is paid from, opened.
pub(crate) struct Source {
    /// The client that pays.
    pub(crate) client: PayingClient,
    /// What is known of the account.
    pub(crate) settings: WalletSettings,
}

impl Source {
    /// A wallet.
    pub(crate) fn wallet(wallet: &Wallet, builder: ClientBuilder) -> anyhow::Result<Self> {
        Ok(Self { client: wallet.client(builder)?, settings: wallet.settings().clone() })
    }

    /// A card, whose issuer says what it pays from.
    pub(crate) async fn card(card: CardFile, builder: ClientBuilder) -> anyhow::Result<Self> {
        let asking = http(card.issuer()).build()?;
        let payer = Payer::with_card(card, asking, Clock::system()).await?;
        let settings = payer.pays_from().and_then(WalletSettings::of_card);
        Ok(Self {
            client: PayingClient::with_http(payer, builder)?,
            settings: settings.context("the card's wallet has no account on chain yet")?,
        })
    }
}
