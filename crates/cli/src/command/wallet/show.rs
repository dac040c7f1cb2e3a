//! `aep2 wallet show`.

use std::process::ExitCode;

use aep2_mandate::units::Amount;
use aep2_payer::wallet::{TokenLimits, Wallet, WalletSettings};
use aep2_processor_client::lookup::{BaseUnits, Purse};
use aep2_x402::terms::WireAddress;
use clap::Args;
use serde::Serialize;

use super::options::{self, WalletOptions};
use crate::{command::rows, onchain::block_on, output::Output};

/// Show what the wallet's account has, and what was spent in the last 24 hours
///
/// What the account has is the processor's word; `aep2 account show` asks the chain, and says what withdrawals wait.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    settings: WalletSettings,
    /// Whether the processor takes mandates of the account; nothing when it has not seen it yet.
    served: Option<bool>,
    tokens: Vec<ShownToken>,
}

#[derive(Serialize)]
struct ShownToken {
    token: WireAddress,
    /// What the account has; base units.
    purse: Option<Purse>,
    /// What was signed for in the last 24 hours; base units.
    spent_in_24_hours: Amount,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let wallet = arguments.wallet.open()?;
    let shown = block_on(look(&wallet))?;
    output.result(&shown, || text(&shown))?;
    Ok(ExitCode::SUCCESS)
}

async fn look(wallet: &Wallet) -> anyhow::Result<Shown> {
    let settings = wallet.settings().clone();
    let status = wallet.balance(options::http(&settings.processor_url).build()?).await?;
    let payer = wallet.payer()?;
    let mut tokens = Vec::new();
    for own in &settings.limits.tokens {
        let purses = status.iter().flat_map(|status| &status.purses);
        tokens.push(ShownToken {
            token: own.token,
            purse: purses.clone().find(|purse| purse.token == own.token).cloned(),
            spent_in_24_hours: payer.spent(own.token.0, None).await?,
        });
    }
    Ok(Shown { served: status.map(|status| status.served), settings, tokens })
}

fn text(shown: &Shown) -> String {
    let settings = &shown.settings;
    let served = match shown.served {
        Some(true) => "",
        Some(false) => ", which does not take its mandates",
        None => ", which has not seen it yet",
    };
    let mut lines = vec![
        ("account", settings.account.to_string()),
        ("processor", format!("{}{served}", settings.processor_url)),
    ];
    for (own, shown) in settings.limits.tokens.iter().zip(&shown.tokens) {
        let money = |units: BaseUnits| show(own, units.0);
        match &shown.purse {
            Some(purse) => {
                lines.push(("free", money(purse.free)));
                lines.push(("reserved", money(purse.reserved)));
                lines.push(("balance", money(purse.balance)));
            }
            None => lines.push((
                "balance",
                "none that the processor has seen: a deposit counts once it has seen its block; `aep2 wallet \
                 fund` makes one"
                    .to_owned(),
            )),
        }
        let spent = own.show(shown.spent_in_24_hours);
        lines.push(("spent", format!("{spent} of {} in 24 hours", own.show(own.per_day))));
    }
    rows(&lines)
}

/// Base units that may be more than an amount can be.
fn show(own: &TokenLimits, units: u128) -> String {
    match Amount::new(units) {
        Ok(amount) => own.show(amount),
        Err(_) => format!("{units} base units of {}", own.token),
    }
}
