//! Records as files: JSON lines as they are chained, or CSV for whoever reads tables.

use std::fmt::Write;

use aep2_audit_log::Line;
use aep2_mandate::units::{EntryNumber, UnixTime};
use serde::{Deserialize, Serialize};

use crate::{audit::LOG, compliance::Compliance, error::ComplianceError, register::BlockedPayment};

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values, with a head.
    Csv,
}

impl Compliance {
    /// The log's entries of a period, from its first to its last.
    ///
    /// As JSON lines they are byte for byte what is chained: `docs/audit-log.md` says how to check them.
    ///
    /// # Errors
    /// When the log cannot be read, or is not whole.
    pub fn records(
        &self,
        (from, to): (UnixTime, UnixTime),
        format: Format,
    ) -> Result<String, ComplianceError> {
        let view = self.snapshot();
        let numbers = LOG.numbers_within(&view, from, to)?;
        let defect = |error: &dyn std::fmt::Display| ComplianceError::Internal(error.to_string());
        match (format, numbers) {
            (Format::Jsonl, None) => Ok(String::new()),
            (Format::Jsonl, Some(numbers)) => {
                let mut bytes = Vec::new();
                LOG.export(&view, Some(numbers), &mut bytes).map_err(|error| defect(&error))?;
                String::from_utf8(bytes).map_err(|error| defect(&error))
            }
            (Format::Csv, numbers) => {
                let mut text = row(["number", "at", "actor", "action", "about", "details"]);
                let Some(numbers) = numbers else { return Ok(text) };
                for line in LOG.entries(&view, *numbers.start()) {
                    let line = line?;
                    if line.number > *numbers.end() {
                        break;
                    }
                    text.push_str(&line_csv(&line));
                }
                Ok(text)
            }
        }
    }
}

fn line_csv(line: &Line) -> String {
    let entry = &line.entry;
    let reference = |of: &aep2_audit_log::Reference| format!("{}:{}", of.kind, of.id);
    let details = serde_json::Value::Object(entry.details.members().clone()).to_string();
    let number: EntryNumber = line.number;
    row([
        number.get().to_string().as_str(),
        &entry.at.get().to_string(),
        &reference(&entry.actor),
        &entry.action.to_string(),
        &reference(&entry.subject),
        &details,
    ])
}

/// Refused payments as CSV.
pub fn blocked_csv(blocked: &[BlockedPayment]) -> String {
    let mut text =
        row(["at", "subject", "reason", "mandate", "account", "token", "payee", "amount"]);
    for one in blocked {
        text.push_str(&row([
            one.at.get().to_string().as_str(),
            &one.subject.to_string(),
            one.reason.name(),
            &one.mandate.to_string(),
            &one.account.to_string(),
            &one.token.to_string(),
            &one.payee.to_string(),
            &one.amount.to_string(),
        ]));
    }
    text
}

/// A row by RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe.
fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut row = String::new();
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            row.push(',');
        }
        let formula = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(row, "\"{formula}{}\"", cell.replace('"', "\"\""));
    }
    row.push_str("\r\n");
    row
}
