//! `aep2 audit`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_ledger::audit::{self, Report};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use super::rows;
use crate::{
    output::{Output, count},
    serving::folder::ledger_of,
};

/// Check that a processor's ledger keeps its own rules
///
/// Recomputes from the raw records that nothing is promised twice or beyond what there is, that every
/// receipt has its mandate, that every mandate is in one place, that what was settled is what the chain
/// moved. Changes nothing. Works on a directory that is in use, too: the ledger is looked at as it was at
/// one moment. Ends with 1 when something is wrong.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 audit aep2-data")]
pub(crate) struct Arguments {
    /// The data directory of `aep2 serve`, a copy of it, or the ledger in it
    directory: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let given = &arguments.directory;
    let ledger = if ledger_of(given).is_dir() { ledger_of(given) } else { given.clone() };
    ensure!(
        ledger.is_dir(),
        "there is no directory {}; `aep2 serve` keeps its ledger in aep2-data where nothing else is \
         said",
        given.display()
    );
    let in_use = is_in_use(&ledger);
    if in_use {
        output.note("a process has this ledger open; it is looked at as it is now");
    }
    let report =
        audit::audit(&ledger).with_context(|| format!("cannot audit {}", given.display()))?;
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let result = json!({
        "directory": ledger,
        "in_use": in_use,
        "mandates": report.mandates,
        "live": report.live,
        "batches": report.batches,
        "purses": report.purses,
        "findings": findings,
        "in_order": findings.is_empty(),
    });
    output.result(&result, || text(&ledger, &report, &findings))?;
    Ok(ExitCode::from(u8::from(!findings.is_empty())))
}

/// Whether a process has the ledger. One that cannot be asked for its lock has none.
fn is_in_use(ledger: &Path) -> bool {
    let lock = File::open(ledger.join("owner.lock"));
    lock.is_ok_and(|file| file.try_lock_shared().is_err())
}

fn text(ledger: &Path, report: &Report, findings: &[String]) -> String {
    let mut text = rows(&[
        ("ledger", ledger.display().to_string()),
        ("mandates", format!("{}, {} of them live", report.mandates, report.live)),
        ("batches", report.batches.to_string()),
        ("purses", report.purses.to_string()),
    ]);
    if findings.is_empty() {
        text.push_str("\nall rules hold");
    } else {
        text.push_str(&format!("\n{}:", count(findings.len(), "finding")));
        for finding in findings {
            text.push_str(&format!("\n  {finding}"));
        }
    }
    text
}
