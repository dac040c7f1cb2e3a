//! `aep2 mcp`: selling tools over the Model Context Protocol, and paying for an agent.

mod sell;
mod wallet;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Subcommand;
use rmcp::{
    RoleServer, ServerHandler, ServiceExt,
    service::{QuitReason, RunningService, ServerInitializeError},
    transport::stdio,
};

use super::chain::stop_signal;
use crate::output::Output;

/// How long what is left may take when all has been stopped in order.
const END_MAX: Duration = Duration::from_secs(5);

/// What to do
#[derive(Subcommand)]
pub(crate) enum Command {
    Sell(sell::Arguments),
    Wallet(wallet::Arguments),
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    match command {
        Command::Sell(arguments) => runtime.block_on(sell::run(arguments, output)),
        Command::Wallet(arguments) => runtime.block_on(wallet::run(arguments)),
    }?;
    // Reading standard input cannot be broken off.
    runtime.shutdown_timeout(END_MAX);
    Ok(ExitCode::SUCCESS)
}

/// Serves over standard input and output, until the client hangs up or the program is stopped.
async fn over_stdio(server: impl ServerHandler) -> anyhow::Result<()> {
    let stopped = stop_signal()?;
    let running = async {
        let running: RunningService<RoleServer, _> = match server.serve(stdio()).await {
            Ok(running) => running,
            // A client that goes away before it has said anything is no failure.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(error).context("the client does not speak MCP"),
        };
        match running.waiting().await.context("the server broke off")? {
            QuitReason::JoinError(error) => Err(error).context("the server broke off"),
            _ => Ok(()),
        }
    };
    tokio::select! {
        ended = running => ended,
        () = stopped => Ok(()),
    }
}
