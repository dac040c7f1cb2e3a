//! `aep2 issuer owner`: on the service's machine, while it is stopped.

use std::process::ExitCode;

use aep2_issuer::{Issuer, Zone, records::OwnerRecord};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    config::ConfigOptions,
    token_out::{Known, TokenOutOptions},
};
use crate::{onchain::block_on, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Create),
    List(List),
    Token(Token),
}

/// Make another owner, who sees nothing of the others
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        aep2 issuer owner create --config issuer --name Ada --token-file ada.token")]
pub(crate) struct Create {
    /// What the owner is called
    #[arg(long)]
    name: String,

    /// In which time zone the owner's days begin. It stays
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    zone: Zone,

    #[command(flatten)]
    token: TokenOutOptions,

    #[command(flatten)]
    config: ConfigOptions,
}

/// List the owners
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer owner list --config issuer")]
pub(crate) struct List {
    #[command(flatten)]
    config: ConfigOptions,
}

/// Give an owner a new token. The one before is worth nothing any more
#[derive(Args)]
#[command(after_help = "Example, after a token was lost or stolen:\n  \
                        aep2 issuer owner token Ada --config issuer --token-file ada.token")]
pub(crate) struct Token {
    /// The owner's id, or name
    #[arg(value_name = "OWNER")]
    owner: String,

    #[command(flatten)]
    token: TokenOutOptions,

    #[command(flatten)]
    config: ConfigOptions,
}

/// A time zone, from its name.
pub(super) fn zone(text: &str) -> Result<Zone, String> {
    Zone::try_from(text.to_owned()).map_err(|error| error.to_string())
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => {
            let issuer = arguments.config.open()?;
            let place = arguments.token.prepare()?;
            let (name, zone) = (arguments.name.clone(), arguments.zone.clone());
            let (owner, token) = block_on(async { Ok(issuer.create_owner(name, zone).await?) })?;
            say(&place.put(owner, &token)?, output)?;
        }
        Command::List(arguments) => {
            let owners = arguments.config.open()?.owners()?;
            output.result(&json!({ "owners": owners }), || text(&owners))?;
        }
        Command::Token(arguments) => {
            let issuer = arguments.config.open()?;
            let owner = find(&issuer, &arguments.owner)?;
            let place = arguments.token.prepare()?;
            let token = block_on(async { Ok(issuer.change_token(owner.id).await?) })?;
            say(&place.put(owner, &token)?, output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(known: &Known, output: &Output) -> anyhow::Result<()> {
    output.result(known, || known.text())
}

/// The owner with an id, or the only one with a name.
fn find(issuer: &Issuer, called: &str) -> anyhow::Result<OwnerRecord> {
    let owners = issuer.owners()?;
    let mut found =
        owners.into_iter().filter(|one| one.name == called || one.id.to_string() == called);
    let owner = found.next();
    let owner = owner.filter(|_| found.next().is_none());
    owner.with_context(|| {
        format!(
            "no owner, or more than one, is called {called:?}; `aep2 issuer owner list` has ids"
        )
    })
}

fn text(owners: &[OwnerRecord]) -> String {
    let line = |owner: &OwnerRecord| {
        format!("{}  {}  {}", owner.id, String::from(owner.zone.clone()), owner.name)
    };
    let lines: Vec<String> = owners.iter().map(line).collect();
    lines.join("\n")
}
