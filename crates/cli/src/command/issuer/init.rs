//! `aep2 issuer init`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_issuer::{
    Zone,
    settings::{EXAMPLE, IssuerSettings},
};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use super::{
    config::{self, FILE},
    owner::zone,
    token_out::{Known, TokenOutOptions},
};
use crate::{files, onchain::block_on, output::Output};

/// Make a mandate service: settings, a key, a store, and its first owner
///
/// The directory is for the service's user alone. Where it has an issuer.toml already, that one is used,
/// say with a key from elsewhere.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer init --directory issuer --token-file owner.token\n  \
                        aep2 issuer init --directory issuer --owner Ada --zone Europe/Berlin")]
pub(crate) struct Arguments {
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "aep2-issuer")]
    directory: PathBuf,

    /// What the first owner is called
    #[arg(long, value_name = "NAME", default_value = "owner")]
    owner: String,

    /// In which time zone the owner's days begin. It stays
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    zone: Zone,

    #[command(flatten)]
    token: TokenOutOptions,
}

#[derive(Serialize)]
struct Made<'a> {
    settings: &'a Path,
    store: &'a Path,
    /// The key's file, if this made one.
    kek_file: Option<&'a Path>,
    #[serde(flatten)]
    known: Known,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let directory = &arguments.directory;
    files::private_folder(directory)?;
    let file = directory.join(FILE);
    if !file.exists() {
        fs::write(&file, EXAMPLE).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let settings = IssuerSettings::read(&file)
        .with_context(|| format!("the settings in {} cannot be used", file.display()))?;
    config::refuse(&settings.check())?;
    let store = &settings.store;
    ensure!(
        !store.exists(),
        "there is a service in {} already; `aep2 issuer owner create` makes another owner",
        directory.display()
    );
    let place = arguments.token.prepare()?;
    let kek_file = settings.vault.kek_file.as_deref();
    // One that is there is used: an earlier try may have left it.
    let made = kek_file.filter(|kek| !kek.exists());
    if let Some(kek) = made {
        aep2_vault::generate(kek)?;
    }
    files::private_folder(store)?;
    let issuer = config::open(&settings)?;
    let (name, zone) = (arguments.owner.clone(), arguments.zone.clone());
    let (owner, token) = block_on(async { Ok(issuer.create_owner(name, zone).await?) })?;
    let known = place.put(owner, &token)?;
    let made = Made { settings: &file, store, kek_file: made, known };
    output.result(&made, || text(&made))?;
    Ok(ExitCode::SUCCESS)
}

fn text(made: &Made<'_>) -> String {
    let mut lines = vec![("settings", made.settings.display().to_string())];
    lines.push(("store", made.store.display().to_string()));
    if let Some(kek) = made.kek_file {
        lines.push(("key", format!("{} (keep a copy elsewhere)", kek.display())));
    }
    let start = made.settings.display();
    format!(
        "{}\n{}\nstart it with `aep2 issuer serve --config {start}`",
        crate::command::rows(&lines),
        made.known.text()
    )
}
