//! `aep2 dispute-processor init`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_arbiter::{
    judges::{self, Judge, Role},
    settings::EXAMPLE,
};
use alloy::{
    primitives::{Address, hex},
    signers::local::PrivateKeySigner,
};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use super::config::FILE;
use crate::{
    command::rows,
    files::{self, SecretFile},
    onchain::ethereum_key,
    output::Output,
};

/// Make a dispute processor: settings, the key that signs rulings, and its first judge's token
///
/// Payees name the key's address in their terms (`extra.disputes.arbiter`). Which processors are asked is
/// for the settings to say.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 dispute-processor init --directory arbiter --judge ann")]
pub(crate) struct Arguments {
    /// Where everything is kept, for this user alone
    #[arg(long, value_name = "DIR", default_value = "aep2-arbiter")]
    directory: PathBuf,

    /// What the first judge is called
    #[arg(long, value_name = "NAME", default_value = "judge")]
    judge: String,
}

#[derive(Serialize)]
struct Made<'a> {
    settings: &'a Path,
    key_file: &'a Path,
    /// What payees' terms name.
    arbiter: Address,
    kek_file: &'a Path,
    judge: &'a str,
    token_file: &'a Path,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { directory, judge } = arguments;
    files::private_folder(directory)?;
    let file = directory.join(FILE);
    ensure!(
        !file.exists(),
        "there is a {} already; `aep2 dispute-processor token` makes another judge",
        file.display()
    );
    let (token, token_sha256) = judges::new_token();
    let first = Judge { name: judge.clone(), role: Role::Judge, token_sha256 };
    judges::check(&[first]).map_err(anyhow::Error::msg)?;
    let (key_file, kek) = (directory.join("arbiter.key"), directory.join("kek"));
    let token_file = directory.join(format!("{judge}.token"));
    SecretFile::create(&token_file)?.write(&format!("{token}\n"))?;
    // Keys that are there are used: an earlier try may have left them.
    if !kek.exists() {
        aep2_vault::generate(&kek)?;
    }
    if !key_file.exists() {
        let key = PrivateKeySigner::random();
        let digits = Zeroizing::new(format!("{}\n", hex::encode(key.to_bytes())));
        SecretFile::create(&key_file)?.write(&digits)?;
    }
    let arbiter = ethereum_key::read_file(&key_file, None)?.address();
    let entry = super::token::entry(judge, Role::Judge, token_sha256);
    let settings = format!("{EXAMPLE}\n{entry}");
    fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
    let made = Made {
        settings: &file,
        key_file: &key_file,
        arbiter,
        kek_file: &kek,
        judge,
        token_file: &token_file,
    };
    output.result(&made, || text(&made))?;
    Ok(ExitCode::SUCCESS)
}

fn text(made: &Made<'_>) -> String {
    let lines = [
        ("settings", made.settings.display().to_string()),
        ("arbiter", format!("{} (payees' terms name it)", made.arbiter)),
        ("its key", format!("{} (keep a copy elsewhere)", made.key_file.display())),
        ("vault's key", format!("{} (keep a copy elsewhere)", made.kek_file.display())),
        ("judge", made.judge.to_owned()),
        ("token", made.token_file.display().to_string()),
    ];
    format!(
        "{}\nname the processors in it, and start it with `aep2 dispute-processor serve --config {}`",
        rows(&lines),
        made.settings.display()
    )
}
