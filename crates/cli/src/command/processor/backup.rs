//! `aep2 processor backup`.

use std::{
    path::{self, PathBuf},
    process::ExitCode,
};

use aep2_server::{
    backups::{BackupFolder, Taken},
    control::{BackupRequest, Status},
};
use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::control::{Which, block_on};
use crate::{
    command::rows,
    output::{Output, count},
};

/// Copy all that a running processor stores to a folder
///
/// The ledger, evidence of disputes, and what compliance knows, each as it is at one moment. Files that a backup before
/// has are not copied again. Keys are not in it. The processor goes on meanwhile.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 processor backup /mnt/backups --keep 24\n  \
                        aep2 processor backup /mnt/backups --list")]
pub(crate) struct Arguments {
    /// The folder of backups, for these alone; it is made where it is not there
    folder: PathBuf,

    /// Keep so many of them at most
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,

    /// List the backups that there are, and make none
    #[arg(long, conflicts_with_all = ["keep", "data", "config"])]
    list: bool,

    #[command(flatten)]
    which: Which,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.list {
        return list(arguments, output);
    }
    let client = arguments.which.client()?;
    // The processor has a current directory of its own.
    let folder = path::absolute(&arguments.folder).context("the folder has no path")?;
    let keep = arguments.keep.map(|newest| newest as usize);
    // So that nothing is said of a processor that is not there.
    block_on(client.get::<Status>("status"))?;
    output.note("copying; the processor goes on meanwhile");
    let taken: Taken = block_on(client.post("backup", &BackupRequest { folder, keep }))?;
    output.result(&taken, || text(&taken))?;
    Ok(ExitCode::SUCCESS)
}

fn list(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let folder = BackupFolder::existing(&arguments.folder)?;
    let (owner, backups) = (folder.owner(), folder.list());
    let result = json!({ "of": owner, "backups": backups });
    output.result(&result, || {
        let each = backups.iter().map(|own| {
            format!("{:>6}  {}  {} mandates, {}", own.number, own.at, own.accepted, size(own))
        });
        let heading = format!("{} of {}", count(backups.len(), "backup"), owner.processor);
        [heading].into_iter().chain(each).collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn text(taken: &Taken) -> String {
    rows(&[
        ("backup", taken.number.to_string()),
        ("of", taken.at.to_string()),
        ("mandates", taken.accepted.to_string()),
        ("has", size(taken)),
        (
            "without",
            "keys: keep the processor's, and those that open what is sealed, elsewhere".to_owned(),
        ),
    ])
}

fn size(taken: &Taken) -> String {
    let bytes: u64 = taken.copies.values().map(|copy| copy.bytes).sum();
    format!(
        "{:.1} MiB in {}",
        bytes as f64 / f64::from(1 << 20),
        count(taken.copies.len(), "store")
    )
}
