//! `aep2 issuer card`.

use std::process::ExitCode;

use aep2_cards::{
    restrictions::{Period, Restrictions},
    revocation::RevocationId,
};
use aep2_issuer::records::CardRecord;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, OwnerOptions, read_as},
    holder::{CardOut, HolderOptions},
    limits::period_of,
    money::{Money, MoneyOptions},
    restrictions::RestrictionOptions,
    show,
    views::{Budget, Card, Wallet, find},
};
use crate::{
    command::wallet::options::now, files::SecretFile, onchain::node::NodeOptions, output::Output,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Box<Create>),
    List(List),
    Show(Show),
    Change(Box<Change>),
    Freeze(Freeze),
    Unfreeze(Unfreeze),
    Revoke(Revoke),
}

/// Make a card for an agent
///
/// It needs a limit on what it spends: --per-day, --total, --limit, or a --budget that it shares. Where it
/// names hosts or tools, say who is paid there with `aep2 issuer host set`, or you are asked at the first
/// payment.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer card create --name research --wallet agents --new-holder \\\n      \
                        --per-payment 0.05 --per-day 1 --host api.example --approve-above 0.02 --expires 30d\n  \
                        aep2 issuer card create --name once --wallet agents --bearer \\\n      \
                        --total 0.05 --payments 1 --expires 1h --out once.json")]
pub(crate) struct Create {
    /// What you call it: the agent's name, say
    #[arg(long)]
    name: String,

    /// The wallet that it spends from: its name, or id
    #[arg(long)]
    wallet: String,

    /// A budget that it shares: its name, or id
    #[arg(long)]
    budget: Option<String>,

    #[command(flatten)]
    restrictions: RestrictionOptions,

    /// One payment in each period, none saved up, from now on: day, week, month
    #[arg(long, value_name = "PERIOD", value_parser = subscription)]
    subscription: Option<Period>,

    #[command(flatten)]
    holder: HolderOptions,

    #[command(flatten)]
    out: CardOut,

    #[command(flatten)]
    money: MoneyOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// List your cards
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer card list")]
pub(crate) struct List {
    #[command(flatten)]
    node: NodeOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// Show a card: what it may do, and what of it is used
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer card show research")]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,

    #[command(flatten)]
    node: NodeOptions,
}

/// Change what a card may do. What was counted stays counted
///
/// What is not given stays. A list that is given replaces the one before; --restrictions replaces all.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer card change research --per-day 2 --host api.example --host b.example\n  \
                        aep2 issuer card change research --no-budget --total 5")]
pub(crate) struct Change {
    #[command(flatten)]
    which: Which,

    /// Call it so
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,

    /// Let it share this budget
    #[arg(long)]
    budget: Option<String>,

    /// Take it out of its budget
    #[arg(long, conflicts_with = "budget")]
    no_budget: bool,

    #[command(flatten)]
    restrictions: RestrictionOptions,

    #[command(flatten)]
    money: MoneyOptions,
}

/// Refuse a card until further notice
///
/// What was signed before may still be settled; it is listed.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer card freeze research")]
pub(crate) struct Freeze {
    #[command(flatten)]
    which: Which,
}

/// Take a card again
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer card unfreeze research")]
pub(crate) struct Unfreeze {
    #[command(flatten)]
    which: Which,
}

/// Refuse a card for ever, and all that were made of it
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer card revoke research\n  \
                        aep2 issuer card revoke research --block 5f0c…")]
pub(crate) struct Revoke {
    #[command(flatten)]
    which: Which,

    /// Only this narrower card and all that were made of that one: the revocation id of its last block, as
    /// `aep2 issuer payments --json` lists it
    #[arg(long, value_name = "ID")]
    block: Option<RevocationId>,
}

#[derive(Args)]
struct Which {
    /// The card's name, or id
    #[arg(value_name = "CARD")]
    card: String,

    #[command(flatten)]
    owner: OwnerOptions,
}

fn subscription(text: &str) -> Result<Period, String> {
    let period = period_of(text).filter(|period| *period != Period::Total);
    period.ok_or_else(|| "a subscription is charged once a day, week or month".to_owned())
}

pub(crate) async fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => create(arguments, output).await?,
        Command::List(arguments) => list(arguments, output).await?,
        Command::Show(arguments) => show_one(arguments, output).await?,
        Command::Change(arguments) => change(arguments, output).await?,
        Command::Freeze(Freeze { which }) => set_state(which, "frozen", output).await?,
        Command::Unfreeze(Unfreeze { which }) => set_state(which, "active", output).await?,
        Command::Revoke(Revoke { which, block: None }) => {
            set_state(which, "revoked", output).await?;
        }
        Command::Revoke(Revoke { which, block: Some(block) }) => {
            revoke_block(which, *block, output).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(arguments: &Create, output: &Output) -> anyhow::Result<()> {
    let client = arguments.owner.client()?;
    let holder = arguments.holder.settle()?;
    let wallet: Wallet = find(&client, &arguments.wallet).await?;
    let budget = budget(&client, arguments.budget.as_deref()).await?;
    let given = &arguments.restrictions;
    let token = match given.has_amounts() {
        true => Some(arguments.money.token(&wallet).await?),
        false => None,
    };
    let restrictions = given.apply(Restrictions::default(), token.as_ref(), now())?;
    let subscription =
        arguments.subscription.map(|period| json!({ "period": period, "anchor": now() }));
    let mut body = json!({
        "name": arguments.name, "wallet": wallet.id, "restrictions": restrictions,
        "bearer": holder.public.is_none(),
    });
    let optional = [
        ("budget", budget.map(|budget| json!(budget.budget.id))),
        ("subscription", subscription),
        ("holder", holder.public.map(|key| json!(key))),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            body[field] = value;
        }
    }
    // Before the card is: one that cannot be written would be lost.
    let file = SecretFile::create(&arguments.out.path)?;
    let mut answer = client.send(Method::POST, &["cards"], &body).await?;
    let (token_text, issuer) = (answer["token"].take(), answer["issuer"].take());
    let card: CardRecord = read_as(answer["card"].clone())?;
    holder.write(file, &read_as::<String>(issuer)?, &read_as::<String>(token_text)?)?;
    let made = json!({ "card": answer["card"], "file": arguments.out.path });
    output.result(&made, || {
        let money = token.map_or_else(Money::none, Money::only);
        let path = arguments.out.path.display();
        format!("{}\nin {path}: what the agent gets", show::new_card(&card, &money, now()))
    })
}

async fn budget(client: &Client, called: Option<&str>) -> anyhow::Result<Option<Budget>> {
    match called {
        Some(called) => find(client, called).await.map(Some),
        None => Ok(None),
    }
}

async fn list(arguments: &List, output: &Output) -> anyhow::Result<()> {
    let client = arguments.owner.client()?;
    let answer = client.get(&["cards"]).await?;
    let cards: Vec<Card> = read_as(answer["cards"].clone())?;
    let money = money(&client, &arguments.node, &cards, output).await?;
    output.result(&answer, || {
        let all: Vec<String> = cards.iter().map(|card| show::card(card, &money, now())).collect();
        if all.is_empty() { "you have no card".to_owned() } else { all.join("\n\n") }
    })
}

/// The tokens that are to be shown. Nobody is asked where nothing is.
async fn money(
    client: &Client,
    node: &NodeOptions,
    cards: &[Card],
    output: &Output,
) -> anyhow::Result<Money> {
    if output.is_json() {
        return Ok(Money::none());
    }
    let tokens = cards.iter().flat_map(|card| show::tokens_of(&card.card.restrictions)).collect();
    Money::of(node, client, tokens).await
}

async fn show_one(arguments: &Show, output: &Output) -> anyhow::Result<()> {
    let client = arguments.which.owner.client()?;
    let card: Card = find(&client, &arguments.which.card).await?;
    let money = money(&client, &arguments.node, std::slice::from_ref(&card), output).await?;
    // As the service has it: with all that this release does not look at.
    let mut answer = client.get(&["cards"]).await?;
    let id = json!(card.card.id);
    let cards = answer["cards"].as_array_mut();
    let found = cards.and_then(|cards| cards.iter_mut().find(|one| one["card"]["id"] == id));
    let found = found.map_or(Value::Null, Value::take);
    output.result(&found, || show::card(&card, &money, now()))
}

async fn change(arguments: &Change, output: &Output) -> anyhow::Result<()> {
    let client = arguments.which.owner.client()?;
    let Card { card, .. } = find(&client, &arguments.which.card).await?;
    let given = &arguments.restrictions;
    let mut body = json!({});
    if given.is_given() {
        let token = match given.has_amounts() {
            true => {
                let wallet: Wallet = find(&client, &card.wallet.to_string()).await?;
                Some(arguments.money.token(&wallet).await?)
            }
            false => None,
        };
        body["restrictions"] = json!(given.apply(card.restrictions, token.as_ref(), now())?);
    }
    if let Some(name) = &arguments.rename {
        body["name"] = json!(name);
    }
    if let Some(budget) = budget(&client, arguments.budget.as_deref()).await? {
        body["budget"] = json!(budget.budget.id);
    }
    if arguments.no_budget {
        body["budget"] = Value::Null;
    }
    let answer = patch(&client, &card.id.to_string(), &body).await?;
    let changed: Card = find(&client, &card.id.to_string()).await?;
    let money =
        money(&client, arguments.money.node(), std::slice::from_ref(&changed), output).await?;
    output.result(&answer, || show::card(&changed, &money, now()))
}

async fn set_state(which: &Which, state: &str, output: &Output) -> anyhow::Result<()> {
    let client = which.owner.client()?;
    let card: Card = find(&client, &which.card).await?;
    let answer = patch(&client, &card.card.id.to_string(), &json!({ "state": state })).await?;
    output
        .result(&answer, || format!("{}: {state}\n{}", card.card.name, show::outstanding(&answer)))
}

async fn revoke_block(which: &Which, block: RevocationId, output: &Output) -> anyhow::Result<()> {
    let client = which.owner.client()?;
    let card: Card = find(&client, &which.card).await?;
    let id = card.card.id.to_string();
    client.delete(&["cards", &id, "blocks", &block.to_string()]).await?;
    output.result(&json!({ "card": id, "revoked": block.to_string() }), || {
        format!("{}: revoked what was made with the block {block}", card.card.name)
    })
}

async fn patch(client: &Client, card: &str, body: &Value) -> anyhow::Result<Value> {
    client.send(Method::PATCH, &["cards", card], body).await
}
