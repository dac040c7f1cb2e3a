//! `aep2`: the command line of the AEP2 settlement engine.

mod command;
mod files;
mod load;
mod onchain;
mod output;
mod seed;
mod serving;

use std::{io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::output::Output;

/// Settlement engine for agent payments: many signed mandates, one transaction.
#[derive(Parser)]
#[command(name = "aep2", version, propagate_version = true)]
struct Arguments {
    /// Print results as JSON on standard output, and no progress
    #[arg(long, global = true)]
    json: bool,

    /// Print results only: no progress, no notes
    #[arg(long, short, global = true)]
    quiet: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(command::setup::Arguments),
    /// Make keys that nobody has to trust, together with others
    Ceremony {
        #[command(subcommand)]
        what: command::ceremony::Command,
    },
    Prove(command::prove::Arguments),
    Verify(command::verify::Arguments),
    Export(command::export::Arguments),
    Sample(command::sample::Arguments),
    Shapes(command::shapes::Arguments),
    /// Measure
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    Demo(command::demo::Arguments),
    Serve(command::serve::Arguments),
    /// A processor on this machine: how it stands, pause, drain, back up, restore
    Processor {
        #[command(subcommand)]
        what: command::processor::Command,
    },
    Audit(command::audit::Arguments),
    Chain(command::chain::Arguments),
    Deploy(command::deploy::Arguments),
    /// Open accounts, look at them, change them
    Account {
        #[command(subcommand)]
        what: command::account::Command,
    },
    /// Check that mandates were settled
    Inclusion {
        #[command(subcommand)]
        what: command::inclusion::Command,
    },
    Deposit(command::deposit::Arguments),
    /// Pay from: make a wallet, fund it, look at it, limit it
    Wallet {
        #[command(subcommand)]
        what: command::wallet::Command,
    },
    /// Cards: look at one, narrow it, hand it on
    Card {
        #[command(subcommand)]
        what: command::card::Command,
    },
    Pay(command::pay::Arguments),
    /// Keys: make an Ethereum key, check a ceremony's proving keys
    Key {
        #[command(subcommand)]
        what: command::key::Command,
    },
    Gateway(command::gateway::Arguments),
    /// Sell tools, and pay for an agent, over the Model Context Protocol
    Mcp {
        #[command(subcommand)]
        what: command::mcp::Command,
    },
    /// Issue payments for agents within their owners' limits: cards, budgets, approvals
    Issuer {
        #[command(subcommand)]
        what: Box<command::issuer::Command>,
    },
    /// Who is served: set it up, look at what is known, freeze, export records
    Compliance {
        #[command(subcommand)]
        what: Box<command::compliance::Command>,
    },
    /// What officers have to decide
    Case {
        #[command(subcommand)]
        what: command::case::Command,
    },
    /// Taking payments: have receipts watched, see what is owed and have it sent
    Payee {
        #[command(subcommand)]
        what: command::payee::Command,
    },
    /// Object to a payment, answer, decide
    Dispute {
        #[command(subcommand)]
        what: Box<command::dispute::Command>,
    },
    /// Decide disputes that name your key: set it up, run it
    DisputeProcessor {
        #[command(subcommand)]
        what: Box<command::dispute_processor::Command>,
    },
    /// What stands behind a processor's receipts
    Bond {
        #[command(subcommand)]
        what: command::bond::Command,
    },
    /// What receipts are worth; demand and claim what was not paid
    Receipt {
        #[command(subcommand)]
        what: command::receipt::Command,
    },
    Refund(command::refund::Arguments),
    /// Take tokens out of an account
    Withdraw {
        #[command(subcommand)]
        what: command::withdraw::Command,
    },
}

#[derive(Subcommand)]
enum Bench {
    Accept(command::bench_accept::Arguments),
    Issue(command::bench_issue::Arguments),
    Prove(command::bench_prove::Arguments),
    Settle(command::bench_settle::Arguments),
}

impl Command {
    /// Whether it is a service that begins its own logs.
    fn logs_by_itself(&self) -> bool {
        match self {
            Self::Serve(_) => true,
            Self::Issuer { what } => matches!(**what, command::issuer::Command::Serve(_)),
            Self::DisputeProcessor { what } => {
                matches!(**what, command::dispute_processor::Command::Serve(_))
            }
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    let Arguments { json, quiet, command } = Arguments::parse();
    // A service logs as its settings say.
    if !command.logs_by_itself() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .without_time()
            .with_max_level(tracing::Level::WARN)
            .init();
    }
    let output = Output::new(json, quiet);
    let done = match command {
        Command::Setup(arguments) => command::setup::run(&arguments, &output),
        Command::Ceremony { what } => command::ceremony::run(&what, &output),
        Command::Prove(arguments) => command::prove::run(&arguments, &output),
        Command::Verify(arguments) => command::verify::run(&arguments, &output),
        Command::Export(arguments) => command::export::run(&arguments, &output),
        Command::Sample(arguments) => command::sample::run(&arguments, &output),
        Command::Shapes(arguments) => command::shapes::run(&arguments, &output),
        Command::Bench { what: Bench::Accept(arguments) } => {
            command::bench_accept::run(&arguments, &output)
        }
        Command::Bench { what: Bench::Issue(arguments) } => {
            command::bench_issue::run(&arguments, &output)
        }
        Command::Bench { what: Bench::Prove(arguments) } => {
            command::bench_prove::run(&arguments, &output)
        }
        Command::Bench { what: Bench::Settle(arguments) } => {
            command::bench_settle::run(&arguments, &output)
        }
        Command::Demo(arguments) => command::demo::run(&arguments, &output),
        Command::Serve(arguments) => command::serve::run(&arguments, &output),
        Command::Processor { what } => command::processor::run(&what, &output),
        Command::Audit(arguments) => command::audit::run(&arguments, &output),
        Command::Chain(arguments) => command::chain::run(&arguments, &output),
        Command::Deploy(arguments) => command::deploy::run(&arguments, &output),
        Command::Account { what } => command::account::run(&what, &output),
        Command::Inclusion { what } => command::inclusion::run(&what, &output),
        Command::Wallet { what } => command::wallet::run(&what, &output),
        Command::Card { what } => command::card::run(&what, &output),
        Command::Key { what } => command::key::run(&what, &output),
        Command::Pay(arguments) => command::pay::run(&arguments, &output),
        Command::Gateway(arguments) => command::gateway::run(&arguments, &output),
        Command::Mcp { what } => command::mcp::run(&what, &output),
        Command::Issuer { what } => command::issuer::run(&what, &output),
        Command::Refund(arguments) => command::refund::run(&arguments, &output),
        Command::Deposit(arguments) => command::deposit::run(&arguments, &output),
        Command::Compliance { what } => command::compliance::run(&what, &output),
        Command::Case { what } => command::case::run(&what, &output),
        Command::Dispute { what } => command::dispute::run(&what, &output),
        Command::DisputeProcessor { what } => command::dispute_processor::run(&what, &output),
        Command::Bond { what } => command::bond::run(&what, &output),
        Command::Payee { what } => command::payee::run(&what, &output),
        Command::Receipt { what } => command::receipt::run(&what, &output),
        Command::Withdraw { what } => command::withdraw::run(&what, &output),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::from(2)
        }
    }
}
