//! `aep2 setup`.

use std::process::ExitCode;

use aep2_circuits::Shape;
use aep2_prover::{
    key_file::Provenance,
    progress::Stage,
    prover::{Entropy, Prover},
};
use anyhow::ensure;
use clap::Args;
use serde_json::json;

use crate::{
    files::Keys,
    output::{Output, hex, timed},
    seed,
};

/// Make the keys of a shape, for development
///
/// Keys from fresh randomness are as good as the machine that made them, which could have kept it.
/// Keys from a seed are INSECURE: whoever knows the seed forges proofs.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shape: LANESxSLOTS or LANESxSLOTS-capture, as 16x16 (`aep2 shapes` lists some)
    #[arg(long)]
    shape: Shape,

    /// Make the key from this text, the same one every time. INSECURE
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,

    /// Replace a key that is there
    #[arg(long)]
    force: bool,

    /// Use at most so many threads
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { shape, seed, force, threads, keys } = arguments;
    let (entropy, provenance) = match seed {
        Some(text) => (Entropy::Seed(seed::bytes(text)), Provenance::SeededDevelopment),
        None => (Entropy::Fresh, Provenance::RandomDevelopment),
    };
    let name =
        aep2_prover::key_file::file_name(aep2_prover::key_file::Half::Proving, *shape, provenance);
    let path = keys.folder.join(name);
    ensure!(
        *force || !path.exists(),
        "{} is there already; use it, or replace it with --force (proofs under the old key will \
         no longer verify under the new one)",
        path.display()
    );
    std::fs::create_dir_all(&keys.folder)?;

    let bar = output.bar(&Stage::SETUP);
    let (prover, took) = timed(|| {
        super::threads(*threads)?.install(|| anyhow::Ok(Prover::set_up(*shape, &entropy, &bar)?))
    });
    bar.finish();
    let prover = prover?;
    let [proving, verifying] = prover.save(&keys.folder)?;
    let bytes = std::fs::metadata(&proving)?.len();
    let result = json!({
        "shape": shape.to_string(),
        "provenance": prover.provenance().to_string(),
        "proving_key": proving,
        "proving_key_bytes": bytes,
        "verifying_key": verifying,
        "verifying_key_hash": hex(&prover.verifying_key_hash()),
        "setup_s": took.as_secs_f64(),
    });
    output.result(&result, || {
        format!(
            "{}  ({:.1} MiB)\n{}\n{shape}: {}, made in {:.1} s",
            proving.display(),
            bytes as f64 / (1 << 20) as f64,
            verifying.display(),
            prover.provenance(),
            took.as_secs_f64()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
