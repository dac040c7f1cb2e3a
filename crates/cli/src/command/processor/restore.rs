//! `aep2 processor restore`.

use std::{path::PathBuf, process::ExitCode};

use aep2_ledger::audit;
use aep2_mandate::clock::Clock;
use aep2_server::backups::{BackupFolder, Store};
use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::{command::rows, output::Output};

/// Write a backup into a new data directory
///
/// Each file's checksum is compared, and the ledger is audited. The processor that is started there neither accepts nor
/// seals anything until `aep2 processor resume`: it does not know what was promised after the backup.
/// docs/operating.md says what to do before. Ends with 1 where the audit finds something.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        aep2 processor restore /mnt/backups --data aep2-data")]
pub(crate) struct Arguments {
    /// The folder of backups
    folder: PathBuf,

    /// The data directory, which has no ledger yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Which backup, by its number; the newest, where none is named
    #[arg(long, value_name = "NUMBER")]
    number: Option<u32>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let backups = BackupFolder::existing(&arguments.folder)?;
    let backup = backups.find(arguments.number)?.clone();
    output.note(format!("restoring backup {} of {}", backup.number, backup.at));
    let now = Clock::system().now();
    let restored = backups.restore(backup.number, &arguments.data, now)?;
    let ledger = Store::Ledger.within(&arguments.data);
    output.note("auditing the ledger");
    let report = audit::audit(&ledger).context("the restored ledger cannot be audited")?;
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let stores: Vec<_> =
        restored.iter().map(|(store, path)| json!({ "store": store, "directory": path })).collect();
    let result = json!({
        "backup": backup, "of": backups.owner(), "stores": stores, "mandates": report.mandates,
        "live": report.live, "findings": findings, "in_order": findings.is_empty(),
    });
    output.result(&result, || {
        let mut text = rows(&[
            ("backup", format!("{} of {}", backup.number, backup.at)),
            ("data", arguments.data.display().to_string()),
            ("mandates", format!("{}, {} of them live", report.mandates, report.live)),
            ("findings", findings.len().to_string()),
        ]);
        for finding in &findings {
            text.push_str(&format!("\n  {finding}"));
        }
        text.push_str(
            "\nNext: bring the keys that belong to it, start `aep2 serve` there, let it read the chain, and \
             read \"After a restore\" in docs/operating.md before `aep2 processor resume`",
        );
        text
    })?;
    Ok(ExitCode::from(u8::from(!findings.is_empty())))
}
