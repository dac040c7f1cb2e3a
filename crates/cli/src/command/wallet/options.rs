//! What the commands that pay share: the wallet, its limits, the HTTP client.

use std::{path::PathBuf, time::Duration};

use aep2_mandate::units::{Amount, UnixTime};
use aep2_payer::wallet::{LimitSettings, TokenLimits, Wallet};
use alloy::{primitives::Address, transports::http::reqwest::Url};
use anyhow::Context;
use clap::Args;

use crate::onchain::{amount::Decimal, node::is_this_machine};

/// How long the next part of an answer is waited for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The wallet.
#[derive(Args)]
pub(crate) struct WalletOptions {
    /// The wallet's directory
    #[arg(long = "wallet", value_name = "DIR", env = "AEP2_WALLET", default_value = "aep2-wallet")]
    pub(crate) directory: PathBuf,
}

impl WalletOptions {
    /// The wallet that is there.
    pub(crate) fn open(&self) -> anyhow::Result<Wallet> {
        Ok(Wallet::open(&self.directory)?)
    }
}

/// What may be spent in one token.
#[derive(Args)]
pub(crate) struct AllowanceOptions {
    /// The most for one payment, in tokens: 0.01
    #[arg(long, value_name = "TOKENS")]
    per_call: Option<Decimal>,

    /// The most on one host in 24 hours, in tokens
    #[arg(long, value_name = "TOKENS")]
    per_host: Option<Decimal>,

    /// The most in 24 hours, in tokens
    #[arg(long, value_name = "TOKENS")]
    per_day: Option<Decimal>,
}

impl AllowanceOptions {
    /// Whether anything is set.
    pub(super) fn is_given(&self) -> bool {
        self.per_call.is_some() || self.per_host.is_some() || self.per_day.is_some()
    }

    /// Puts what is given into `limits`.
    pub(super) fn apply(&self, limits: &mut TokenLimits) -> anyhow::Result<()> {
        let decimals = limits.decimals;
        let set = |given: &Option<Decimal>, limit: &mut Amount| {
            if let Some(given) = given {
                *limit = in_base_units(given, decimals)?;
            }
            anyhow::Ok(())
        };
        set(&self.per_call, &mut limits.per_call)?;
        set(&self.per_host, &mut limits.per_host)?;
        set(&self.per_day, &mut limits.per_day)
    }
}

/// Who may be paid.
#[derive(Args)]
pub(crate) struct WhomOptions {
    /// Pay this host only, with its port where it is not the scheme's own; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,

    /// Pay this payee only; may be repeated
    #[arg(long = "payee", value_name = "ADDRESS")]
    payees: Vec<Address>,
}

impl WhomOptions {
    /// Puts what is given into `limits`.
    pub(super) fn apply(&self, limits: &mut LimitSettings) {
        if !self.hosts.is_empty() {
            limits.hosts = Some(self.hosts.iter().map(|host| host.to_lowercase()).collect());
        }
        if !self.payees.is_empty() {
            limits.payees = Some(self.payees.iter().copied().map(Into::into).collect());
        }
    }
}

/// Tokens as people write them, in base units.
pub(crate) fn in_base_units(amount: &Decimal, decimals: Option<u8>) -> anyhow::Result<Amount> {
    let decimals = decimals.context(
        "the wallet does not say how many decimals the token has; set `decimals` in wallet.toml",
    )?;
    Ok(Amount::new(amount.to_base_units(decimals)?.get())?)
}

/// An HTTP client's settings for what is at `url`.
pub(crate) fn http(url: &Url) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder().connect_timeout(WAIT_MAX).read_timeout(WAIT_MAX);
    // A proxy of the environment cannot reach this machine's own addresses.
    if is_this_machine(url) { client.no_proxy() } else { client }
}

/// The time now.
pub(crate) fn now() -> UnixTime {
    aep2_mandate::clock::Clock::system().now()
}
