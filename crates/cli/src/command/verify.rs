//! `aep2 verify`.

use std::{path::PathBuf, process::ExitCode};

use aep2_prover::{proven::Proven, prover::load_verifying_key};
use clap::Args;
use serde_json::json;

use crate::{
    files::{self, Keys},
    output::{Output, count, timed},
};

/// Verify a proven batch as the wallet does
///
/// Everything that needs no chain is checked: the settlement's rules, the challenge, the sum, the
/// proof. Exits with 0 when the batch holds, with 1 when it does not.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The proven batch, a JSON file that `aep2 prove` wrote; - for standard input
    batch: PathBuf,

    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let batch: Proven = files::read_json(&arguments.batch)?;
    let shape = batch.settlement.shape;
    let key = load_verifying_key(&arguments.keys.folder, shape)?;
    let (verdict, took) = timed(|| batch.verify(&key.key));
    let result = json!({
        "valid": verdict.is_ok(),
        "reason": verdict.as_ref().err().map(ToString::to_string),
        "mandates": batch.settlement.count,
        "shape": shape.to_string(),
        "key": key.provenance.to_string(),
        "verify_ms": took.as_secs_f64() * 1e3,
    });
    output.result(&result, || match &verdict {
        Ok(()) => format!(
            "valid: {}, shape {shape}, under a key of provenance: {}",
            count(batch.settlement.count as usize, "mandate"),
            key.provenance
        ),
        Err(reason) => format!("INVALID: {reason}"),
    })?;
    Ok(if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
