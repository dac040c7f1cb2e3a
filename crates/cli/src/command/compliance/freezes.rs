//! `aep2 compliance freezes`, `freeze`, `thaw`, `accept-shrink`.

use std::process::ExitCode;

use alloy::primitives::B256;
use clap::Args;
use serde_json::json;

use super::{client::OfficerOptions, subjects::show_value};
use crate::output::Output;

/// List the mandates that officers froze
#[derive(Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    officer: OfficerOptions,
}

/// Keep a mandate from settling for good, and break the promise of its receipt
///
/// The payee can claim the amount from the processor's bond. One officer freezes; it takes two to thaw.
#[derive(Args)]
pub(crate) struct FreezeArguments {
    /// The mandate's id
    mandate: B256,

    /// Why, for whoever reads the record later
    #[arg(long, value_name = "WORDS")]
    why: String,

    /// That this is wanted
    #[arg(long, required = true)]
    break_the_promise: bool,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Let a frozen mandate settle, once two officers have said so
#[derive(Args)]
pub(crate) struct ThawArguments {
    /// The mandate's id
    mandate: B256,

    #[command(flatten)]
    officer: OfficerOptions,
}

/// Let a file take addresses off a sanctions list that is guarded against that, once two officers have said
/// so
#[derive(Args)]
pub(crate) struct ShrinkArguments {
    /// The list's name
    list: String,

    /// The SHA-256 of the file, as sha256sum prints it
    sha256: String,

    #[command(flatten)]
    officer: OfficerOptions,
}

pub(super) fn list(arguments: &ListArguments, output: &Output) -> anyhow::Result<ExitCode> {
    show_value(&arguments.officer.get(&["freezes"], &[])?, output)
}

pub(super) fn freeze(arguments: &FreezeArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let FreezeArguments { mandate, why, break_the_promise, officer } = arguments;
    let body = json!({ "mandate": mandate, "why": why, "break_the_promise": break_the_promise });
    show_value(&officer.post(&["freezes"], &body)?, output)
}

pub(super) fn thaw(arguments: &ThawArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let mandate = arguments.mandate.to_string();
    show_value(&arguments.officer.post(&["freezes", &mandate, "thaw"], &json!({}))?, output)
}

pub(super) fn accept_shrink(
    arguments: &ShrinkArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let path = ["lists", &arguments.list, "shrink"];
    let body = json!({ "sha256": arguments.sha256 });
    show_value(&arguments.officer.post(&path, &body)?, output)
}
