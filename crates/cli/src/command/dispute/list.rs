//! `aep2 dispute list`.

use std::process::ExitCode;

use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView};
use clap::Args;

use super::{
    asking::{KeyFileOptions, ProcessorOptions},
    views::line,
};
use crate::output::Output;

/// How many are asked for at once.
const PAGE: u32 = 50;

/// List the disputes that concern you, as a payer, a payee or an arbiter
///
/// Without a key's file it is asked with the wallet's mandate key.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute list\n  \
                        aep2 dispute list --open --key-file payee.key --processor https://…")]
pub(crate) struct Arguments {
    /// Those alone that wait for a ruling
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    key: KeyFileOptions,

    #[command(flatten)]
    processor: ProcessorOptions,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let asking = arguments.processor.ask(arguments.key.read()?).await?;
    let access = asking.access(None)?;
    let (mut found, mut after) = (Vec::<DisputeView>::new(), 0);
    loop {
        let page = asking.client.list(&access, after, PAGE).await?;
        for shown in page.disputes {
            match shown {
                Ok(view) => found.push(view),
                Err(unreadable) => {
                    tracing::warn!(reason = unreadable.reason, "a dispute cannot be read");
                }
            }
        }
        match page.next.filter(|next| *next > after) {
            // It is the number of the last one, or beyond.
            Some(next) => after = next,
            None => break,
        }
    }
    found.retain(|view| !arguments.open || view.status == DisputeStatus::Open);
    output.result(&found, || match &found[..] {
        [] => "no disputes".to_owned(),
        found => found.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}
