//! `aep2 compliance init`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_compliance::{officers, settings::EXAMPLE};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use crate::{
    command::rows,
    files::{self, SecretFile},
    output::Output,
};

/// Make the settings of a processor's compliance, its keys, and its first officer's token
///
/// Nobody is looked at yet: name lists, services or issuers in the settings, and rules that ask them. Then
/// name the file in the processor's settings, in the section `compliance`: settings = "…/compliance.toml".
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 compliance init --directory compliance --officer alice\n  \
                        aep2 compliance token bob --role reader")]
pub(crate) struct Arguments {
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "aep2-compliance")]
    directory: PathBuf,

    /// What the first officer is called
    #[arg(long, value_name = "NAME", default_value = "officer")]
    officer: String,
}

#[derive(Serialize)]
struct Made<'a> {
    settings: &'a Path,
    kek_file: &'a Path,
    travel_rule_key: &'a Path,
    officer: &'a str,
    token_file: &'a Path,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { directory, officer } = arguments;
    files::private_folder(directory)?;
    let file = directory.join("compliance.toml");
    ensure!(
        !file.exists(),
        "there is a {} already; `aep2 compliance token` makes another officer",
        file.display()
    );
    let (token, token_sha256) = officers::new_token();
    let first =
        officers::Officer { name: officer.clone(), role: officers::Role::Officer, token_sha256 };
    officers::check(&[first]).map_err(anyhow::Error::msg)?;
    let token_file = directory.join(format!("{officer}.token"));
    let kek = directory.join("kek");
    let travel_rule = directory.join("travel-rule.jwk");
    SecretFile::create(&token_file)?.write(&format!("{token}\n"))?;
    // One that is there is used: an earlier try may have left it.
    if !kek.exists() {
        aep2_vault::generate(&kek)?;
    }
    if !travel_rule.exists() {
        aep2_travel_rule::jwe::generate(&travel_rule)?;
    }
    let entry = super::token::entry(officer, officers::Role::Officer, token_sha256);
    let settings = EXAMPLE.replacen("\n[rules]\n", &format!("\n{entry}\n[rules]\n"), 1);
    fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
    let made = Made {
        settings: &file,
        kek_file: &kek,
        travel_rule_key: &travel_rule,
        officer,
        token_file: &token_file,
    };
    output.result(&made, || text(&made))?;
    Ok(ExitCode::SUCCESS)
}

fn text(made: &Made<'_>) -> String {
    let lines = [
        ("settings", made.settings.display().to_string()),
        ("key", format!("{} (keep a copy elsewhere)", made.kek_file.display())),
        ("officer", made.officer.to_owned()),
        ("token", made.token_file.display().to_string()),
    ];
    format!(
        "{}\nname who is asked about whom in it, and name it in the processor's settings:\n  \
         [compliance]\n  settings = {:?}",
        rows(&lines),
        made.settings
    )
}
