//! One signature per mandate against lanes of many, at the same domain size, in one run.
//!
//! Each side fills the domain with as many mandates as it holds. Exits with 1 when lanes do not
//! prove at least `--at-least` times as many mandates a second.

use std::process::ExitCode;

use aep2_benches::proving::Measurement;
use aep2_circuits::{Shape, size::Size};
use anyhow::{Context, ensure};
use clap::Parser;
use serde_json::json;

/// Compare lanes of one mandate with lanes of many
#[derive(Parser)]
struct Arguments {
    /// The domain's size is 2 to this power
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(13..=24))]
    log2_domain: u32,

    /// Slots of the long lanes
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=250))]
    slots: u32,

    /// Proofs to make of each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    /// The ratio that must be reached
    #[arg(long, default_value_t = 4.0)]
    at_least: f64,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { log2_domain, slots, runs, at_least } = Arguments::parse();
    let domain = 1usize << log2_domain;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let prepare = |slots| {
        let shape = largest(slots, domain)?;
        eprintln!("{shape}: {} mandates, its key …", shape.mandates_max());
        Measurement::prepare(shape, folder.path(), &())
    };
    let (mut singles, mut lanes) = (prepare(1)?, prepare(slots)?);
    // In turns, so that a busy spell of the machine falls on both.
    for run in 1..=runs {
        eprintln!("proofs {run} of {runs} …");
        singles.prove(&())?;
        lanes.prove(&())?;
    }
    let (singles, lanes) = (singles.figures()?, lanes.figures()?);
    for figures in [&singles, &lanes] {
        ensure!(figures.size.domain == domain, "{} does not fill the domain", figures.shape);
    }
    let ratio = lanes.mandates_per_s / singles.mandates_per_s;
    let result = json!({ "singles": singles, "lanes": lanes, "ratio": ratio });
    println!("{}", serde_json::to_string_pretty(&result)?);
    eprintln!("{ratio:.2} times as many mandates a second in lanes of {slots}");
    Ok(if ratio >= at_least { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The shape with the most lanes of so many slots that the domain holds.
fn largest(slots: u32, domain: usize) -> anyhow::Result<Shape> {
    let fits = |lanes: u32| -> anyhow::Result<bool> {
        Ok(Size::of(Shape::new(lanes, slots, false)?).domain <= domain)
    };
    ensure!(fits(1)?, "no lane of {slots} slots fits a domain of {domain}");
    let (mut holds, mut too_many) = (1, 2);
    while fits(too_many)? {
        (holds, too_many) = (too_many, too_many * 2);
    }
    while too_many - holds > 1 {
        let middle = holds.midpoint(too_many);
        if fits(middle)? {
            holds = middle;
        } else {
            too_many = middle;
        }
    }
    Ok(Shape::new(holds, slots, false)?)
}
