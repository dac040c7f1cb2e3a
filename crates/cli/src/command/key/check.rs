//! `aep2 key check`.

use std::{fs, path::PathBuf, process::ExitCode};

use aep2_ceremony::{finish::transcript_name, key::check_key, transcript::Transcript};
use aep2_prover::key_file::{Half, Provenance, file_name, read_proving_key, read_verifying_key};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use crate::{
    command::{
        self,
        ceremony::{Options, Steps, now},
    },
    files::Keys,
    output::{Output, hex},
};

/// Check that a shape's keys are those of a ceremony: circuit, powers of τ, contributions, all points
///
/// Exits with 0 when they are, with 1 when not. Whether the plan and the contributors' hashes are those
/// that were published, and the beacon's value its source's, only people can tell.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The closed state of the ceremony: its last .zkey
    state: PathBuf,

    #[command(flatten)]
    ceremony: Options,

    #[command(flatten)]
    keys: Keys,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    match check(arguments, output) {
        Ok(transcript) => {
            let hash = hex(&transcript.hash());
            let result = json!({ "valid": true, "transcript_hash": hash });
            output.result(&result, || {
                let people = transcript.contributions.len() - 1;
                format!("valid: {people} contributions and a beacon, transcript {hash}")
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let result = json!({ "valid": false, "reason": format!("{error:#}") });
            output.result(&result, || format!("INVALID: {error:#}"))?;
            Ok(ExitCode::from(1))
        }
    }
}

fn check(arguments: &Arguments, output: &Output) -> anyhow::Result<Transcript> {
    let Arguments { state, ceremony, keys } = arguments;
    let opened = ceremony.open(output)?;
    let record = keys.folder.join(transcript_name(&opened.id));
    let text = fs::read_to_string(&record)
        .with_context(|| format!("cannot read the transcript {}", record.display()))?;
    let path =
        |half| keys.folder.join(file_name(half, opened.plan.shape, Provenance::RandomDevelopment));
    let proving = read_proving_key(&path(Half::Proving), &opened.id)?;
    let verifying = read_verifying_key(&path(Half::Verifying), &opened.id)?;

    let bar = Steps::new(output);
    let checked = command::threads(ceremony.threads)?.install(|| {
        let last = opened.verify(state, &bar)?;
        let transcript = Transcript::check(&text, &last, now()?)?;
        check_key(&opened.statement, &last, &proving.key, &path(Half::Proving), &bar)?;
        anyhow::Ok(transcript)
    });
    bar.finish();
    let transcript = checked?;
    ensure!(
        transcript.plan == opened.plan,
        "the transcript has another plan than the ceremony's folder"
    );
    let provenance = Provenance::Ceremony { transcript: transcript.hash() };
    ensure!(
        proving.provenance == provenance && verifying.provenance == provenance,
        "the keys do not name this transcript: {}; {}",
        proving.provenance,
        verifying.provenance
    );
    ensure!(
        verifying.key == proving.key.verifying_key,
        "the two files hold different verifying keys"
    );
    Ok(transcript)
}
