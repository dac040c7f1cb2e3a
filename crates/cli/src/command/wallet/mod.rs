//! `aep2 wallet`: a directory from which an agent pays, and what its owner does with it.

mod create;
mod fund;
mod history;
mod limits;
pub(crate) mod options;
mod show;
mod unanswered;

use std::process::ExitCode;

use clap::Subcommand;

use crate::output::Output;

/// What a wallet is for
#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Box<create::Arguments>),
    Fund(fund::Arguments),
    Show(show::Arguments),
    Limits(limits::Arguments),
    History(history::Arguments),
    Unanswered(unanswered::Arguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => create::run(arguments, output),
        Command::Fund(arguments) => fund::run(arguments, output),
        Command::Show(arguments) => show::run(arguments, output),
        Command::Limits(arguments) => limits::run(arguments, output),
        Command::History(arguments) => history::run(arguments, output),
        Command::Unanswered(arguments) => unanswered::run(arguments, output),
    }
}
