//! `aep2 issuer host`.

use std::process::ExitCode;

use aep2_cards::host::Host;
use aep2_issuer::records::{HostRecord, PinnedBy};
use alloy::primitives::Address;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::client::{OwnerOptions, read_as};
use crate::{command::rows, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Set(Set),
    Forget(Forget),
    List(List),
}

/// Say who is paid at a host: these addresses, and no others
///
/// An agent says itself where it buys and whom it pays there; one that was talked into it says an allowed host
/// and an attacker's address. So where a limit names hosts or tools, the payees are those that you say.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer host set api.example 0x…\n  \
                        aep2 issuer host set tools.example 0x…    (an MCP server, by its name)")]
pub(crate) struct Set {
    /// The host, with its port where it is not the scheme's own, or the name of an MCP server
    #[arg(value_name = "HOST")]
    host: Host,

    /// Who is paid there
    #[arg(value_name = "ADDRESS", required = true)]
    payees: Vec<Address>,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// Say nothing about a host any more: you are asked at the next payment there
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer host forget api.example")]
pub(crate) struct Forget {
    /// The host
    #[arg(value_name = "HOST")]
    host: Host,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// List the hosts that something was said about
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer host list")]
pub(crate) struct List {
    #[command(flatten)]
    owner: OwnerOptions,
}

pub(crate) async fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Set(Set { host, payees, owner }) => set(host, payees, owner, output).await?,
        Command::Forget(Forget { host, owner }) => set(host, &[], owner, output).await?,
        Command::List(List { owner }) => list(owner, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(
    host: &Host,
    payees: &[Address],
    owner: &OwnerOptions,
    output: &Output,
) -> anyhow::Result<()> {
    let payees: Vec<String> = payees.iter().map(ToString::to_string).collect();
    let body = json!({ "payees": payees });
    owner.client()?.send(Method::PUT, &["hosts", host.as_str()], &body).await?;
    output.result(&json!({ "host": host, "payees": payees }), || match payees.is_empty() {
        true => format!("{host}: nobody; you are asked at the next payment there"),
        false => format!("{host}: {}", payees.join(", ")),
    })
}

async fn list(owner: &OwnerOptions, output: &Output) -> anyhow::Result<()> {
    let answer = owner.client()?.get(&["hosts"]).await?;
    let hosts: Vec<HostRecord> = read_as(answer["hosts"].clone())?;
    output.result(&answer, || {
        let all: Vec<String> = hosts.iter().map(text).collect();
        if all.is_empty() {
            "you have said nothing about any host".to_owned()
        } else {
            all.join("\n\n")
        }
    })
}

fn text(record: &HostRecord) -> String {
    let payees: Vec<String> = record.payees.iter().map(ToString::to_string).collect();
    let by = match record.pinned_by {
        PinnedBy::Owner => "you".to_owned(),
        PinnedBy::Approval(id) => format!("you, when you approved {id}"),
    };
    rows(&[("host", record.host.to_string()), ("paid", payees.join(", ")), ("said by", by)])
}
