//! `aep2 dispute`: what payers, payees and arbiters do about a dispute.
//!
//! `open`, `answer`, `show`, `list` and `rule` ask the payment's processor, with a key. `cases`, `case`,
//! `decide`, `reject` and `evidence` ask a dispute processor (`aep2 dispute-processor`), with a judge's token.

mod answer;
mod asking;
mod attaching;
mod client;
mod judging;
mod list;
mod open;
mod rule;
mod show;
mod views;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{onchain::block_on, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Open(open::Arguments),
    Answer(answer::Arguments),
    Show(show::Arguments),
    List(list::Arguments),
    Rule(rule::Arguments),
    Cases(judging::CasesArguments),
    Case(judging::CaseArguments),
    Decide(judging::DecideArguments),
    Reject(judging::RejectArguments),
    Evidence(judging::EvidenceArguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Open(arguments) => block_on(open::run(arguments, output)),
        Command::Answer(arguments) => block_on(answer::run(arguments, output)),
        Command::Show(arguments) => block_on(show::run(arguments, output)),
        Command::List(arguments) => block_on(list::run(arguments, output)),
        Command::Rule(arguments) => block_on(rule::run(arguments, output)),
        Command::Cases(arguments) => block_on(judging::cases(arguments, output)),
        Command::Case(arguments) => block_on(judging::case(arguments, output)),
        Command::Decide(arguments) => block_on(judging::decide(arguments, output)),
        Command::Reject(arguments) => block_on(judging::reject(arguments, output)),
        Command::Evidence(arguments) => block_on(judging::evidence(arguments, output)),
    }
}
