//! `aep2 wallet history`.

use std::process::ExitCode;

use aep2_payer::wallet::{Entry, State, Wallet};
use clap::Args;

use super::options::{self, WalletOptions};
use crate::{onchain::time_span::distance, output::Output};

/// Show what was paid, the latest last
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,

    /// The last N payments only; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let wallet = arguments.wallet.open()?;
    let mut entries = wallet.history()?;
    if arguments.last > 0 {
        entries.drain(..entries.len().saturating_sub(arguments.last));
    }
    output.result(&entries, || match entries.as_slice() {
        [] => "nothing was paid yet".to_owned(),
        entries => {
            let lines: Vec<_> = entries.iter().map(|entry| line(&wallet, entry)).collect();
            lines.join("\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a payment came to, for people.
pub(super) fn amount(wallet: &Wallet, entry: &Entry) -> String {
    let paid = entry.captured.unwrap_or(entry.amount);
    match wallet.settings().token(entry.token.0) {
        Some(own) => own.show(paid),
        None => format!("{paid} base units of {}", entry.token),
    }
}

fn line(wallet: &Wallet, entry: &Entry) -> String {
    let amount = amount(wallet, entry);
    let state = match &entry.state {
        State::Unanswered => "not answered".to_owned(),
        State::Withheld => "not sent".to_owned(),
        State::Accepted { .. } => "accepted".to_owned(),
        State::Refused { reason } => format!("refused: {reason}"),
    };
    let when = distance(entry.at, options::now());
    format!("{when:20} {amount:>18}  {:24} {state:14} {}", entry.host, entry.id)
}
