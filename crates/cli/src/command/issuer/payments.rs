//! `aep2 issuer payments`.

use std::process::ExitCode;

use aep2_issuer::{ids::CardId, records::PaymentState};
use aep2_mandate::{
    mandate::{Mandate, MandateId},
    units::UnixTime,
};
use clap::Args;
use serde::Deserialize;

use super::{
    client::{OwnerOptions, read_as},
    money::Money,
    show::printable,
    views::Card,
};
use crate::{
    command::wallet::options::now,
    onchain::{node::NodeOptions, time_span::distance},
    output::Output,
};

/// List what was issued, the newest first
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer payments\n  \
                        aep2 issuer payments --limit 500 --before 1201 --json")]
pub(crate) struct Arguments {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,

    /// Only those before the payment with this number
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,

    #[command(flatten)]
    node: NodeOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// A payment, as far as it is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    mandate_id: MandateId,
    number: u64,
    card: CardId,
    at: UnixTime,
    method: String,
    resource: String,
    mandate: Mandate,
    state: PaymentState,
}

pub(crate) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let client = arguments.owner.client()?;
    let mut query = vec![("limit", arguments.limit.to_string())];
    query.extend(arguments.before.map(|before| ("before", before.to_string())));
    let answer = client.get_with(&["payments"], &query).await?;
    if output.is_json() {
        output.result(&answer, String::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    let payments: Vec<Payment> = read_as(answer["payments"].clone())?;
    let cards: Vec<Card> = client.list("cards").await?;
    let tokens = payments.iter().map(|one| one.mandate.token).collect();
    let money = Money::of(&arguments.node, &client, tokens).await?;
    output.result(&answer, || {
        let lines: Vec<String> = payments.iter().map(|one| text(one, &cards, &money)).collect();
        if lines.is_empty() { "nothing was issued".to_owned() } else { lines.join("\n") }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn text(payment: &Payment, cards: &[Card], money: &Money) -> String {
    let Payment { mandate_id, number, at, method, resource, mandate, .. } = payment;
    let card = cards.iter().find(|own| own.card.id == payment.card);
    let card = card.map_or("?", |own| own.card.name.as_str());
    let amount = money.show(mandate.token, mandate.amount.get());
    let state = match payment.state {
        PaymentState::Outstanding => "outstanding".to_owned(),
        PaymentState::Settled(settled) => {
            format!("settled for {}", money.show(mandate.token, settled.get()))
        }
        PaymentState::Released => "not made: given back".to_owned(),
    };
    let when = distance(*at, now());
    let what = printable(&format!("{method} {resource}"));
    format!("{number}  {when}  {card}  {amount}  {state}\n    {what}\n    {mandate_id}")
}
