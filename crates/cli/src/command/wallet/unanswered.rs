//! `aep2 wallet unanswered`.

use std::process::ExitCode;

use aep2_payer::wallet::{Entry, State, Wallet};
use clap::Args;

use super::{
    history::amount,
    options::{self, WalletOptions},
};
use crate::{onchain::time_span::distance, output::Output};

/// Show the payments that were sent, or may have been, and have no final answer
///
/// Each counts as spent. The same request sends the same payment again, until its deadline; after that a
/// payee that does not have it cannot use it, and the same request pays anew.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let wallet = arguments.wallet.open()?;
    let entries = wallet.unanswered()?;
    output.result(&entries, || match entries.as_slice() {
        [] => "every payment has its answer".to_owned(),
        entries => {
            let lines: Vec<_> = entries.iter().map(|entry| line(&wallet, entry)).collect();
            lines.join("\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn line(wallet: &Wallet, entry: &Entry) -> String {
    let (when, amount) = (distance(entry.at, options::now()), amount(wallet, entry));
    let what = match &entry.request {
        Some(request) => format!("{} {}", request.method, request.resource),
        None => entry.host.clone(),
    };
    let receipt = match entry.state {
        State::Accepted { .. } => "has its receipt",
        _ => "no receipt",
    };
    let until = match entry.deadline < options::now() {
        true => "not sent again: past its deadline",
        false => "sent again by the same request",
    };
    format!("{when:20} {amount:>18}  {receipt:15} {until}\n  {what}\n  {}", entry.id)
}
