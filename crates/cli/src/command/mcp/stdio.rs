//! Serving over standard input and output.

use std::time::Duration;

use anyhow::Context;
use rmcp::{
    RoleServer, ServerHandler, ServiceExt,
    service::{QuitReason, RunningService, ServerInitializeError},
    transport::stdio,
};

use crate::command::chain::stop_signal;

/// How long what is left may take when all has been stopped in order.
pub(super) const END_MAX: Duration = Duration::from_secs(5);

/// Serves over standard input and output, until the client hangs up or the program is stopped.
pub(super) async fn serve(server: impl ServerHandler) -> anyhow::Result<()> {
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
