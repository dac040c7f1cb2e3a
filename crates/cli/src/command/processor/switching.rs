//! `aep2 processor pause`, `resume`, `drain`.

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

use aep2_server::control::{PauseRequest, ResumeRequest, Resumed, Status, Switched};
use clap::Args;

use super::{
    control::{Client, Which, block_on},
    status::left,
};
use crate::output::Output;

/// How often it is looked whether something is left.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Accept no mandates any more
///
/// What was accepted is settled, and everything can be read. It stays so when the processor is started again, until
/// `aep2 processor resume`.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 processor pause --note 'the node is being moved'")]
pub(crate) struct Pause {
    /// Why, for whoever looks
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,

    #[command(flatten)]
    which: Which,
}

/// Accept mandates again
///
/// After a backup was restored, this lets the processor go on. It is refused as long as something may have been
/// promised after the backup that is not known: docs/operating.md says what that means.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 processor resume")]
pub(crate) struct Resume {
    /// Do not wait until what was promised since the backup is over
    #[arg(long)]
    at_once: bool,

    #[command(flatten)]
    which: Which,
}

/// Accept no mandates any more, and wait until everything is settled
///
/// Before a machine goes. What is interrupted stays paused. Ends with 1 where something is left after the time that is
/// named, or is quarantined: that does not settle by itself.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 processor drain --within 3600")]
pub(crate) struct Drain {
    /// Why, for whoever looks
    #[arg(long, value_name = "TEXT", default_value = "draining")]
    note: String,

    /// Wait for at most so long, in seconds
    #[arg(long, value_name = "SECONDS")]
    within: Option<u64>,

    #[command(flatten)]
    which: Which,
}

pub(super) fn pause(arguments: &Pause, output: &Output) -> anyhow::Result<ExitCode> {
    let client = arguments.which.client()?;
    let switched = block_on(paused(&client, &arguments.note))?;
    output.result(&switched, || match switched.changed {
        true => "paused: nothing is accepted; `aep2 processor resume` accepts again".to_owned(),
        false => "it was paused already".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn resume(arguments: &Resume, output: &Output) -> anyhow::Result<ExitCode> {
    let client = arguments.which.client()?;
    let request = ResumeRequest { at_once: arguments.at_once };
    let resumed: Resumed = block_on(client.post("resume", &request))?;
    output.result(&resumed, || match (resumed.was_paused, resumed.was_restored) {
        (_, true) => "it goes on from the backup: mandates are accepted and settled".to_owned(),
        (true, false) => "mandates are accepted again".to_owned(),
        (false, false) => "it was not paused".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn drain(arguments: &Drain, output: &Output) -> anyhow::Result<ExitCode> {
    let client = arguments.which.client()?;
    let within = arguments.within.map(Duration::from_secs);
    let status = block_on(async {
        paused(&client, &arguments.note).await?;
        drained(&client, within, output).await
    })?;
    let standing = &status.standing;
    let is_empty = standing.is_done() && standing.quarantined == 0;
    output.result(&status, || match is_empty {
        true => "everything is settled; the processor can be stopped".to_owned(),
        false => format!("not everything is settled: {}", left(standing)),
    })?;
    Ok(ExitCode::from(u8::from(!is_empty)))
}

async fn paused(client: &Client, note: &str) -> anyhow::Result<Switched> {
    let user = env::var("SUDO_USER").or_else(|_| env::var("USER"));
    let by = user.unwrap_or_else(|_| "aep2 processor".to_owned());
    client.post("pause", &PauseRequest { by, note: note.to_owned() }).await
}

/// Waits until nothing is left, or for so long. How it stands then.
async fn drained(
    client: &Client,
    within: Option<Duration>,
    output: &Output,
) -> anyhow::Result<Status> {
    let (begun, mut said) = (Instant::now(), String::new());
    loop {
        let status: Status = client.get("status").await?;
        if status.standing.is_done() || within.is_some_and(|within| begun.elapsed() >= within) {
            return Ok(status);
        }
        let now = left(&status.standing);
        if now != said {
            output.note(&now);
            said = now;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
