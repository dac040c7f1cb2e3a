//! `aep2 sample`.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use aep2_circuits::Shape;
use aep2_mandate::units::UnixTime;
use aep2_prover::sample;
use clap::Args;

use crate::{
    files,
    output::{Output, count},
    seed,
};

/// How long a sample window can be settled.
const VALID_FOR_SECONDS: u64 = 86_400;

/// Write a window of made-up payments, really signed
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shape to fill: an account for each lane, a chain of payments in each
    #[arg(long, default_value_t = Shape::TEST)]
    shape: Shape,

    /// Make the same keys and payments every time, from this text
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,

    /// Where to write the window; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { shape, seed, out } = arguments;
    let window = sample::window(*shape, tomorrow()?, &mut seed::generator(seed.as_deref()));
    files::write(out, &(serde_json::to_string_pretty(&window)? + "\n"))?;
    output.note(format!(
        "{} of {}",
        count(window.mandates.len(), "mandate"),
        count(shape.lanes(), "account")
    ));
    Ok(ExitCode::SUCCESS)
}

/// The time in a day.
pub(crate) fn tomorrow() -> anyhow::Result<UnixTime> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(UnixTime::new(now + VALID_FOR_SECONDS)?)
}
