//! `aep2 account`: what an owner does with an account.

mod change;
mod open;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    Open(open::Arguments),
    Show(show::Arguments),
    RotateKey(change::RotateKey),
    RevokeKey(change::RevokeKey),
    ApplyChange(change::ApplyChange),
    CancelChange(change::CancelChange),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Open(arguments) => open::run(arguments, output),
        Command::Show(arguments) => show::run(arguments, output),
        Command::RotateKey(arguments) => change::rotate_key(arguments, output),
        Command::RevokeKey(arguments) => change::revoke_key(arguments, output),
        Command::ApplyChange(arguments) => change::apply(arguments, output),
        Command::CancelChange(arguments) => change::cancel(arguments, output),
    }
}
