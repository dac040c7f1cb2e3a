//! `aep2 wallet history`.

use std::process::ExitCode;

use aep2_mandate::units::Amount;
use aep2_payer::wallet::{Entry, State, Wallet};
use aep2_processor_client::{
    lookup::Lookup,
    refunds::{RefundStatus, RefundStep},
};
use clap::Args;
use serde::Serialize;

use super::options::{self, WalletOptions};
use crate::{
    onchain::{block_on, time_span::distance},
    output::Output,
};

/// Show what was paid, the latest last, and what was refunded
///
/// What was paid is what this wallet noted. Refunds are what payees signed, as the processor has it; it says
/// `refunded` of those whose money it saw go into the account.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,

    /// The last N payments only; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,

    /// Do not ask the processor for refunds
    #[arg(long)]
    offline: bool,
}

/// A payment with what came back of it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    /// What its payee signed to give back; none where that is not known.
    refunds: Option<Vec<RefundStatus>>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let wallet = arguments.wallet.open()?;
    let mut entries = wallet.history()?;
    if arguments.last > 0 {
        entries.drain(..entries.len().saturating_sub(arguments.last));
    }
    let mut shown: Vec<Shown> =
        entries.into_iter().map(|entry| Shown { entry, refunds: None }).collect();
    if !arguments.offline
        && let Err(error) = block_on(ask(&wallet, &mut shown))
    {
        output.note(format!("the processor does not say what was refunded: {error}"));
    }
    output.result(&shown, || match shown.as_slice() {
        [] => "nothing was paid yet".to_owned(),
        shown => {
            let lines: Vec<_> = shown.iter().map(|shown| line(&wallet, shown)).collect();
            lines.join("\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the processor for refunds of what it accepted, until it does not answer.
async fn ask(wallet: &Wallet, shown: &mut [Shown]) -> anyhow::Result<()> {
    let settings = wallet.settings();
    let http = options::http(&settings.processor_url).build()?;
    let lookup = Lookup::new(http, settings.processor_url.clone()).once();
    for shown in shown.iter_mut().rev() {
        if matches!(shown.entry.state, State::Accepted { .. }) {
            let id = shown.entry.id.to_bytes();
            let found = lookup.paid(id, settings.chain_id, settings.wallet.0).await?;
            shown.refunds = found.map(|found| found.refunds);
        }
    }
    Ok(())
}

/// What a payment came to, for people.
pub(super) fn amount(wallet: &Wallet, entry: &Entry) -> String {
    money(wallet, entry, entry.captured.unwrap_or(entry.amount))
}

fn money(wallet: &Wallet, entry: &Entry, amount: Amount) -> String {
    match wallet.settings().token(entry.token.0) {
        Some(own) => own.show(amount),
        None => format!("{amount} base units of {}", entry.token),
    }
}

fn line(wallet: &Wallet, shown: &Shown) -> String {
    let entry = &shown.entry;
    let amount = amount(wallet, entry);
    let state = match &entry.state {
        State::Unanswered => "not answered".to_owned(),
        State::Withheld => "not sent".to_owned(),
        State::Accepted { .. } => "accepted".to_owned(),
        State::Refused { reason } => format!("refused: {reason}"),
    };
    let when = distance(entry.at, options::now());
    let refunds = shown.refunds.iter().flatten().map(|own| {
        let amount = money(wallet, entry, own.refund.message.amount.amount());
        match own.status {
            RefundStep::Paid => format!("\n{:20} {amount:>18}  refunded", ""),
            RefundStep::Announced => {
                format!("\n{:20} {amount:>18}  refund announced, not paid", "")
            }
        }
    });
    let refunds: String = refunds.collect();
    format!("{when:20} {amount:>18}  {:24} {state:14} {}{refunds}", entry.host, entry.id)
}
