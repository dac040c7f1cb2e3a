//! `aep2 ceremony beacon`.

use std::{path::PathBuf, process::ExitCode};

use aep2_ceremony::contribute::close;
use alloy::primitives::B256;
use anyhow::ensure;
use clap::Args;
use serde_json::json;

use super::{
    opened::{Options, now},
    powers::to_json,
    progress::Steps,
};
use crate::{
    command,
    output::{Output, hex},
};

/// Close a ceremony with the public random value that its plan names
///
/// Anybody can: the same value gives the same state.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The last state
    state: PathBuf,

    #[command(flatten)]
    ceremony: Options,

    /// The value, 32 bytes in hexadecimal: the drand round's randomness, or the block's hash
    #[arg(long, value_name = "HEX")]
    value: B256,

    /// File to write: the closed state
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { state, ceremony, value, out } = arguments;
    ensure!(!out.exists(), "{} is there already", out.display());
    let opened = ceremony.open(output)?;
    let exponent = opened.plan.beacon.exponent;
    opened.plan.check_beacon(exponent, now()?)?;
    let bar = Steps::new(output);
    let hash = command::threads(ceremony.threads)?.install(|| {
        let before = opened.verify(state, &bar)?;
        close(&before, value.as_slice(), exponent, out, &bar)
    });
    bar.finish();
    let hash = hash?;
    let source = opened.plan.beacon.source.to_string();
    let result = json!({
        "state": out, "source": source, "value": value, "hash": hex(&hash),
        "powers_of_tau": to_json(&opened.ptau),
    });
    output.result(&result, || {
        format!(
            "{}: closed with {source}\n{}\nWhether the value is that source's, no file tells: compare it.",
            out.display(),
            hex(&hash)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
