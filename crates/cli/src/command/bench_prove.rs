//! `aep2 bench prove`.

use std::process::ExitCode;

use aep2_benches::proving::{self, Figures};
use aep2_circuits::Shape;
use aep2_prover::progress::Stage;
use anyhow::Context;
use clap::Args;

use crate::output::Output;

/// Measure set-up, proving and verifying of a shape
///
/// The window is full of made-up payments, really signed. The key is made for the run, written to a
/// temporary folder, read back and removed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Lanes: how many signatures one proof checks
    #[arg(long, value_name = "S")]
    lanes: u32,

    /// Slots: how many chained mandates a lane holds
    #[arg(long, value_name = "L")]
    slots: u32,

    /// With capture
    #[arg(long)]
    capture: bool,

    /// Use at most so many threads
    #[arg(long, value_name = "T")]
    threads: Option<usize>,

    /// How many proofs to make
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { lanes, slots, capture, threads, runs } = arguments;
    let shape = Shape::new(*lanes, *slots, *capture)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let bar = output.bar(&Stage::SETUP_AND_PROVE);
    let measured = super::threads(*threads)?
        .install(|| proving::measure(shape, (*runs).into(), folder.path(), &bar));
    bar.finish();
    let figures = measured?;
    output.result(&figures, || table(&figures))?;
    Ok(ExitCode::SUCCESS)
}

/// The figures as lines of text.
pub(crate) fn table(figures: &Figures) -> String {
    let steps = &figures.steps;
    let mib = |mib: Option<f64>| mib.map_or("unknown".to_owned(), |mib| format!("{mib:.0} MiB"));
    let rows = [
        ("shape", format!("{}, {} mandates", figures.shape, figures.mandates)),
        (
            "constraints",
            format!(
                "{} ({} a slot, {} a lane), domain 2^{}",
                figures.size.constraints,
                figures.size.constraints_per_slot,
                figures.size.constraints_per_lane,
                figures.size.domain.trailing_zeros()
            ),
        ),
        (
            "set-up",
            format!("{:.2} s, at most {}", figures.setup_s, mib(figures.setup_peak_rss_mib)),
        ),
        ("key", format!("{:.0} MiB, loaded in {:.2} s", figures.key_mib, figures.key_load_s)),
        (
            "proof",
            format!(
                "{:.2} s (of {} runs; {:.2} to {:.2}), at most {}",
                figures.prove_s.median,
                figures.runs,
                figures.prove_s.min,
                figures.prove_s.max,
                mib(figures.peak_rss_mib)
            ),
        ),
        ("  arranging", format!("{:.3} s", steps.arrange_s)),
        ("  witness", format!("{:.3} s", figures.witness_s)),
        ("  transforms", format!("{:.3} s", steps.fft_s)),
        ("  sum A", format!("{:.3} s", steps.msm_a_s)),
        ("  sum B in G1", format!("{:.3} s", steps.msm_b_g1_s)),
        ("  sum B in G2", format!("{:.3} s", steps.msm_b_g2_s)),
        ("  sum L", format!("{:.3} s", steps.msm_l_s)),
        ("  sum H", format!("{:.3} s", steps.msm_h_s)),
        ("verifying", format!("{:.2} ms", figures.verify_ms)),
        ("throughput", format!("{:.1} mandates a second", figures.mandates_per_s)),
        ("threads", figures.threads.to_string()),
    ];
    let lines: Vec<String> =
        rows.iter().map(|(name, value)| format!("{name:14} {value}")).collect();
    lines.join("\n")
}
