//! `aep2 key`: Ethereum keys, and proving keys.

mod check;
mod new;
mod report;

use std::process::ExitCode;

use clap::Subcommand;

use crate::output::Output;

/// What can be done with keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    New(new::Arguments),
    Check(Box<check::Arguments>),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::New(arguments) => new::run(arguments, output),
        Command::Check(arguments) => check::run(arguments, output),
    }
}
