//! `aep2 issuer budget`.

use std::process::ExitCode;

use aep2_issuer::records::BudgetRecord;
use anyhow::ensure;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::{
    client::{OwnerOptions, read_as},
    limits::LimitOptions,
    money::{Money, MoneyOptions},
    show,
    views::{Budget, find},
};
use crate::{command::rows, onchain::node::NodeOptions, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Create),
    List(List),
    Change(Change),
}

/// Make a budget that cards share, within another one if you like
///
/// A payment counts in its card, in the card's budget, and in every budget above that one. A payment that no
/// limit of a budget is about is refused: a limit in one token is no leave to pay in another.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer budget create --name company --per-month 100\n  \
                        aep2 issuer budget create --name research --parent company --per-day 5")]
pub(crate) struct Create {
    /// What you call it
    #[arg(long)]
    name: String,

    /// The budget above it: its name, or id. It stays
    #[arg(long, value_name = "BUDGET")]
    parent: Option<String>,

    #[command(flatten)]
    limits: LimitOptions,

    #[command(flatten)]
    money: MoneyOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// List your budgets, with what of them is used
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer budget list")]
pub(crate) struct List {
    #[command(flatten)]
    node: NodeOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// Change a budget's limits. What is not given stays, and so does what was counted
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer budget change research --per-day 10")]
pub(crate) struct Change {
    /// The budget's name, or id
    #[arg(value_name = "BUDGET")]
    budget: String,

    #[command(flatten)]
    limits: LimitOptions,

    /// Drop all limits that are not given
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    money: MoneyOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

pub(crate) async fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => create(arguments, output).await?,
        Command::List(arguments) => list(arguments, output).await?,
        Command::Change(arguments) => change(arguments, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

const NO_LIMIT: &str = "give a limit, as --per-day 5";

async fn create(arguments: &Create, output: &Output) -> anyhow::Result<()> {
    ensure!(arguments.limits.is_given(), NO_LIMIT);
    let client = arguments.owner.client()?;
    let parent = match &arguments.parent {
        Some(parent) => Some(find::<Budget>(&client, parent).await?.budget.id),
        None => None,
    };
    let token = arguments.money.token_of_all(&client).await?;
    let mut limits = Vec::new();
    arguments.limits.apply(&mut limits, &token)?;
    let body = json!({ "name": arguments.name, "parent": parent, "limits": limits });
    let answer = client.send(Method::POST, &["budgets"], &body).await?;
    let budget: BudgetRecord = read_as(answer["budget"].clone())?;
    output.result(&answer, || text(&budget, &Money::only(token)))
}

async fn list(arguments: &List, output: &Output) -> anyhow::Result<()> {
    let client = arguments.owner.client()?;
    let answer = client.get(&["budgets"]).await?;
    let budgets: Vec<Budget> = read_as(answer["budgets"].clone())?;
    let money = if output.is_json() {
        Money::none()
    } else {
        let limits = budgets.iter().flat_map(|one| &one.limits);
        let tokens = limits.map(|one| one.limit.token).collect();
        Money::of(&arguments.node, &client, tokens).await?
    };
    output.result(&answer, || {
        let all: Vec<String> = budgets.iter().map(|budget| report(budget, &money)).collect();
        if all.is_empty() { "you have no budget".to_owned() } else { all.join("\n\n") }
    })
}

async fn change(arguments: &Change, output: &Output) -> anyhow::Result<()> {
    ensure!(arguments.limits.is_given(), NO_LIMIT);
    let client = arguments.owner.client()?;
    let Budget { budget, .. } = find(&client, &arguments.budget).await?;
    let token = arguments.money.token_of_all(&client).await?;
    let mut limits = if arguments.replace { Vec::new() } else { budget.limits };
    arguments.limits.apply(&mut limits, &token)?;
    let path = ["budgets", &budget.id.to_string()];
    let answer = client.send(Method::PATCH, &path, &json!({ "limits": limits })).await?;
    let budget: BudgetRecord = read_as(answer["budget"].clone())?;
    output.result(&answer, || text(&budget, &Money::only(token)))
}

fn head(budget: &BudgetRecord) -> Vec<(&'static str, String)> {
    let mut lines = vec![("budget", format!("{} ({})", budget.name, budget.id))];
    lines.extend(budget.parent.map(|parent| ("within", parent.to_string())));
    lines
}

fn text(budget: &BudgetRecord, money: &Money) -> String {
    let mut lines = head(budget);
    lines.extend(budget.limits.iter().map(|limit| ("limit", show::limit_text(limit, money))));
    rows(&lines)
}

fn report(Budget { budget, limits }: &Budget, money: &Money) -> String {
    let mut lines = head(budget);
    lines.extend(limits.iter().map(|limit| ("limit", show::used(limit, money))));
    rows(&lines)
}
