//! `aep2 key check`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_ceremony::{finish::transcript_name, key::check_key, transcript::Transcript};
use aep2_chain::deployment::Deployment;
use aep2_prover::{
    groth16::VerifyingKey,
    key_file::{Half, Loaded, Provenance, file_name, read_proving_key, read_verifying_key},
};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use super::report::{InDeployment, Report};
use crate::{
    command::{
        self,
        ceremony::{Opened, Options, Steps, now},
    },
    files::Keys,
    onchain::{block_on, node::NodeOptions},
    output::Output,
};

/// Check that a shape's keys are those of a ceremony: circuit, powers of τ, plan, contributions, all points
///
/// Exits with 0 when they are, with 1 when not. Says what was checked and what only people can tell. With
/// --deployment, whether the deployment's verifying key is this one, too.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    aep2 key check last.zkey --ptau powersOfTau28_hez_final_21.ptau --keys keys --deployment aep2-deployment.json")]
pub(crate) struct Arguments {
    /// The closed state of the ceremony: its last .zkey
    state: PathBuf,

    #[command(flatten)]
    ceremony: Options,

    #[command(flatten)]
    keys: Keys,

    /// Compare the verifying key with that of the shape's verifier in this deployment's file
    #[arg(long, value_name = "FILE")]
    deployment: Option<PathBuf>,

    /// Ask the node, too, whether the verifier on the chain has the key that the deployment's file names
    #[arg(long, requires = "deployment")]
    on_chain: bool,

    #[command(flatten)]
    node: NodeOptions,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.on_chain {
        // That no node answers says nothing about the keys.
        block_on(arguments.node.connect())?;
    }
    match check(arguments, output) {
        Ok(report) => {
            output.result(&report.to_json(), || report.to_text())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let result = json!({ "valid": false, "reason": format!("{error:#}") });
            output.result(&result, || format!("INVALID: {error:#}"))?;
            Ok(ExitCode::from(1))
        }
    }
}

fn check(arguments: &Arguments, output: &Output) -> anyhow::Result<Report> {
    let Arguments { state, ceremony, keys, .. } = arguments;
    let opened = ceremony.open(output)?;
    let threads = ceremony.threads;
    let (transcript, verifying) = check_files(state, &opened, &keys.folder, threads, output)?;
    let deployment = match &arguments.deployment {
        None => None,
        Some(file) => Some(in_deployment(file, &verifying, &opened, arguments)?),
    };
    let verifying_key_hash = verifying.verifying_key_hash;
    Ok(Report { opened, transcript, verifying_key_hash, deployment })
}

/// The ceremony, its transcript and both halves of the key.
fn check_files(
    state: &Path,
    opened: &Opened,
    folder: &Path,
    threads: Option<usize>,
    output: &Output,
) -> anyhow::Result<(Transcript, Loaded<VerifyingKey>)> {
    let shape = opened.plan.shape;
    let text = Transcript::read(&folder.join(transcript_name(shape)))?;
    let path = |half| folder.join(file_name(half, shape, Provenance::RandomDevelopment));
    let proving = read_proving_key(&path(Half::Proving), &opened.id)?;
    let verifying = read_verifying_key(&path(Half::Verifying), &opened.id)?;

    let bar = Steps::new(output);
    let checked = command::threads(threads)?.install(|| {
        let last = opened.verify(state, &bar)?;
        let transcript = Transcript::check(&text, &last, now()?)?;
        check_key(&opened.statement, &last, &proving.key, &path(Half::Proving), &bar)?;
        anyhow::Ok(transcript)
    });
    bar.finish();
    let transcript = checked?;
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
    Ok((transcript, verifying))
}

/// Whether a deployment's verifier of the shape has this key.
fn in_deployment(
    file: &Path,
    verifying: &Loaded<VerifyingKey>,
    opened: &Opened,
    arguments: &Arguments,
) -> anyhow::Result<InDeployment> {
    let (name, shape) = (file.display(), opened.plan.shape);
    let deployment = Deployment::read(file)?;
    let own = deployment.check_key(shape, verifying).with_context(|| name.to_string())?;
    if arguments.on_chain {
        block_on(async {
            let node = arguments.node.connect().await?;
            // The verifier's key among all else that the file says.
            let checked = deployment.verify(&node.provider).await;
            checked.with_context(|| format!("{} does not have what {name} says", node.name))
        })?;
    }
    Ok(InDeployment {
        file: file.to_owned(),
        chain_id: deployment.chain_id,
        verifier: own.address,
        on_chain: arguments.on_chain,
    })
}
