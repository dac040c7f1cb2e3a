//! `aep2 withdraw`: money out takes two steps, so that it never outruns what was signed before.

use std::process::ExitCode;

use aep2_chain::{events::WalletEvent, wallet::units::BaseUnits};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy::primitives::Address;
use anyhow::ensure;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::rows;
use crate::{
    onchain::{
        amount::{self, Decimal, TokenInfo},
        block_on,
        deployed::{Deployed, TokenOptions},
        sending::{Sent, SigningNode, event_of},
        time_span::relative,
        tx_options::TxOptions,
    },
    output::Output,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    Request(Request),
    Cancel(Cancel),
    Execute(Execute),
}

/// Ask for tokens back
///
/// They can be debited until they are taken out, once the delay has passed, with `aep2 withdraw
/// execute`. A later request takes the place of an earlier one and waits anew.
#[derive(Args)]
#[command(
    after_help = "Example:\n  aep2 withdraw request --account 1 --amount 5 --key-file owner.key"
)]
pub(crate) struct Request {
    #[command(flatten)]
    how_much: HowMuch,

    #[command(flatten)]
    common: Common,
}

/// How much to withdraw.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct HowMuch {
    /// How much, as people write it: 12.5 is 12500000 base units of a token with 6 decimals
    #[arg(long, value_name = "TOKENS")]
    amount: Option<Decimal>,

    /// How much, in the token's base units
    #[arg(long, value_name = "N")]
    base_units: Option<BaseUnits>,

    /// Everything that is there now
    #[arg(long)]
    all: bool,
}

/// Cancel a pending withdrawal
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 withdraw cancel --account 1 --key-file owner.key")]
pub(crate) struct Cancel {
    #[command(flatten)]
    common: Common,
}

/// Execute a pending withdrawal, or what is left of it
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 withdraw execute --account 1 --key-file owner.key")]
pub(crate) struct Execute {
    /// Who gets it [default: the key that signs]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,

    #[command(flatten)]
    common: Common,
}

/// What all of them take.
#[derive(Args)]
struct Common {
    /// The account's number
    #[arg(long, value_name = "ID")]
    account: AccountId,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    tx: TxOptions,
}

/// What was done.
#[derive(Serialize)]
struct Done {
    account: AccountId,
    token: TokenInfo,
    /// What was requested, or withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_units: Option<BaseUnits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    /// From when on it can be taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    executable_from: Option<UnixTime>,
    /// Who got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Address>,
    transactions: Vec<Sent>,
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Request(arguments) => block_on(request(arguments, output))?,
        Command::Cancel(arguments) => block_on(cancel(&arguments.common, output))?,
        Command::Execute(arguments) => block_on(execute(arguments, output))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn request(arguments: &Request, output: &Output) -> anyhow::Result<()> {
    let common = &arguments.common;
    let (signing, deployed, token) = common.open().await?;
    let HowMuch { amount, base_units, all } = &arguments.how_much;
    let asked = if *all {
        let balance = deployed.wallet.purse(common.account, token.address).await?.balance;
        ensure!(balance > BaseUnits::ZERO, "account {} has no {}", common.account, token.name());
        balance
    } else {
        amount::base_units(amount.as_ref(), *base_units, &token)?
    };
    let call = deployed.wallet.id().request_withdrawal(common.account, token.address, asked);
    let (sent, receipt) = signing.send("request the withdrawal", &call, output).await?;
    let (amount, from) =
        event_of(&receipt, &deployed, "the withdrawal that was requested", |event| match event {
            WalletEvent::WithdrawalRequested { amount, executable_from, .. } => {
                Some((amount, executable_from))
            }
            _ => None,
        })?;
    let now = signing.node.now().await?;
    let done = Done {
        account: common.account,
        base_units: Some(amount),
        amount: token.decimal(amount),
        executable_from: Some(from),
        to: None,
        transactions: vec![sent],
        token,
    };
    output.result(&done, || {
        rows(&[
            ("account", done.account.to_string()),
            ("withdrawal", done.token.show(amount)),
            ("can be taken", format!("from {}", relative(from, now))),
        ])
    })
}

async fn cancel(common: &Common, output: &Output) -> anyhow::Result<()> {
    let (signing, deployed, token) = common.open().await?;
    let call = deployed.wallet.id().cancel_withdrawal(common.account, token.address);
    let (sent, _) = signing.send("cancel the withdrawal", &call, output).await?;
    let done = Done {
        account: common.account,
        token,
        base_units: None,
        amount: None,
        executable_from: None,
        to: None,
        transactions: vec![sent],
    };
    output.result(&done, || format!("account {}: no withdrawal is pending any more", done.account))
}

async fn execute(arguments: &Execute, output: &Output) -> anyhow::Result<()> {
    let common = &arguments.common;
    let (signing, deployed, token) = common.open().await?;
    let to = arguments.to.unwrap_or_else(|| signing.key.address());
    let call = deployed.wallet.id().execute_withdrawal(common.account, token.address, to);
    let (sent, receipt) = signing.send("execute the withdrawal", &call, output).await?;
    let amount = event_of(&receipt, &deployed, "what was taken out", |event| match event {
        WalletEvent::WithdrawalExecuted { amount, .. } => Some(amount),
        _ => None,
    })?;
    let done = Done {
        account: common.account,
        base_units: Some(amount),
        amount: token.decimal(amount),
        executable_from: None,
        to: Some(to),
        transactions: vec![sent],
        token,
    };
    output.result(&done, || {
        rows(&[
            ("account", done.account.to_string()),
            ("taken out", done.token.show(amount)),
            ("to", to.to_string()),
        ])
    })
}

impl Common {
    async fn open(&self) -> anyhow::Result<(SigningNode, Deployed, TokenInfo)> {
        let (signing, deployed) = self.tx.open().await?;
        let token = deployed.token(&self.token).await?;
        Ok((signing, deployed, token))
    }
}
