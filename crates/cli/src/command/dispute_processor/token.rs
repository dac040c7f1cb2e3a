//! `aep2 dispute-processor token`.

use std::{path::PathBuf, process::ExitCode};

use aep2_arbiter::judges::{self, Judge, Role};
use alloy::primitives::B256;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{files::SecretFile, output::Output};

/// Make a judge's token, and the entry for the settings
///
/// The settings keep the token's hash. Who has the token decides in the judge's name: each has one of their
/// own, since some decisions take two judges. The dispute processor reads the settings when it starts.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute-processor token bob --token-file bob.token >> arbiter/arbiter.toml\n  \
                        aep2 dispute-processor token auditor --role reader")]
pub(crate) struct Arguments {
    /// The name that records show
    name: String,

    /// What they may do
    #[arg(long, value_enum, default_value_t = RoleName::Judge)]
    role: RoleName,

    /// Write the token to this new file, readable by you alone (0600), instead of showing it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    /// Look at cases, but neither at what parties said nor at evidence
    Reader,
    /// Look at everything, and decide
    Judge,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let role = match arguments.role {
        RoleName::Reader => Role::Reader,
        RoleName::Judge => Role::Judge,
    };
    let (token, token_sha256) = judges::new_token();
    let judge = Judge { name: arguments.name.clone(), role, token_sha256 };
    judges::check(&[judge]).map_err(anyhow::Error::msg)?;
    let shown = match &arguments.token_file {
        None => Some(&token),
        Some(path) => {
            SecretFile::create(path)?.write(&format!("{token}\n"))?;
            None
        }
    };
    let entry = entry(&arguments.name, role, token_sha256);
    let result = json!({
        "name": arguments.name, "role": role, "token": shown, "token_file": arguments.token_file,
        "token_sha256": token_sha256, "entry": entry,
    });
    output.result(&result, || match shown {
        Some(token) => format!("# the token, shown this once: {token}\n{entry}"),
        None => entry.clone(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The settings' entry of a judge.
pub(super) fn entry(name: &str, role: Role, token_sha256: B256) -> String {
    let role = match role {
        Role::Reader => "reader",
        Role::Judge => "judge",
    };
    format!("[[judges]]\nname = \"{name}\"\nrole = \"{role}\"\ntoken_sha256 = \"{token_sha256}\"\n")
}
