//! Checking a service's audit log: in its store, or as it was exported.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_audit_log::{Fault, Start, StoredLog, StoredLogError, Verified, VerifyError};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::rows;
use crate::output::Output;

/// Which log, and where it goes.
#[derive(Args)]
pub(crate) struct LogOptions {
    /// Write the log to this new file besides, as JSON lines
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// Check a log that was exported, instead of the store's. It has to begin with the first entry
    #[arg(long, value_name = "FILE", conflicts_with = "export")]
    file: Option<PathBuf>,
}

/// Checks the log in a file, or the one in the `store`, which `open` opens.
pub(crate) fn check(
    options: &LogOptions,
    store: impl FnOnce() -> anyhow::Result<PathBuf>,
    open: impl FnOnce(&Path) -> Result<StoredLog, StoredLogError>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    if let Some(path) = &options.file {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let checked = aep2_audit_log::verify(BufReader::new(file), Start::Beginning, &[]);
        return say(path, checked.map(Some), output);
    }
    let store = store()?;
    let log =
        open(&store).with_context(|| format!("cannot read the log in {}", store.display()))?;
    let checked = log.verify(&[]);
    if let (Some(to), Ok(Some(_))) = (&options.export, &checked) {
        export(&log, to)?;
    }
    say(&store, checked, output)
}

fn export(log: &StoredLog, to: &Path) -> anyhow::Result<()> {
    let name = to.display();
    ensure!(!to.exists(), "{name} is there, and an export is not written over");
    let file = File::create_new(to).with_context(|| format!("cannot write {name}"))?;
    let mut file = BufWriter::new(file);
    log.export(&mut file).with_context(|| format!("cannot export to {name}"))?;
    file.flush().with_context(|| format!("cannot write {name}"))
}

/// What was found. A log that cannot be read is an error, a broken one is a finding.
fn say(
    of: &Path,
    checked: Result<Option<Verified>, VerifyError>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let (entries, last, fault) = match checked {
        Ok(Some(Verified { to, .. })) => (to.number.get(), Some(to.hash), None),
        Ok(None) => (0, None, None),
        Err(VerifyError::Fault(fault)) => (fault.number.saturating_sub(1), None, Some(fault)),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", of.display())),
    };
    let broken = fault.as_ref().map_or(Value::Null, |Fault { number, byte, defect }| {
        json!({ "entry": number, "byte": byte, "defect": defect.to_string() })
    });
    let result = json!({
        "log": of, "in_order": fault.is_none(), "entries": entries, "last_hash": last,
        "broken": broken,
    });
    output.result(&result, || {
        let mut lines = vec![("log", of.display().to_string())];
        match (&fault, last) {
            (Some(fault), _) => lines.push(("BROKEN", fault.to_string())),
            (None, Some(hash)) => {
                lines.push(("entries", entries.to_string()));
                lines.push(("last hash", hash.to_string()));
                lines.push(("state", "in order".to_owned()));
            }
            (None, None) => lines.push(("state", "in order: there is no entry yet".to_owned())),
        }
        rows(&lines)
    })?;
    Ok(ExitCode::from(u8::from(fault.is_some())))
}
