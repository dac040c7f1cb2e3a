//! `aep2 issuer`: a mandate service, and what owners do with it.
//!
//! Some commands work on the service's directory: `init`, `serve`, `owner`, `audit`, `rewrap`,
//! `restored`. All others ask
//! the service over HTTP with an owner's token.

mod approval;
mod audit;
mod budget;
mod card;
mod client;
mod config;
mod holder;
mod host;
mod init;
mod limits;
mod money;
mod owner;
mod payments;
mod restored;
mod restrictions;
mod rewrap;
mod serve;
mod show;
mod token_out;
mod views;
mod wallet;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{onchain::block_on, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(init::Arguments),
    Serve(serve::Arguments),
    /// Who has wallets and cards here. Needs the service's directory, and the service stopped
    Owner {
        #[command(subcommand)]
        what: owner::Command,
    },
    Audit(audit::Arguments),
    Rewrap(rewrap::Arguments),
    Restored(restored::Arguments),
    /// Accounts' keys that the service holds
    Wallet {
        #[command(subcommand)]
        what: wallet::Command,
    },
    /// What agents pay with
    Card {
        #[command(subcommand)]
        what: card::Command,
    },
    /// Limits that cards share
    Budget {
        #[command(subcommand)]
        what: Box<budget::Command>,
    },
    /// Who is paid at which host
    Host {
        #[command(subcommand)]
        what: host::Command,
    },
    /// What agents ask their owner
    Approval {
        #[command(subcommand)]
        what: approval::Command,
    },
    Payments(payments::Arguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(arguments) => init::run(arguments, output),
        Command::Serve(arguments) => serve::run(arguments, output),
        Command::Owner { what } => owner::run(what, output),
        Command::Audit(arguments) => audit::run(arguments, output),
        Command::Rewrap(arguments) => rewrap::run(arguments, output),
        Command::Restored(arguments) => restored::run(arguments, output),
        Command::Wallet { what } => block_on(wallet::run(what, output)),
        Command::Card { what } => block_on(card::run(what, output)),
        Command::Budget { what } => block_on(budget::run(what, output)),
        Command::Host { what } => block_on(host::run(what, output)),
        Command::Approval { what } => block_on(approval::run(what, output)),
        Command::Payments(arguments) => block_on(payments::run(arguments, output)),
    }
}
