//! `aep2 ceremony`: keys that nobody has to trust.

mod beacon;
mod begin;
mod contribute;
mod finish;
mod opened;
mod powers;
mod progress;
mod r1cs;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::{
    opened::{Opened, Options, now},
    powers::{described, to_json},
    progress::Steps,
};
use crate::output::Output;

/// The steps of a ceremony, in order.
#[derive(Subcommand)]
pub(crate) enum Command {
    Begin(begin::Arguments),
    Contribute(contribute::Arguments),
    Verify(verify::Arguments),
    Beacon(beacon::Arguments),
    Finish(finish::Arguments),
    R1cs(r1cs::Arguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Begin(arguments) => begin::run(arguments, output),
        Command::Contribute(arguments) => contribute::run(arguments, output),
        Command::Verify(arguments) => verify::run(arguments, output),
        Command::Beacon(arguments) => beacon::run(arguments, output),
        Command::Finish(arguments) => finish::run(arguments, output),
        Command::R1cs(arguments) => r1cs::run(arguments, output),
    }
}
