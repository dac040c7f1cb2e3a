//! `aep2 processor status`.

use std::process::ExitCode;

use aep2_processor::operating::Standing;
use aep2_server::control::{Closed, Status};
use clap::Args;

use super::control::{Which, block_on};
use crate::{command::rows, output::Output};

/// Say how a processor on this machine stands
///
/// Whether it accepts mandates and why not, and how much is left to be settled. Ends with 1 where it accepts none.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 processor status --data aep2-data")]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let client = arguments.which.client()?;
    let status: Status = block_on(client.get("status"))?;
    output.result(&status, || text(&status))?;
    Ok(ExitCode::from(u8::from(!status.accepts)))
}

fn text(status: &Status) -> String {
    let mut lines = vec![
        ("processor", status.processor.to_string()),
        ("process", format!("{}, version {}", status.pid, status.version)),
        ("accepts", if status.accepts { "yes" } else { "NO" }.to_owned()),
    ];
    let said = |Closed { since, by, note }: &Closed| {
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        format!("since {since}, by {by}{note}")
    };
    lines.extend(status.obstacles.iter().map(|obstacle| ("obstacle", obstacle.clone())));
    lines.extend(status.paused.iter().map(|paused| ("paused", said(paused))));
    lines.extend(status.restored.iter().map(|restored| ("restored", said(restored))));
    if let Some(until) = status.promised_until {
        lines.push(("promised", format!("what is not known here may stand until {until}")));
    }
    lines.push(("accepted", status.standing.accepted.to_string()));
    lines.push(("left", left(&status.standing)));
    rows(&lines)
}

/// What is left to be settled, in words.
pub(super) fn left(standing: &Standing) -> String {
    let Standing { queued, held, quarantined, open_batches, .. } = standing;
    format!(
        "{queued} queued, {held} held, {open_batches} batches on their way, {quarantined} quarantined"
    )
}
