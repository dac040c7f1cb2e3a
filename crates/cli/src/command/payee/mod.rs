//! `aep2 payee`: for those who take payments.

mod credits;
mod processors;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{onchain::block_on, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Watch(Box<watch::Arguments>),
    Show(credits::Show),
    Collect(credits::Collect),
    Threshold(credits::Threshold),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Watch(arguments) => return block_on(watch::run(arguments, output)),
        Command::Show(arguments) => block_on(credits::show(arguments, output))?,
        Command::Collect(arguments) => block_on(credits::collect(arguments, output))?,
        Command::Threshold(arguments) => block_on(credits::threshold(arguments, output))?,
    }
    Ok(ExitCode::SUCCESS)
}
