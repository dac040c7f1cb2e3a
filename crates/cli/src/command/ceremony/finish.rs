//! `aep2 ceremony finish`.

use std::{path::PathBuf, process::ExitCode};

use aep2_ceremony::{
    attestation::Attestation,
    finish::{Outputs, finish},
};
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
    files::Keys,
    output::{Output, hex},
};

/// Finish a closed ceremony: write its transcript, and the keys that name it
#[derive(Args)]
pub(crate) struct Arguments {
    /// The closed state
    state: PathBuf,

    #[command(flatten)]
    ceremony: Options,

    /// A contributor's attestation, a JSON file; any number of times
    #[arg(long = "attestation", value_name = "FILE")]
    attestations: Vec<PathBuf>,

    /// Replace keys, halves of keys and transcripts that are there
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { state, ceremony, attestations, force, keys } = arguments;
    let attestations = attestations
        .iter()
        .map(|path| Attestation::read(path))
        .collect::<Result<Vec<Attestation>, _>>()?;
    let opened = ceremony.open(output)?;
    ensure!(
        *force || !aep2_prover::prover::Prover::is_kept(&keys.folder, opened.plan.shape),
        "{} has a key of shape {} already; replace it with --force (proofs under the old key will no \
         longer verify under the new one)",
        keys.folder.display(),
        opened.plan.shape
    );
    let outputs = Outputs { folder: &keys.folder, replace: *force };
    if let Some(path) = outputs.in_the_way(opened.plan.shape) {
        anyhow::bail!("{} is there already; replace it with --force", path.display());
    }
    let bar = Steps::new(output);
    let finished = command::threads(ceremony.threads)?.install(|| {
        let last = opened.verify(state, &bar)?;
        let now = now()?;
        anyhow::Ok(finish(&opened.statement, &last, &attestations, now, outputs, &bar)?)
    });
    bar.finish();
    let finished = finished?;
    let result = json!({
        "shape": opened.plan.shape.to_string(),
        "proving_key": finished.proving_key,
        "verifying_key": finished.verifying_key,
        "verifying_key_hash": hex(&finished.verifying_key_hash),
        "transcript": finished.transcript,
        "transcript_hash": hex(&finished.transcript_hash),
        "plan_hash": hex(&opened.plan.hash()),
        "powers_of_tau": to_json(&opened.ptau),
    });
    output.result(&result, || {
        format!(
            "{}\n{}\n{}\ntranscript {}",
            finished.proving_key.display(),
            finished.verifying_key.display(),
            finished.transcript.display(),
            hex(&finished.transcript_hash)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
