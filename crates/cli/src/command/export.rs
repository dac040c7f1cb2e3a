//! `aep2 export`.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::PathBuf,
    process::ExitCode,
};

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
///
/// Of a batch of several segments, each has its files, numbered from 1.
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
    let mut by_shape = BTreeMap::new();
    for shape in proven.segments.iter().map(|segment| segment.shape) {
        if let Entry::Vacant(place) = by_shape.entry(shape) {
            place.insert(load_verifying_key(&keys.folder, shape)?.key);
        }
    }
    proven.verify(|shape| by_shape.get(&shape)).context("the batch is not exported")?;

    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut written = Vec::new();
    let mut write = |name: &str, text: String| {
        let path = out.join(name);
        files::write(&path, &(text + "\n"))?;
        written.push(path);
        anyhow::Ok(())
    };
    let several = proven.segments.len() > 1;
    for (index, (segment, inputs)) in proven.segments.iter().zip(proven.public_inputs()).enumerate()
    {
        let name = |stem: &str| match several {
            true => format!("{stem}-{}.json", index + 1),
            false => format!("{stem}.json"),
        };
        let (key, inputs) = (&by_shape[&segment.shape], inputs.to_vec());
        match form {
            Form::Snarkjs => {
                let key = pretty(&VerifyingKeyJson::from(key))?;
                write(&name("verification_key"), key)?;
                write(&name("public"), pretty(&snarkjs::inputs_to_json(&inputs))?)?;
                write(&name("proof"), pretty(&ProofJson::from(&segment.proof))?)?;
            }
            Form::Calldata => {
                let words = json!({
                    "proof": hex(&calldata::proof_to_bytes(&segment.proof)),
                    "proofWords": calldata::proof_to_words(&segment.proof),
                    "publicInputs": calldata::inputs_to_words(&inputs),
                    "verifyingKey": calldata::verifying_key_to_words(key),
                });
                write(&name("calldata"), pretty(&words)?)?;
            }
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
