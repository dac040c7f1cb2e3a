//! `aep2 ceremony r1cs`.

use std::{path::PathBuf, process::ExitCode};

use aep2_ceremony::r1cs::write_r1cs;
use aep2_circuits::{Shape, statement::Statement};
use clap::Args;
use serde_json::json;

use crate::output::Output;

/// Write a shape's constraint system as .r1cs, for snarkjs and other provers
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shape
    #[arg(long)]
    shape: Shape,

    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { shape, out } = arguments;
    write_r1cs(&Statement::blank(*shape), out)?;
    output.result(&json!({ "file": out }), || out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
