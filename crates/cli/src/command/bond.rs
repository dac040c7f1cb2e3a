//! `aep2 bond`: what stands behind a processor's receipts.

use std::process::ExitCode;

use aep2_chain::{
    token::{self, Token},
    wallet::{
        Purse,
        guarantee::{Guarantee, events::GuaranteeEvent},
        units::BaseUnits,
    },
};
use aep2_mandate::units::UnixTime;
use alloy::{primitives::Address, providers::DynProvider};
use anyhow::ensure;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{deposit::mint, rows};
use crate::{
    onchain::{
        amount::{AmountOptions, TokenInfo},
        block_on,
        deployed::{Deployed, DeploymentOptions, TokenOptions},
        node::{Node, NodeOptions},
        sending::{Sent, SigningNode, guarantee_event_of},
        time_span::relative,
        tx_options::TxOptions,
    },
    output::Output,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    Show(Show),
    Add(Add),
    Request(Request),
    Cancel(Change),
    Execute(Execute),
}

/// Show a processor's bond
///
/// A payee looks here before it relies on receipts: money that is not due to leave answers for them.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 bond show --processor 0x…")]
pub(crate) struct Show {
    /// The processor
    #[arg(long, value_name = "ADDRESS")]
    processor: Address,

    #[command(flatten)]
    which: Which,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    node: NodeOptions,
}

/// Add tokens of the key that signs to a bond
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 bond add --amount 5000 --key-file processor.key")]
pub(crate) struct Add {
    /// Whose bond [default: the key that signs]
    #[arg(long, value_name = "ADDRESS")]
    processor: Option<Address>,

    #[command(flatten)]
    how_much: AmountOptions,

    /// Mint the amount first. Only the test token lets anyone do that
    #[arg(long)]
    mint: bool,

    #[command(flatten)]
    change: Change,
}

/// Ask for tokens of the bond back, to be taken out with `aep2 bond execute`
///
/// Until they are taken out, once the unbonding delay has passed, they answer for receipts. A later
/// request takes the place of an earlier one and waits anew.
#[derive(Args)]
#[command(
    visible_alias = "remove",
    after_help = "Example:\n  aep2 bond remove --amount 100 --key-file processor.key"
)]
pub(crate) struct Request {
    #[command(flatten)]
    how_much: AmountOptions,

    #[command(flatten)]
    change: Change,
}

/// Take out what was asked for, or what is left of it
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 bond execute --key-file processor.key")]
pub(crate) struct Execute {
    /// Who gets it [default: the key that signs]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,

    #[command(flatten)]
    change: Change,
}

/// Which of a processor's bonds.
#[derive(Args)]
struct Which {
    /// The bond of this payee alone [default: the one that all payees share]
    #[arg(long, value_name = "ADDRESS")]
    payee: Option<Address>,

    #[command(flatten)]
    token: TokenOptions,
}

/// Cancel a request
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 bond cancel --key-file processor.key")]
pub(crate) struct Change {
    #[command(flatten)]
    which: Which,

    #[command(flatten)]
    tx: TxOptions,
}

/// A bond, as it is after what was done.
#[derive(Serialize)]
struct Shown {
    processor: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    payee: Option<Address>,
    token: TokenInfo,
    /// What is in it, base units.
    balance: BaseUnits,
    asked_back: Option<AskedBack>,
    /// The time of the newest block.
    now: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_out: Option<BaseUnits>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<Sent>,
}

/// What was asked for of a bond.
#[derive(Clone, Copy, Serialize)]
struct AskedBack {
    base_units: BaseUnits,
    /// From when on it can be taken out.
    executable_from: UnixTime,
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    block_on(async {
        let shown = match command {
            Command::Show(arguments) => show(arguments).await?,
            Command::Add(arguments) => add(arguments, output).await?,
            Command::Request(arguments) => request(arguments, output).await?,
            Command::Cancel(arguments) => cancel(arguments, output).await?,
            Command::Execute(arguments) => execute(arguments, output).await?,
        };
        output.result(&shown, || text(&shown))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: &Show) -> anyhow::Result<Shown> {
    let node = arguments.node.connect().await?;
    let deployed = arguments.deployment.open(&node).await?;
    let bond = Bond::open(&deployed, arguments.processor, &arguments.which).await?;
    bond.shown(&node, Vec::new(), None).await
}

async fn add(arguments: &Add, output: &Output) -> anyhow::Result<Shown> {
    let (signing, deployed) = arguments.change.tx.open().await?;
    let processor = arguments.processor.unwrap_or_else(|| signing.key.address());
    let bond = Bond::open(&deployed, processor, &arguments.change.which).await?;
    let amount = arguments.how_much.base_units(&bond.token)?;
    let id = bond.guarantee.id();
    let mut transactions = Vec::new();
    if arguments.mint {
        transactions.push(mint(&signing, &deployed, &bond.token, amount, output).await?);
    }
    let token = Token::new(signing.node.provider.clone(), bond.token.address);
    if token.allowance(signing.key.address(), id.address).await? < amount.to_word() {
        let approving = token::approve(bond.token.address, id.address, amount);
        transactions.push(signing.send("approve the tokens", &approving, output).await?.0);
    }
    let adding = id.bond(bond.processor, bond.payee, bond.token.address, amount);
    let (added, _) = signing.send("add to the bond", &adding, output).await?;
    transactions.push(added);
    bond.shown(&signing.node, transactions, None).await
}

async fn request(arguments: &Request, output: &Output) -> anyhow::Result<Shown> {
    let (signing, bond) = arguments.change.open().await?;
    let amount = arguments.how_much.base_units(&bond.token)?;
    let call = bond.guarantee.id().request_unbond(bond.payee, bond.token.address, amount);
    let (sent, _) = signing.send("ask for tokens of the bond", &call, output).await?;
    bond.shown(&signing.node, vec![sent], None).await
}

async fn cancel(arguments: &Change, output: &Output) -> anyhow::Result<Shown> {
    let (signing, bond) = arguments.open().await?;
    let call = bond.guarantee.id().cancel_unbond(bond.payee, bond.token.address);
    let (sent, _) = signing.send("cancel the request", &call, output).await?;
    bond.shown(&signing.node, vec![sent], None).await
}

async fn execute(arguments: &Execute, output: &Output) -> anyhow::Result<Shown> {
    let (signing, bond) = arguments.change.open().await?;
    let to = arguments.to.unwrap_or_else(|| signing.key.address());
    let id = bond.guarantee.id();
    let call = id.execute_unbond(bond.payee, bond.token.address, to);
    let (sent, receipt) = signing.send("take tokens out of the bond", &call, output).await?;
    let taken = guarantee_event_of(&receipt, id, "what was taken out", |event| match event {
        GuaranteeEvent::Unbonded { amount, .. } => Some(amount),
        _ => None,
    })?;
    bond.shown(&signing.node, vec![sent], Some(taken)).await
}

/// A bond on the chain.
struct Bond {
    guarantee: Guarantee<DynProvider>,
    processor: Address,
    payee: Option<Address>,
    token: TokenInfo,
}

impl Bond {
    async fn open(deployed: &Deployed, processor: Address, which: &Which) -> anyhow::Result<Self> {
        ensure!(
            which.payee != Some(Address::ZERO),
            "the payee is the zero address; leave --payee out for the bond that all payees share"
        );
        let token = deployed.token(&which.token).await?;
        let guarantee = deployed.guarantee();
        Ok(Self { guarantee, processor, payee: which.payee, token })
    }

    async fn shown(
        self,
        node: &Node,
        transactions: Vec<Sent>,
        taken_out: Option<BaseUnits>,
    ) -> anyhow::Result<Shown> {
        let Self { guarantee, processor, payee, token } = self;
        let Purse { balance, pending_withdrawal } =
            guarantee.bond(processor, payee, token.address).await?;
        let asked_back = pending_withdrawal
            .map(|own| AskedBack { base_units: own.amount, executable_from: own.executable_from });
        let now = node.now().await?;
        Ok(Shown { processor, payee, token, balance, asked_back, now, taken_out, transactions })
    }
}

impl Change {
    /// The bond of the key that signs.
    async fn open(&self) -> anyhow::Result<(SigningNode, Bond)> {
        let (signing, deployed) = self.tx.open().await?;
        let bond = Bond::open(&deployed, signing.key.address(), &self.which).await?;
        Ok((signing, bond))
    }
}

fn text(shown: &Shown) -> String {
    let Shown { processor, payee, token, now, taken_out, .. } = shown;
    let mut lines = vec![
        ("processor", processor.to_string()),
        ("for", payee.map_or("all payees".to_owned(), |payee| format!("payee {payee} alone"))),
        ("bond", token.show(shown.balance)),
    ];
    if let Some(asked) = shown.asked_back {
        let from = relative(asked.executable_from, *now);
        lines.push(("asked back", format!("{}, from {from}", token.show(asked.base_units))));
    }
    if let Some(amount) = taken_out {
        lines.push(("taken out", token.show(*amount)));
    }
    rows(&lines)
}
