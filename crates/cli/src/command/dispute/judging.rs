//! `aep2 dispute cases`, `case`, `decide`, `reject`, `evidence`: what judges do.

use std::{path::PathBuf, process::ExitCode};

use aep2_mandate::units::Amount;
use alloy::primitives::B256;
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::client::JudgeOptions;
use crate::{command::compliance::text_of, output::Output};

/// List the cases that wait for a judge, the one that ends first before the others
#[derive(Args)]
pub(crate) struct CasesArguments {
    /// Those at their end too, the newest first
    #[arg(long)]
    all: bool,

    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,

    #[command(flatten)]
    judge: JudgeOptions,
}

/// Show a case, with what the parties said
#[derive(Args)]
pub(crate) struct CaseArguments {
    /// Its number
    number: u64,

    #[command(flatten)]
    judge: JudgeOptions,
}

/// Decide a case, or confirm what another judge proposed
///
/// Above an amount in the settings it takes two judges: the second gives the same --captured. A ruling
/// cannot be taken back.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute decide 7 --version 3 --captured 0 --why 'the answer was empty'\n  \
                        aep2 dispute decide 8 --version 2 --captured 600 --why 'a part was delivered'")]
pub(crate) struct DecideArguments {
    /// Its number
    number: u64,

    /// The version that you looked at, as `aep2 dispute case` has it: if something was added since, it is
    /// refused
    #[arg(long, value_name = "VERSION")]
    version: u64,

    /// What the payee gets, in base units of the token: at most what is owed
    #[arg(long, value_name = "N")]
    captured: Amount,

    /// Why, for whoever reads the record later. It is encrypted
    #[arg(long, value_name = "WORDS")]
    why: String,

    #[command(flatten)]
    judge: JudgeOptions,
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
    judge: JudgeOptions,
}

/// Write evidence of a case to a file
///
/// It comes from a party, and may be anything: look at it with care.
#[derive(Args)]
pub(crate) struct EvidenceArguments {
    /// The case's number
    number: u64,

    /// The evidence's hash
    hash: B256,

    /// The new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    judge: JudgeOptions,
}

pub(super) async fn cases(own: &CasesArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let query = [("all", own.all.to_string()), ("limit", own.limit.to_string())];
    let cases: Vec<Value> = own.judge.get(&["cases"], &query).await?;
    output.result(&cases, || match &cases[..] {
        [] => "no cases".to_owned(),
        cases => cases.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn case(own: &CaseArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let shown: Value = own.judge.get(&["cases", &own.number.to_string()], &[]).await?;
    say(&shown, output)
}

pub(super) async fn decide(own: &DecideArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let path = ["cases", &own.number.to_string(), "decision"];
    let body = json!({ "version": own.version, "captured": own.captured, "why": own.why });
    say(&own.judge.post::<Value>(&path, &body).await?, output)
}

pub(super) async fn reject(own: &RejectArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let path = ["cases", &own.number.to_string(), "rejection"];
    say(&own.judge.post::<Value>(&path, &json!({ "version": own.version })).await?, output)
}

pub(super) async fn evidence(own: &EvidenceArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let EvidenceArguments { number, hash, out, judge } = own;
    ensure!(!out.exists(), "{} is there, and is not written over", out.display());
    let path = ["cases", &number.to_string(), "evidence", &hash.to_string()];
    let bytes = judge.get_bytes(&path, &[]).await?;
    // Whoever serves it may be wrong, or somebody else.
    ensure!(alloy::primitives::keccak256(&bytes) == *hash, "these are other bytes than {hash}");
    std::fs::write(out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
    let written = json!({ "file": out, "hash": hash, "bytes": bytes.len() });
    output.result(&written, || format!("{} has {} bytes", out.display(), bytes.len()))?;
    Ok(ExitCode::SUCCESS)
}

fn say(shown: &Value, output: &Output) -> anyhow::Result<ExitCode> {
    // What parties wrote is quoted as in JSON where it could drive a terminal.
    output.result(shown, || text_of(&quoted(shown)))?;
    Ok(ExitCode::SUCCESS)
}

/// The same, with every text that has control characters or such that change the order of others quoted.
fn quoted(value: &Value) -> Value {
    match value {
        Value::String(text) if super::views::is_plain(text) => Value::String(text.clone()),
        Value::String(text) => Value::String(text.escape_debug().to_string()),
        Value::Array(values) => Value::Array(values.iter().map(quoted).collect()),
        Value::Object(members) => {
            let of = members.iter().map(|(name, value)| (name.clone(), quoted(value)));
            Value::Object(of.collect())
        }
        other => other.clone(),
    }
}

fn line(case: &Value) -> String {
    let text = |name: &str| match &case[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let state = case["state"]["state"].as_str().unwrap_or("-");
    let by = case["decide_by"].as_i64().and_then(|at| jiff::Timestamp::from_second(at).ok());
    let by = by.map_or_else(|| text("decide_by"), |at| at.to_string());
    format!(
        "{:>6}  {state:8}  {:22}  owed {}, decide by {by}, version {}",
        text("number"),
        text("reason"),
        text("owed"),
        text("version"),
    )
}
