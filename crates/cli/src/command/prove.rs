//! `aep2 prove`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_circuits::Shape;
use aep2_prover::{
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
/// The proof has been verified when it is written.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The window, a JSON file (`aep2 sample` makes one); - for standard input
    window: PathBuf,

    /// The shape to prove in [default: the smallest named one that holds the window
    /// and has a key]
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
    let proved = pool.install(|| prover.prove(&window, &mut OsRng, &bar));
    bar.finish();
    let (proven, batch, timings) = proved?;

    files::write(out, &(serde_json::to_string_pretty(&proven)? + "\n"))?;
    if let Some(path) = inclusion {
        let proofs: Vec<_> =
            (0..window.ids().len()).map(|index| batch.inclusion_proof(&window, index)).collect();
        files::write(path, &(serde_json::to_string_pretty(&proofs)? + "\n"))?;
    }

    let settlement = &proven.settlement;
    let result = json!({
        "batch": out,
        "shape": shape.to_string(),
        "mandates": settlement.count,
        "debits": settlement.debits.len(),
        "payouts": settlement.payouts.len(),
        "key_load_s": load.as_secs_f64(),
        "witness_s": timings.witness.as_secs_f64(),
        "prove_s": timings.proof.total.as_secs_f64(),
    });
    if out.as_os_str() == "-" {
        return Ok(ExitCode::SUCCESS);
    }
    output.result(&result, || {
        format!(
            "{}: {} as {} and {}, shape {shape}, proved in {:.2} s",
            out.display(),
            count(settlement.count as usize, "mandate"),
            count(settlement.debits.len(), "debit"),
            count(settlement.payouts.len(), "payout"),
            timings.proof.total.as_secs_f64()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The smallest named shape that holds the window; one with a key, where there is one.
fn shape_for(window: &ValidWindow, keys: &Path) -> anyhow::Result<Shape> {
    let plain = Shape::NAMED.into_iter().filter(|_| !window.needs_capture());
    // Plain shapes first, and each list in the order of its proofs' cost.
    let fitting: Vec<Shape> = plain
        .chain(Shape::NAMED.map(Shape::with_capture))
        .filter(|shape| window.lanes_needed(shape.slots()) <= shape.lanes())
        .collect();
    let kept = fitting.iter().find(|shape| Prover::is_kept(keys, **shape));
    kept.or(fitting.first()).copied().with_context(|| {
        let largest = Shape::CHAINS;
        format!(
            "no named shape holds this window: its chains need {} lanes of {} slots. Make a key \
             for a larger shape with `aep2 setup`, or prove the window in parts",
            window.lanes_needed(largest.slots()),
            largest.slots()
        )
    })
}
