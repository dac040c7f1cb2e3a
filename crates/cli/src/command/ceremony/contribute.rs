//! `aep2 ceremony contribute`.

use std::{fs::File, io, os::fd::AsFd, path::PathBuf, process::ExitCode};

use aep2_ceremony::{
    attestation::{Attestation, STATEMENT_BYTES_MAX, Signed},
    contribute::{ENTROPY_CHARACTERS_MIN, contribute},
    entropy,
};
use alloy::signers::SignerSync;
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::{opened::Options, powers::to_json, progress::Steps};
use crate::{
    command, files,
    onchain::ethereum_key,
    output::{Output, hex},
};

/// Contribute: verify a state of a ceremony, and multiply it by a secret that is then forgotten
///
/// The secret comes from the system's randomness and from a line on standard input. The state is verified
/// first, from the powers of τ on: who multiplies whatever he is given can be made to help a forger.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    aep2 ceremony contribute 0004.zkey --ptau pot21.ptau --name alice --out 0005.zkey --attestation alice.json")]
pub(crate) struct Arguments {
    /// The state to contribute to: the last .zkey, or 0000.zkey
    state: PathBuf,

    #[command(flatten)]
    ceremony: Options,

    /// File to write: the state after the contribution
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,

    /// Your name, up to 64 bytes; it is public
    #[arg(long)]
    name: Option<String>,

    /// Write an attestation of the contribution into this file
    #[arg(long, value_name = "FILE", requires = "name")]
    attestation: Option<PathBuf>,

    /// What you want to say in the attestation
    #[arg(long, value_name = "TEXT", requires = "attestation")]
    statement: Option<String>,

    /// Sign the attestation with the Ethereum key in this file: 64 hexadecimal digits, or a keystore
    #[arg(long, value_name = "FILE", requires = "attestation")]
    key_file: Option<PathBuf>,

    /// File with the keystore's password [else it is taken from the variable AEP2_KEY_PASSWORD]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    password_file: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { state, ceremony, out, name, .. } = arguments;
    for path in [Some(out), arguments.attestation.as_ref()].into_iter().flatten() {
        ensure!(!path.exists(), "{} is there already", path.display());
    }
    let statement = arguments.statement.as_ref().map_or(0, String::len);
    ensure!(
        statement <= STATEMENT_BYTES_MAX,
        "--statement has {STATEMENT_BYTES_MAX} bytes at most"
    );
    let signer = arguments
        .key_file
        .as_deref()
        .map(|path| ethereum_key::read_file(path, arguments.password_file.as_deref()))
        .transpose()?;
    let typed = typed(output)?;
    let opened = ceremony.open(output)?;
    let bar = Steps::new(output);
    let done = command::threads(ceremony.threads)?.install(|| {
        let before = opened.verify(state, &bar)?;
        let hash = contribute(&before, &typed, name.as_deref(), out, &bar)?;
        anyhow::Ok((before.zkey().chain.contributions.len() + 1, hash))
    });
    bar.finish();
    drop(typed);
    let (number, hash) = done?;

    if let (Some(path), Some(name)) = (&arguments.attestation, name) {
        let mut attestation = Attestation {
            contribution: hash.into(),
            name: name.clone(),
            statement: arguments.statement.clone(),
            signed: None,
        };
        if let Some(signer) = signer {
            let signature = signer.sign_message_sync(attestation.text().as_bytes())?;
            let signature = signature.as_bytes().to_vec().into();
            attestation.signed = Some(Signed { signer: signer.address(), signature });
        }
        files::write(path, &(serde_json::to_string_pretty(&attestation)? + "\n"))?;
    }
    let result = json!({
        "state": out, "number": number, "hash": hex(&hash), "attestation": arguments.attestation,
        "plan_hash": hex(&opened.plan.hash()), "powers_of_tau": to_json(&opened.ptau),
    });
    output.result(&result, || {
        format!(
            "{}: contribution {number} of the ceremony with the plan {}\n{}\nGive the file to the \
             coordinator. Publish the hash: with it you find your contribution in the finished ceremony.",
            out.display(),
            hex(&opened.plan.hash()),
            hex(&hash)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A line that nobody can guess.
fn typed(output: &Output) -> anyhow::Result<Zeroizing<String>> {
    output.note(format!(
        "Type something that nobody can guess, at least {ENTROPY_CHARACTERS_MIN} characters, and Enter:"
    ));
    // Not through `Stdin`, whose buffer would keep the line.
    let handle = io::stdin().as_fd().try_clone_to_owned().context("cannot read standard input")?;
    let line = entropy::read_line(&mut File::from(handle))?;
    let characters = line.trim().chars().count();
    ensure!(characters >= ENTROPY_CHARACTERS_MIN, "that was {characters} characters");
    Ok(line)
}
