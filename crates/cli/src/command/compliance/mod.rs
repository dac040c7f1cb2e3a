//! `aep2 compliance`: set it up, look at what it knows, freeze, export.

mod client;
mod freezes;
mod init;
mod records;
mod subjects;
mod token;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::client::{OfficerOptions, text_of};
use crate::output::Output;

/// What is done with compliance.
#[derive(Subcommand)]
pub(crate) enum Command {
    Init(init::Arguments),
    Token(token::Arguments),
    Status(subjects::StatusArguments),
    Show(subjects::ShowArguments),
    Screen(subjects::ScreenArguments),
    Blocked(records::BlockedArguments),
    Records(records::RecordsArguments),
    TravelRule(records::TravelRuleArguments),
    Evidence(records::EvidenceArguments),
    Freezes(freezes::ListArguments),
    Freeze(freezes::FreezeArguments),
    Thaw(freezes::ThawArguments),
    AcceptShrink(freezes::ShrinkArguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(arguments) => init::run(arguments, output),
        Command::Token(arguments) => token::run(arguments, output),
        Command::Status(arguments) => subjects::status(arguments, output),
        Command::Show(arguments) => subjects::show(arguments, output),
        Command::Screen(arguments) => subjects::screen(arguments, output),
        Command::Blocked(arguments) => records::blocked(arguments, output),
        Command::Records(arguments) => records::records(arguments, output),
        Command::TravelRule(arguments) => records::travel_rule(arguments),
        Command::Evidence(arguments) => records::evidence(arguments, output),
        Command::Freezes(arguments) => freezes::list(arguments, output),
        Command::Freeze(arguments) => freezes::freeze(arguments, output),
        Command::Thaw(arguments) => freezes::thaw(arguments, output),
        Command::AcceptShrink(arguments) => freezes::accept_shrink(arguments, output),
    }
}
