//! `aep2 issuer approval`.

use std::process::ExitCode;

use aep2_issuer::{
    ids::ApprovalId,
    records::{ApprovalReason, ApprovalRecord, ApprovalState},
};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::{
    client::{OwnerOptions, read_as},
    money::Money,
    show::printable,
    views::Card,
};
use crate::{
    command::{rows, wallet::options::now},
    onchain::{node::NodeOptions, time_span::relative},
    output::Output,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    List(List),
    Approve(Approve),
    Refuse(Refuse),
}

/// List what agents ask you
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer approval list")]
pub(crate) struct List {
    /// Those that were decided or have expired, too
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    node: NodeOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// Agree to a payment
///
/// Nothing is paid by it: the agent asks again, and budgets are looked at then. Where nobody had said who is
/// paid at the host, agreeing says it.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer approval approve apr_…")]
pub(crate) struct Approve {
    #[command(flatten)]
    which: Which,
}

/// Refuse a payment
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer approval refuse apr_…")]
pub(crate) struct Refuse {
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
struct Which {
    /// The request, as `aep2 issuer approval list` has it
    #[arg(value_name = "ID")]
    id: ApprovalId,

    #[command(flatten)]
    owner: OwnerOptions,
}

pub(crate) async fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => list(arguments, output).await?,
        Command::Approve(Approve { which }) => decide(which, true, output).await?,
        Command::Refuse(Refuse { which }) => decide(which, false, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(arguments: &List, output: &Output) -> anyhow::Result<()> {
    let client = arguments.owner.client()?;
    let all = arguments.all;
    let answer = client.get_with(&["approvals"], &[("all", all.to_string())]).await?;
    let approvals: Vec<ApprovalRecord> = read_as(answer["approvals"].clone())?;
    if output.is_json() {
        return output.result(&answer, String::new);
    }
    let cards: Vec<Card> = client.list("cards").await?;
    let tokens = approvals.iter().map(|one| one.token.0).collect();
    let money = Money::of(&arguments.node, &client, tokens).await?;
    output.result(&answer, || {
        let shown: Vec<String> = approvals.iter().map(|one| text(one, &cards, &money)).collect();
        if shown.is_empty() { "nothing waits for you".to_owned() } else { shown.join("\n\n") }
    })
}

async fn decide(which: &Which, approved: bool, output: &Output) -> anyhow::Result<()> {
    let client = which.owner.client()?;
    let path = ["approvals", &which.id.to_string()];
    let answer = client.send(Method::POST, &path, &json!({ "approved": approved })).await?;
    let decided: ApprovalRecord = read_as(answer["approval"].clone())?;
    output.result(&answer, || {
        let ApprovalRecord { id, host, payee, expires, .. } = &decided;
        match approved {
            true => format!(
                "{id}: approved, for one payment to {payee} at {host}; good {}",
                relative(*expires, now())
            ),
            false => format!("{id}: refused"),
        }
    })
}

fn text(approval: &ApprovalRecord, cards: &[Card], money: &Money) -> String {
    let card = cards.iter().find(|own| own.card.id == approval.card);
    let card = card.map_or_else(|| approval.card.to_string(), |own| own.card.name.clone());
    let reason = match approval.reason {
        ApprovalReason::Amount => "the amount is above what the card may pay without you",
        ApprovalReason::UnknownPayee => {
            "nobody has said who is paid at this host; if you agree, this payee is from now on"
        }
    };
    let state = match approval.state {
        ApprovalState::Waiting => "waits for you",
        ApprovalState::Approved => "approved",
        ApprovalState::Refused => "refused",
        ApprovalState::Used => "paid",
    };
    let mut lines = vec![
        ("approval", approval.id.to_string()),
        ("state", state.to_owned()),
        ("card", card),
        ("amount", money.show(approval.token.0, approval.amount.get())),
        ("at", approval.host.clone()),
        ("to", approval.payee.to_string()),
        ("for", printable(&format!("{} {}", approval.method, approval.resource))),
    ];
    lines.extend(approval.purpose.as_ref().map(|words| ("the agent says", printable(words))));
    lines.extend([("why you", reason.to_owned()), ("expires", relative(approval.expires, now()))]);
    rows(&lines)
}
