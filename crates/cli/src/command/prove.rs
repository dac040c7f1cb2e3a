//! `aep2 prove`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use aep2_circuits::Shape;
use aep2_prover::{
    arrange::SEGMENTS_MAX,
    blinding::Blinding,
    progress::Stage,
    prover::Prover,
    window::{ValidWindow, Window},
};
use anyhow::Context;
use clap::Args;
use rand::rngs::OsRng;
use serde_json::json;

use crate::{
    files::{self, Keys},
    output::{Output, count, timed},
};

/// Prove a window of signed mandates
///
/// A window that one proof does not hold is proved in segments, each with a proof of its own; one
/// transaction settles them all. The proofs have been verified when they are written.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The window, a JSON file (`aep2 sample` makes one); - for standard input
    window: PathBuf,

    /// The shape to prove in [default: the smallest named one that holds the window
    /// and has a key; where none holds it, segments of the largest one]
    #[arg(long)]
    shape: Option<Shape>,

    /// Where to write the proven batch; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "batch.json")]
    out: PathBuf,

    /// Write the inclusion proof of every mandate, too: a JSON list, in the window's order
    #[arg(long, value_name = "FILE")]
    inclusion: Option<PathBuf>,

    /// Use at most so many threads
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { window, shape, out, inclusion, threads, keys } = arguments;
    let window: Window = files::read_json(window)?;
    let window = window.validate(&mut OsRng).context("the window cannot be proved")?;
    let shape = shape.map_or_else(|| shape_for(&window, &keys.folder), Ok)?;
    // Say that the window does not fit before the key is loaded, not after.
    window.lanes(shape).context("the window cannot be proved")?;

    let pool = super::threads(*threads)?;
    let (prover, load) = timed(|| pool.install(|| Prover::load(&keys.folder, shape)));
    let prover = prover?;
    let bar = output.bar(&Stage::PROVE);
    let blinding = Blinding::random(&mut OsRng);
    let proved = pool.install(|| prover.prove(&window, &blinding, &mut OsRng, &bar));
    bar.finish();
    let (proven, batch, timings) = proved?;

    files::write(out, &(serde_json::to_string_pretty(&proven)? + "\n"))?;
    if let Some(path) = inclusion {
        let proofs: Vec<_> =
            (0..window.ids().len()).map(|index| batch.inclusion_proof(&window, index)).collect();
        files::write(path, &(serde_json::to_string_pretty(&proofs)? + "\n"))?;
    }

    let settlement = &proven.settlement;
    let (witness, proof) =
        timings.segments.iter().fold((Duration::ZERO, Duration::ZERO), |(witness, proof), own| {
            (witness + own.witness, proof + own.proof.total)
        });
    let result = json!({
        "batch": out,
        "batch_id": proven.id(),
        "shape": shape.to_string(),
        "segments": proven.segments.len(),
        "mandates": settlement.count,
        "debits": settlement.debits.len(),
        "payouts": settlement.payouts.len(),
        "key_load_s": load.as_secs_f64(),
        "witness_s": witness.as_secs_f64(),
        "prove_s": proof.as_secs_f64(),
    });
    if out.as_os_str() == "-" {
        return Ok(ExitCode::SUCCESS);
    }
    output.result(&result, || {
        format!(
            "{}: {} as {} and {}, {} of {shape}, proved in {:.2} s",
            out.display(),
            count(settlement.count as usize, "mandate"),
            count(settlement.debits.len(), "debit"),
            count(settlement.payouts.len(), "payout"),
            count(proven.segments.len(), "segment"),
            proof.as_secs_f64()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The smallest named shape that holds the window; one with a key, where there is one. Where none
/// holds it, the one that holds it in the fewest segments.
fn shape_for(window: &ValidWindow, keys: &Path) -> anyhow::Result<Shape> {
    let plain = Shape::NAMED.into_iter().filter(|_| !window.needs_capture());
    // Plain shapes first, and each list in the order of its proofs' cost.
    let named: Vec<Shape> = plain.chain(Shape::NAMED.map(Shape::with_capture)).collect();
    let mut fitting: Vec<(Shape, usize)> = named
        .into_iter()
        .map(|shape| (shape, window.segments_needed(shape)))
        .filter(|(_, segments)| *segments <= SEGMENTS_MAX)
        .collect();
    if let Some(fewest) = fitting.iter().map(|(_, segments)| *segments).min() {
        fitting.retain(|(_, segments)| *segments == fewest);
    }
    let kept = fitting.iter().find(|(shape, _)| Prover::is_kept(keys, *shape));
    kept.or(fitting.first()).map(|(shape, _)| *shape).with_context(|| {
        let largest = Shape::CHAINS;
        format!(
            "no named shape holds this window in {SEGMENTS_MAX} segments: its chains need {} lanes of \
             {} slots. Make a key for a larger shape with `aep2 setup`, or prove the window in parts",
            window.lanes_needed(largest.slots()),
            largest.slots()
        )
    })
}
