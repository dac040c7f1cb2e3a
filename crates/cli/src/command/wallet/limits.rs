//! `aep2 wallet limits`.

use std::process::ExitCode;

use aep2_payer::wallet::LimitSettings;
use alloy::primitives::Address;
use anyhow::Context;
use clap::Args;

use super::options::{AllowanceOptions, WalletOptions, WhomOptions};
use crate::{command::rows, output::Output};

/// Show what may be spent, or change it
///
/// Programs that pay from the wallet keep the limits that they found when they began: start them
/// again after a change.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 wallet limits\n  \
                        aep2 wallet limits --per-call 0.002 --per-day 0.5\n  \
                        aep2 wallet limits --host api.example.com --host 127.0.0.1:8080\n  \
                        aep2 wallet limits --any-host")]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,

    /// Change what may be spent in this token [default: the wallet's only one]
    #[arg(long, value_name = "ADDRESS")]
    token: Option<Address>,

    #[command(flatten)]
    allowance: AllowanceOptions,

    #[command(flatten)]
    whom: WhomOptions,

    /// Pay any host
    #[arg(long, conflicts_with = "hosts")]
    any_host: bool,

    /// Pay any payee
    #[arg(long, conflicts_with = "payees")]
    any_payee: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let mut wallet = arguments.wallet.open()?;
    let mut settings = wallet.settings().clone();
    if arguments.allowance.is_given() {
        let own = &mut settings.limits.tokens;
        let own = match arguments.token {
            Some(token) => own.iter_mut().find(|own| own.token.0 == token),
            None if own.len() == 1 => own.first_mut(),
            None => None,
        };
        let own = own.context("name one of the wallet's tokens with --token")?;
        arguments.allowance.apply(own)?;
    }
    arguments.whom.apply(&mut settings.limits);
    if arguments.any_host {
        settings.limits.hosts = None;
    }
    if arguments.any_payee {
        settings.limits.payees = None;
    }
    if settings != *wallet.settings() {
        wallet.set(settings)?;
    }
    let limits = &wallet.settings().limits;
    output.result(limits, || text(limits))?;
    Ok(ExitCode::SUCCESS)
}

fn text(limits: &LimitSettings) -> String {
    let mut lines = Vec::new();
    for own in &limits.tokens {
        lines.push(("token", own.symbol.clone().unwrap_or_else(|| own.token.to_string())));
        lines.push(("  per call", own.show(own.per_call)));
        lines.push(("  per host", format!("{} in 24 hours", own.show(own.per_host))));
        lines.push(("  per day", format!("{} in 24 hours", own.show(own.per_day))));
    }
    let list = |names: Option<Vec<String>>| match names {
        Some(names) if names.is_empty() => "none".to_owned(),
        Some(names) => names.join(", "),
        None => "any".to_owned(),
    };
    let hosts = limits.hosts.as_ref().map(|hosts| hosts.iter().cloned().collect());
    let payees = limits.payees.as_ref();
    let payees = payees.map(|payees| payees.iter().map(ToString::to_string).collect());
    lines.extend([("hosts", list(hosts)), ("payees", list(payees))]);
    rows(&lines)
}
