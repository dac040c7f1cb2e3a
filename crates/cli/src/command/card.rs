//! `aep2 card`: what an agent does with a card. Its owner makes cards at the issuer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_cards::{
    card::Card,
    keys::{HolderKey, HolderPublicKey},
    restrictions::Restrictions,
    token::CardToken,
};
use aep2_mandate::clock::Clock;
use aep2_payer::{
    Payer,
    card::{CARD_FILE, CardFile, read_key, write_key},
};
use alloy::transports::http::reqwest::Url;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::wallet::options::http;
use crate::{onchain::block_on, output::Output};

/// What is done with a card
#[derive(Subcommand)]
pub(crate) enum Command {
    Key(Key),
    Save(Save),
    Inspect(Inspect),
    Show(Show),
    Narrow(Narrow),
}

/// Make a key that a card can be bound to
///
/// The key stays on this machine. Its public half goes to whoever makes the card: the owner, or an
/// agent that hands its own card on.
#[derive(Args)]
pub(crate) struct Key {
    /// The key's file; one that is there is not written over
    #[arg(long, short, value_name = "FILE", default_value = "holder-key.json")]
    output: PathBuf,
}

/// Put a card, its issuer and its holder's key into a file to pay with
#[derive(Args)]
pub(crate) struct Save {
    /// A file with the card's text, aep2card_…; - for standard input
    #[arg(value_name = "FILE")]
    text: PathBuf,

    /// The issuer
    #[arg(long, value_name = "URL")]
    issuer: Url,

    /// The holder's key, as `aep2 card key` made it; a bearer card has none
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The card's file; one that is there is not written over
    #[arg(long, short, value_name = "FILE", default_value = CARD_FILE)]
    output: PathBuf,
}

#[derive(Args)]
struct CardOptions {
    /// The card's file
    #[arg(
        long = "card", value_name = "FILE", env = "AEP2_CARD", default_value = CARD_FILE,
        hide_env_values = true
    )]
    file: PathBuf,
}

/// Say what is in a card, without asking its issuer
#[derive(Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    card: CardOptions,
}

/// Ask the issuer what the card allows, and what of it is used
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    card: CardOptions,
}

/// Make a narrower card of this one, offline, and hand it on
///
/// Without --to it is for the same holder, and a file to pay with. With --to it is that key's, and a file
/// with the card's text: its new holder runs `aep2 card save`.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        aep2 card narrow --restrict '{\"hosts\":[\"api.example\"],\"payments\":1}' --output once.json")]
pub(crate) struct Narrow {
    /// What is allowed at most, as JSON (docs/cards.md); @FILE takes it from a file
    #[arg(long, value_name = "JSON", default_value = "{}")]
    restrict: String,

    /// The public key of whom it is handed to
    #[arg(long, value_name = "KEY")]
    to: Option<HolderPublicKey>,

    /// The narrower card's file; one that is there is not written over
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    card: CardOptions,
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Key(arguments) => key(arguments, output)?,
        Command::Save(arguments) => save(arguments, output)?,
        Command::Inspect(arguments) => {
            said(CardFile::read(&arguments.card.file)?.card(), output)?;
        }
        Command::Show(arguments) => block_on(show(arguments, output))?,
        Command::Narrow(arguments) => narrow(arguments, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    public_key: HolderPublicKey,
    file: &'a Path,
}

fn key(arguments: &Key, output: &Output) -> anyhow::Result<()> {
    let key = HolderKey::generate();
    write_key(&arguments.output, &key)?;
    let made = Made { public_key: key.public(), file: &arguments.output };
    output.result(&made, || made.public_key.to_string())
}

fn save(arguments: &Save, output: &Output) -> anyhow::Result<()> {
    let text = match arguments.text.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin())?,
        _ => fs::read_to_string(&arguments.text)
            .with_context(|| format!("cannot read {}", arguments.text.display()))?,
    };
    let card: CardToken = text.trim().parse()?;
    let key = arguments.key.as_deref().map(read_key).transpose()?;
    let file = CardFile::new(arguments.issuer.clone(), card, key)?;
    file.write(&arguments.output)?;
    output.note(format!("the card is in {}", arguments.output.display()));
    said(file.card(), output)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    id: String,
    /// Whose signature each request needs; none for a bearer card.
    holder: Option<HolderPublicKey>,
    /// What the blocks after the issuer's restrict it to.
    narrowed_by: Vec<Narrowed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Narrowed {
    revocation_id: String,
    restrictions: Restrictions,
}

/// What a card says. Its issuer's signature is not checked: only its issuer has the key.
fn said(card: &CardToken, output: &Output) -> anyhow::Result<()> {
    let card = Card::inspect(card)?;
    let narrowed = card.blocks.into_iter().skip(1).map(|block| Narrowed {
        revocation_id: block.revocation_id.to_string(),
        restrictions: block.restrictions,
    });
    let said =
        Said { id: card.id.to_string(), holder: card.holder, narrowed_by: narrowed.collect() };
    let mut lines = vec![("card", said.id.clone())];
    let holder = said.holder.map_or_else(|| "whoever has it".to_owned(), |key| key.to_string());
    lines.push(("holder", holder));
    for block in &said.narrowed_by {
        lines.push(("narrowed by", serde_json::to_string(&block.restrictions)?));
    }
    output.result(&said, || super::rows(&lines))
}

async fn show(arguments: &Show, output: &Output) -> anyhow::Result<()> {
    let card = CardFile::read(&arguments.card.file)?;
    let asking = http(card.issuer()).build()?;
    let payer = Payer::with_card(card, asking, Clock::system()).await?;
    let Some(report) = payer.card_report().await? else { bail!("the payer has no card") };
    let report: serde_json::Value = serde_json::from_str(report.get())?;
    let text = serde_json::to_string_pretty(&report)?;
    output.result(&report, || text)
}

fn narrow(arguments: &Narrow, output: &Output) -> anyhow::Result<()> {
    let wider = CardFile::read(&arguments.card.file)?;
    let json = match arguments.restrict.strip_prefix('@') {
        Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?,
        None => arguments.restrict.clone(),
    };
    let restrictions: Restrictions = serde_json::from_str(&json).context("--restrict")?;
    let card = wider.narrow(&restrictions, arguments.to)?;
    match arguments.to {
        Some(_) => {
            if arguments.output.exists() {
                bail!("{} is there already", arguments.output.display());
            }
            crate::files::write(&arguments.output, card.expose())?;
        }
        None => {
            let narrower =
                CardFile::new(wider.issuer().clone(), card.clone(), wider.key().cloned());
            narrower?.write(&arguments.output)?;
        }
    }
    output.note(format!("the narrower card is in {}", arguments.output.display()));
    said(&card, output)
}
