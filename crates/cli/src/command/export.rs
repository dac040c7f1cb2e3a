//! `aep2 export`.

use std::{fs, path::PathBuf, process::ExitCode};

use aep2_prover::{
    export::{
        calldata,
        snarkjs::{self, ProofJson, VerifyingKeyJson},
    },
    proven::Proven,
    prover::load_verifying_key,
};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use crate::{
    files::{self, Keys},
    output::{Output, hex},
};

/// Write a proven batch in the form that other software reads
#[derive(Args)]
pub(crate) struct Arguments {
    /// The proven batch, a JSON file that `aep2 prove` wrote; - for standard input
    batch: PathBuf,

    /// The form
    #[arg(long = "as", value_enum)]
    form: Form,

    /// Folder to write into
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    out: PathBuf,

    #[command(flatten)]
    keys: Keys,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// verification_key.json, public.json and proof.json, as `snarkjs groth16 verify` takes them
    Snarkjs,
    /// calldata.json: proof, public inputs and verifying key as words for Solidity
    Calldata,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { batch, form, out, keys } = arguments;
    let proven: Proven = files::read_json(batch)?;
    let key = load_verifying_key(&keys.folder, proven.settlement.shape)?.key;
    proven.verify(&key).context("the batch is not exported")?;
    let inputs = proven.public_inputs()?;

    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut written = Vec::new();
    let mut write = |name: &str, text: String| {
        let path = out.join(name);
        files::write(&path, &(text + "\n"))?;
        written.push(path);
        anyhow::Ok(())
    };
    match form {
        Form::Snarkjs => {
            write("verification_key.json", pretty(&VerifyingKeyJson::from(&key))?)?;
            write("public.json", pretty(&snarkjs::inputs_to_json(&inputs))?)?;
            write("proof.json", pretty(&ProofJson::from(&proven.proof))?)?;
        }
        Form::Calldata => {
            let words = json!({
                "proof": hex(&calldata::proof_to_bytes(&proven.proof)),
                "proofWords": calldata::proof_to_words(&proven.proof),
                "publicInputs": calldata::inputs_to_words(&inputs),
                "verifyingKey": calldata::verifying_key_to_words(&key),
            });
            write("calldata.json", pretty(&words)?)?;
        }
    }
    output.result(&json!({ "files": written }), || {
        let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        names.join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn pretty(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}
