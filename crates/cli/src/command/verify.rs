//! `aep2 verify`.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::PathBuf,
    process::ExitCode,
};

use aep2_prover::{proven::Proven, prover::load_verifying_key};
use clap::Args;
use serde_json::json;

use crate::{
    files::{self, Keys},
    output::{Output, count, timed},
};

/// Verify a proven batch as the wallet does
///
/// Everything that needs no chain is checked: the settlement's rules, the challenge, the sums, the
/// proofs. Exits with 0 when the batch holds, with 1 when it does not.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The proven batch, a JSON file that `aep2 prove` wrote; - for standard input
    batch: PathBuf,

    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let batch: Proven = files::read_json(&arguments.batch)?;
    let mut keys = BTreeMap::new();
    for shape in batch.segments.iter().map(|segment| segment.shape) {
        if let Entry::Vacant(place) = keys.entry(shape) {
            place.insert(load_verifying_key(&arguments.keys.folder, shape)?);
        }
    }
    let (verdict, took) = timed(|| batch.verify(|shape| keys.get(&shape).map(|own| &own.key)));
    let shapes: Vec<String> = keys.keys().map(ToString::to_string).collect();
    let provenance: BTreeSet<String> =
        keys.values().map(|key| key.provenance.to_string()).collect();
    let provenance = Vec::from_iter(provenance).join(", ");
    let result = json!({
        "valid": verdict.is_ok(),
        "reason": verdict.as_ref().err().map(ToString::to_string),
        "mandates": batch.settlement.count,
        "segments": batch.segments.len(),
        "shapes": shapes,
        "key": provenance,
        "verify_ms": took.as_secs_f64() * 1e3,
    });
    output.result(&result, || match &verdict {
        Ok(()) => format!(
            "valid: {}, {} of {}, under a key of provenance: {provenance}",
            count(batch.settlement.count as usize, "mandate"),
            count(batch.segments.len(), "segment"),
            shapes.join(", ")
        ),
        Err(reason) => format!("INVALID: {reason}"),
    })?;
    Ok(if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
