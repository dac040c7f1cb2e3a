//! `aep2 compliance status`, `show`, `screen`.

use std::process::ExitCode;

use aep2_compliance::subject::Subject;
use clap::Args;
use serde_json::{Value, json};

use super::client::{OfficerOptions, text_of};
use crate::output::Output;

/// Show what waits, which cases are open, how old the lists are
#[derive(Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    officer: OfficerOptions,
}

/// Show what is known of somebody: every answer, its reason and its evidence
#[derive(Args)]
#[command(
    after_help = "Examples:\n  aep2 compliance show payee:0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
)]
pub(crate) struct ShowArguments {
    /// payer:0x…, payee:0x… or agent:0x…
    subject: Subject,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Ask everybody about somebody now
#[derive(Args)]
pub(crate) struct ScreenArguments {
    /// payer:0x…, payee:0x… or agent:0x…
    subject: Subject,

    #[command(flatten)]
    officer: OfficerOptions,
}

pub(super) fn status(arguments: &StatusArguments, output: &Output) -> anyhow::Result<ExitCode> {
    show_value(&arguments.officer.get(&["status"], &[])?, output)
}

pub(super) fn show(arguments: &ShowArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let subject = arguments.subject.to_string();
    show_value(&arguments.officer.get(&["subjects", &subject], &[])?, output)
}

pub(super) fn screen(arguments: &ScreenArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let subject = arguments.subject.to_string();
    let path = ["subjects", &subject, "screening"];
    show_value(&arguments.officer.post(&path, &json!({}))?, output)
}

pub(super) fn show_value(value: &Value, output: &Output) -> anyhow::Result<ExitCode> {
    output.result(value, || text_of(value))?;
    Ok(ExitCode::SUCCESS)
}
