//! `aep2 processor`: what an operator asks of a processor on this machine.

mod backup;
mod control;
mod restore;
mod status;
mod switching;

use std::process::ExitCode;

use clap::Subcommand;

use crate::output::Output;

/// What is to be done.
#[derive(Subcommand)]
pub(crate) enum Command {
    Status(status::Arguments),
    Pause(switching::Pause),
    Resume(switching::Resume),
    Drain(switching::Drain),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
}

pub(crate) fn run(what: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match what {
        Command::Status(arguments) => status::run(arguments, output),
        Command::Pause(arguments) => switching::pause(arguments, output),
        Command::Resume(arguments) => switching::resume(arguments, output),
        Command::Drain(arguments) => switching::drain(arguments, output),
        Command::Backup(arguments) => backup::run(arguments, output),
        Command::Restore(arguments) => restore::run(arguments, output),
    }
}
