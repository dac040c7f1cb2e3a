//! `aep2 dispute-processor`: a program that decides disputes. What its judges do is in `aep2 dispute`.

mod audit;
mod config;
mod init;
mod serve;
mod token;

use std::process::ExitCode;

use clap::Subcommand;

use crate::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(init::Arguments),
    Serve(serve::Arguments),
    Token(token::Arguments),
    Audit(audit::Arguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(arguments) => init::run(arguments, output),
        Command::Serve(arguments) => serve::run(arguments, output),
        Command::Token(arguments) => token::run(arguments, output),
        Command::Audit(arguments) => audit::run(arguments, output),
    }
}
