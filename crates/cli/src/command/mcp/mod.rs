//! `aep2 mcp`: selling tools over the Model Context Protocol, and paying for an agent.

mod sell;
mod stdio;
mod wallet;

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use self::stdio::END_MAX;
use crate::output::Output;

/// What to do
#[derive(Subcommand)]
pub(crate) enum Command {
    Sell(sell::Arguments),
    Wallet(wallet::Arguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    match command {
        Command::Sell(arguments) => runtime.block_on(sell::run(arguments, output)),
        Command::Wallet(arguments) => runtime.block_on(wallet::run(arguments)),
    }?;
    // Reading standard input cannot be broken off.
    runtime.shutdown_timeout(END_MAX);
    Ok(ExitCode::SUCCESS)
}
