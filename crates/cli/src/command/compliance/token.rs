//! `aep2 compliance token`.

use std::{path::PathBuf, process::ExitCode};

use aep2_compliance::officers::{self, Officer, Role};
use alloy::primitives::B256;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{files::SecretFile, output::Output};

/// Make an officer's token, and the entry for the settings
///
/// The settings keep the token's hash. Who has the token acts in the officer's name: each has one of their
/// own, since some decisions take two officers. The processor reads the settings when it starts.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 compliance token bob --token-file bob.token >> compliance/compliance.toml\n  \
                        aep2 compliance token auditor --role reader")]
pub(crate) struct Arguments {
    /// The name that records show
    name: String,

    /// What they may do
    #[arg(long, value_enum, default_value_t = RoleName::Officer)]
    role: RoleName,

    /// Write the token to this new file, readable by you alone (0600), instead of showing it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    /// Look at everything but evidence
    Reader,
    /// Look at everything, and decide
    Officer,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let role = match arguments.role {
        RoleName::Reader => Role::Reader,
        RoleName::Officer => Role::Officer,
    };
    let (token, token_sha256) = officers::new_token();
    let officer = Officer { name: arguments.name.clone(), role, token_sha256 };
    officers::check(&[officer]).map_err(anyhow::Error::msg)?;
    let shown = match &arguments.token_file {
        None => Some(&token),
        Some(path) => {
            SecretFile::create(path)?.write(&format!("{token}\n"))?;
            None
        }
    };
    let entry = entry(&arguments.name, role, token_sha256);
    let result = json!({
        "name": arguments.name, "role": role, "token_sha256": token_sha256, "token": shown,
        "token_file": arguments.token_file,
    });
    output.result(&result, || match shown {
        None => entry.trim_end().to_owned(),
        Some(token) => format!("# The token, shown once: {token}\n{}", entry.trim_end()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// An officer in the settings.
pub(super) fn entry(name: &str, role: Role, token_sha256: B256) -> String {
    let role = match role {
        Role::Reader => "reader",
        Role::Officer => "officer",
    };
    format!("[[officers]]\nname = {name:?}\nrole = {role:?}\ntoken_sha256 = \"{token_sha256}\"\n")
}
