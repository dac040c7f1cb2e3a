//! `aep2 compliance blocked`, `records`, `travel-rule`, `evidence`.

use std::process::ExitCode;

use alloy::primitives::B256;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{client::OfficerOptions, subjects::show_value};
use crate::output::{Output, print};

/// From when to when.
#[derive(Args)]
struct Period {
    /// From this time on, in unix seconds
    #[arg(long, value_name = "SECONDS")]
    from: Option<u64>,

    /// To before this time, in unix seconds
    #[arg(long, value_name = "SECONDS")]
    to: Option<u64>,
}

impl Period {
    fn query(&self) -> Vec<(&'static str, String)> {
        let from = self.from.map(|time| ("from", time.to_string()));
        from.into_iter().chain(self.to.map(|time| ("to", time.to_string()))).collect()
    }
}

/// How records are written.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

/// Show the register of payments that were refused because somebody in them is not served
#[derive(Args)]
pub(crate) struct BlockedArguments {
    #[command(flatten)]
    period: Period,

    /// As comma-separated values
    #[arg(long)]
    csv: bool,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Export the log: every answer, case and decision, as it is chained
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 compliance records --from 1790000000 > october.jsonl\n  \
                        aep2 compliance records --format csv > october.csv")]
pub(crate) struct RecordsArguments {
    #[command(flatten)]
    period: Period,

    /// JSON lines can be checked with sha256sum; CSV is for tables
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Export what payers handed in for the Travel Rule, opened, as JSON lines
#[derive(Args)]
pub(crate) struct TravelRuleArguments {
    #[command(flatten)]
    period: Period,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Open what a decision rests on; keep it or destroy it
#[derive(Args)]
pub(crate) struct EvidenceArguments {
    /// Its hash, as the log has it
    hash: B256,

    /// Keep it whatever its age
    #[arg(long, conflicts_with_all = ["release", "destroy"])]
    hold: bool,

    /// Keep it no longer than its time
    #[arg(long, conflicts_with = "destroy")]
    release: bool,

    /// Destroy its key, and its content with it. Only after the time for which it must be kept
    #[arg(long)]
    destroy: bool,

    #[command(flatten)]
    officer: OfficerOptions,
}

pub(super) fn blocked(arguments: &BlockedArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let mut query = arguments.period.query();
    if arguments.csv {
        query.push(("format", "csv".to_owned()));
        print(arguments.officer.get_text(&["blocked"], &query)?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    show_value(&arguments.officer.get(&["blocked"], &query)?, output)
}

pub(super) fn records(arguments: &RecordsArguments, _: &Output) -> anyhow::Result<ExitCode> {
    let mut query = arguments.period.query();
    let format = match arguments.format {
        Format::Jsonl => "jsonl",
        Format::Csv => "csv",
    };
    query.push(("format", format.to_owned()));
    print(arguments.officer.get_text(&["records"], &query)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn travel_rule(arguments: &TravelRuleArguments) -> anyhow::Result<ExitCode> {
    let text = arguments.officer.get_text(&["travel-rule"], &arguments.period.query())?;
    print(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn evidence(arguments: &EvidenceArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let hash = arguments.hash.to_string();
    let EvidenceArguments { hold, release, destroy, officer, .. } = arguments;
    let found = match (hold, release, destroy) {
        (_, _, true) => officer.delete(&["evidence", &hash])?,
        (true, ..) | (_, true, _) => {
            officer.post(&["evidence", &hash, "legal-hold"], &json!({ "on": hold }))?
        }
        _ => officer.get(&["evidence", &hash], &[])?,
    };
    show_value(&found, output)
}
