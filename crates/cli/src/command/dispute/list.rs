//! `aep2 dispute list`.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView};
use clap::Args;

use super::{
    asking::{Asking, KeyFileOptions, ProcessorOptions},
    views::line,
};
use crate::{command::chain::stop_signal, onchain::time_span::TimeSpan, output::Output};

/// How many are asked for at once.
const PAGE: u32 = 50;

/// List the disputes that concern you, as a payer, a payee or an arbiter
///
/// Without a key's file it is asked with the wallet's mandate key. With --follow it goes on, and says what is
/// new until it is stopped: a line for each dispute that was opened, answered or decided, with --json the
/// whole of it. That is how a payee hears that it has to answer.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute list\n  \
                        aep2 dispute list --open --key-file payee.key --processor https://…\n  \
                        aep2 dispute list --follow --json --key-file payee.key | while read -r dispute; do …")]
pub(crate) struct Arguments {
    /// Those alone that wait for a ruling
    #[arg(long)]
    open: bool,

    /// Go on, and say what is new
    #[arg(long)]
    follow: bool,

    /// Between two looks
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "follow")]
    every: TimeSpan,

    #[command(flatten)]
    key: KeyFileOptions,

    #[command(flatten)]
    processor: ProcessorOptions,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let asking = arguments.processor.ask(arguments.key.read()?).await?;
    let is_meant = |view: &DisputeView| !arguments.open || view.status == DisputeStatus::Open;
    if arguments.follow {
        follow(&asking, arguments, is_meant, output).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = look(&asking, 0).await?;
    found.retain(is_meant);
    output.result(&found, || match &found[..] {
        [] => "no disputes".to_owned(),
        found => found.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Looks again and again. What ended is not asked for again.
async fn follow(
    asking: &Asking,
    arguments: &Arguments,
    is_meant: impl Fn(&DisputeView) -> bool,
    output: &Output,
) -> anyhow::Result<()> {
    let mut stopped = Box::pin(stop_signal()?);
    // By number: those that are open, as they were told.
    let (mut told, mut last) = (BTreeMap::<u64, DisputeView>::new(), 0);
    loop {
        let after = told.keys().next().map_or(last, |first| first.saturating_sub(1));
        let looked = tokio::select! {
            looked = look(asking, after) => looked,
            () = &mut stopped => return Ok(()),
        };
        for view in looked.unwrap_or_else(|error| {
            output.note(format!("{error:#}; looking again"));
            Vec::new()
        }) {
            let is_new = view.number > last || told.contains_key(&view.number);
            if is_new && told.get(&view.number) != Some(&view) && is_meant(&view) {
                output.line(&view, || line(&view))?;
            }
            last = last.max(view.number);
            match view.status {
                DisputeStatus::Open => drop(told.insert(view.number, view)),
                DisputeStatus::Ruled | DisputeStatus::Closed => drop(told.remove(&view.number)),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(arguments.every.seconds.max(1))) => {}
            () = &mut stopped => return Ok(()),
        }
    }
}

/// Those with numbers above `after`, in the order of opening.
async fn look(asking: &Asking, mut after: u64) -> anyhow::Result<Vec<DisputeView>> {
    let access = asking.access(None)?;
    let mut found = Vec::new();
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
            None => return Ok(found),
        }
    }
}
