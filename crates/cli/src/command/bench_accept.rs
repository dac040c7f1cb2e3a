//! `aep2 bench accept`.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::rows;
use crate::{
    load::{self, Figures, Plan},
    onchain::block_on,
    output::{Output, count},
};

/// Measure how many mandates are accepted a second, over HTTP, with everything on the disk
///
/// Starts a real `aep2 serve` on a temporary directory with its own embedded chain, opens accounts,
/// signs all mandates beforehand, chained as payers chain them, and sends them one a request over
/// connections that stay open. Nothing is settled meanwhile: what is measured is accepting. Generator
/// and server share the machine.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 bench accept --json\n  \
                        aep2 bench accept --listed 100000\n  \
                        aep2 bench accept --clients 64 --seconds 30 --payers 256 --kill")]
pub(crate) struct Arguments {
    /// Connections, each with one request under way
    #[arg(long, value_name = "C", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    clients: u32,

    /// How long to measure
    #[arg(long, value_name = "T", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,

    /// Accounts that pay
    #[arg(long, value_name = "K", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    payers: u32,

    /// How many mandates a second to have signed in store; when they run out, measuring ends
    #[arg(long, value_name = "N", default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    store_per_s: u32,

    /// Threads that serve requests [default: as the server has it]
    #[arg(long, value_name = "N", default_value_t = 0)]
    server_threads: u32,

    /// Look up payers and payees in a sanctions list of so many addresses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    listed: Option<u32>,

    /// Kill the server in the middle (SIGKILL), start it again, and look up every mandate whose
    /// receipt was received: ends with 1 if one is missing
    #[arg(long)]
    kill: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let plan = Plan {
        clients: arguments.clients as usize,
        warm_up: Duration::from_secs(1),
        measured: Duration::from_secs(arguments.seconds.into()),
        payers: arguments.payers as usize,
        store_per_s: arguments.store_per_s.into(),
        server_threads: arguments.server_threads as usize,
        listed: arguments.listed.map(|listed| listed as usize),
        kill: arguments.kill,
    };
    let figures = block_on(load::run(&plan, output))?;
    output.result(&figures, || table(&figures))?;
    let missing = figures.killed.as_ref().is_some_and(|killed| killed.missing > 0);
    Ok(ExitCode::from(u8::from(missing)))
}

fn table(figures: &Figures) -> String {
    let mut lines = vec![
        ("machine", figures.machine.to_string()),
        (
            "load",
            format!(
                "{}, {}, {:.1} s",
                count(figures.clients, "connection"),
                count(figures.payers, "account"),
                figures.seconds
            ),
        ),
        (
            "accepted",
            format!(
                "{}, {:.0} a second",
                count(figures.mandates, "mandate"),
                figures.accepted_per_s
            ),
        ),
        (
            "time",
            format!(
                "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
                figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.max_ms
            ),
        ),
        (
            "disk syncs",
            format!("{}, {:.1} mandates each", figures.syncs, figures.mandates_per_sync),
        ),
        ("errors", figures.errors.to_string()),
    ];
    if let Some(example) = &figures.first_error {
        lines.push(("first error", example.clone()));
    }
    if let Some(killed) = &figures.killed {
        lines.push((
            "killed",
            format!(
                "{} received before; {} missing after the restart",
                count(killed.receipts, "receipt"),
                killed.missing
            ),
        ));
    }
    rows(&lines)
}
