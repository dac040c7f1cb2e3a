//! `aep2 case`: what officers have to decide.

use std::process::ExitCode;

use aep2_compliance::subject::Subject;
use aep2_mandate::clock::Clock;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::compliance::{OfficerOptions, text_of};
use crate::output::Output;

/// What is done with cases.
#[derive(Subcommand)]
pub(crate) enum Command {
    List(ListArguments),
    Show(ShowArguments),
    Open(OpenArguments),
    Note(NoteArguments),
    Decide(DecideArguments),
    Reject(RejectArguments),
}

/// List the cases that wait
#[derive(Args)]
pub(crate) struct ListArguments {
    /// Those that are decided too
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Show a case, with what is known of whom it is about
#[derive(Args)]
pub(crate) struct ShowArguments {
    /// Its number
    number: u64,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Open a case about somebody
#[derive(Args)]
pub(crate) struct OpenArguments {
    /// payer:0x…, payee:0x… or agent:0x…
    subject: Subject,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Add a note to a case
#[derive(Args)]
pub(crate) struct NoteArguments {
    /// Its number
    number: u64,

    /// What there is to say. It is encrypted, and the log has a commitment to it
    text: String,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Decide a case, or confirm what another officer proposed
///
/// To serve somebody who is on a list takes two officers: the second gives the same --serve and --until.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 case decide 7 --version 3 --serve --days 90 --why 'another person of the same name'\n  \
                        aep2 case decide 7 --version 3 --refuse --why 'no answer to our questions'")]
pub(crate) struct DecideArguments {
    /// Its number
    number: u64,

    /// The version that you looked at, as `aep2 case show` has it: if something was added since, it is refused
    #[arg(long, value_name = "VERSION")]
    version: u64,

    /// Serve them
    #[arg(long, required_unless_present = "refuse")]
    serve: bool,

    /// Do not serve them
    #[arg(long, conflicts_with = "serve")]
    refuse: bool,

    /// For how many days
    #[arg(long, value_name = "DAYS", default_value_t = 365, conflicts_with = "until")]
    days: u32,

    /// Until when: a time as `aep2 case show` has it, or unix seconds. To confirm a decision, as it was proposed
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,

    /// Why, for whoever reads the record later
    #[arg(long, value_name = "WORDS")]
    why: String,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Take a proposed decision back
#[derive(Args)]
pub(crate) struct RejectArguments {
    /// Its number
    number: u64,

    /// The version that you looked at
    #[arg(long, value_name = "VERSION")]
    version: u64,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// A time in unix seconds, or as people write it.
fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    u64::try_from(time.as_second()).map_err(|error| error.to_string())
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    let shown = match command {
        Command::List(own) => own.officer.get(&["cases"], &[("all", own.all.to_string())])?,
        Command::Show(own) => own.officer.get(&["cases", &own.number.to_string()], &[])?,
        Command::Open(own) => own.officer.post(&["cases"], &json!({ "subject": own.subject }))?,
        Command::Note(own) => {
            let path = ["cases", &own.number.to_string(), "notes"];
            own.officer.post(&path, &json!({ "text": own.text }))?
        }
        Command::Decide(own) => decide(own)?,
        Command::Reject(own) => {
            let path = ["cases", &own.number.to_string(), "rejection"];
            own.officer.post(&path, &json!({ "version": own.version }))?
        }
    };
    output.result(&shown, || match &shown {
        Value::Array(cases) if cases.is_empty() => "no cases".to_owned(),
        shown => text_of(shown),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn decide(own: &DecideArguments) -> anyhow::Result<Value> {
    let now = Clock::system().now().get();
    let until = own.until.unwrap_or_else(|| now.saturating_add(u64::from(own.days) * 86_400));
    let body = json!({
        "version": own.version,
        "serve": own.serve,
        "until": until,
        "why": own.why,
    });
    own.officer.post(&["cases", &own.number.to_string(), "decision"], &body)
}
