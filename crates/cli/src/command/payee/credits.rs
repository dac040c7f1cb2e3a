//! What payees are owed and were not sent: `aep2 payee show`, `collect`, `threshold`.

use aep2_chain::{
    events::WalletEvent,
    wallet::{Credit, units::BaseUnits},
};
use aep2_mandate::units::UnixTime;
use alloy::primitives::{Address, U256};
use anyhow::{Context, ensure};
use clap::Args;
use serde::{Serialize, Serializer};

use crate::{
    command::rows,
    onchain::{
        amount::{self, Decimal, TokenInfo},
        deployed::{Deployed, DeploymentOptions, TokenOptions},
        node::NodeOptions,
        sending::{Sent, event_of},
        time_span::relative,
        tx_options::TxOptions,
    },
    output::Output,
};

/// Show what a payee is owed and was not sent
///
/// Payouts that are smaller than the payee's threshold are kept in the wallet; so is what the token refused
/// to send. What it refused to send of a claim is kept in the guarantee, and so is ether of deposits.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 payee show --payee 0x…")]
pub(crate) struct Show {
    /// The payee
    #[arg(long, value_name = "ADDRESS")]
    payee: Address,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    node: NodeOptions,
}

/// Have it sent: what the wallet and the guarantee keep for a payee, and ether of deposits
#[derive(Args)]
#[command(after_help = "Examples:\n  aep2 payee collect --key-file payee.key\n  \
                        aep2 payee collect --payee 0x… --key-file anybody.key")]
pub(crate) struct Collect {
    /// Whose it is. Anybody may have it sent to another payee, once it has come to that one's threshold
    /// [default: the key that signs]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "to")]
    payee: Option<Address>,

    /// Who gets it [default: the payee]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    tx: TxOptions,
}

/// Have payouts kept until they come to an amount, or apply what was asked for
///
/// A higher threshold is in force at once, a lower one after the wallet's delay: then it is applied with
/// --apply, which anybody may do.
#[derive(Args)]
#[command(after_help = "Examples:\n  aep2 payee threshold --amount 10 --key-file payee.key\n  \
                        aep2 payee threshold --none --key-file payee.key\n  \
                        aep2 payee threshold --apply --key-file payee.key")]
pub(crate) struct Threshold {
    #[command(flatten)]
    wanted: Wanted,

    /// Whose is applied [default: the key that signs]
    #[arg(long, value_name = "ADDRESS", requires = "apply")]
    payee: Option<Address>,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    tx: TxOptions,
}

/// Which threshold.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Wanted {
    /// How much, as people write it: 12.5 is 12500000 base units of a token with 6 decimals
    #[arg(long, value_name = "TOKENS")]
    amount: Option<Decimal>,

    /// How much, in the token's base units
    #[arg(long, value_name = "N")]
    base_units: Option<BaseUnits>,

    /// None: every payout is sent
    #[arg(long)]
    none: bool,

    /// Put in force what was asked for, once its delay has passed
    #[arg(long)]
    apply: bool,
}

/// What a payee is owed.
#[derive(Serialize)]
struct Owed {
    payee: Address,
    token: TokenInfo,
    /// What the wallet keeps for it, base units, and until how much it does so.
    wallet: BaseUnits,
    threshold: BaseUnits,
    /// What the guarantee keeps for it, base units, and ether in wei.
    guarantee: BaseUnits,
    #[serde(serialize_with = "decimal")]
    ether_wei: U256,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<Sent>,
}

/// What became of a threshold.
#[derive(Serialize)]
struct Set {
    payee: Address,
    token: TokenInfo,
    threshold: BaseUnits,
    /// From when on it can be applied; none where it is in force.
    applicable_from: Option<UnixTime>,
    now: UnixTime,
    transactions: [Sent; 1],
}

pub(super) async fn show(arguments: &Show, output: &Output) -> anyhow::Result<()> {
    let node = arguments.node.connect().await?;
    let deployed = arguments.deployment.open(&node).await?;
    let token = deployed.token(&arguments.token).await?;
    let owed = owed(&deployed, arguments.payee, token, Vec::new()).await?;
    output.result(&owed, || text(&owed))
}

pub(super) async fn collect(arguments: &Collect, output: &Output) -> anyhow::Result<()> {
    let (signing, deployed) = arguments.tx.open().await?;
    let token = deployed.token(&arguments.token).await?;
    let own = signing.key.address();
    let payee = arguments.payee.unwrap_or(own);
    let to = arguments.to.unwrap_or(payee);
    let before = owed(&deployed, payee, token.clone(), Vec::new()).await?;
    let nothing = BaseUnits::ZERO;
    let is_ether = payee == own && before.ether_wei > U256::ZERO;
    ensure!(
        before.wallet > nothing || before.guarantee > nothing || is_ether,
        "nothing is kept for {payee}: what it was paid was sent"
    );
    let (wallet, guarantee) = (deployed.wallet.id(), deployed.guarantee().id());
    let mut calls = Vec::new();
    if before.wallet > nothing {
        // Whoever is the payee itself need not have reached the threshold.
        let call = match payee == own {
            true => wallet.collect_to(token.address, to),
            false => wallet.collect(token.address, payee),
        };
        calls.push(("have sent what the wallet keeps", call));
    }
    if before.guarantee > nothing {
        let call = match payee == own {
            true => guarantee.collect_to(token.address, to),
            false => guarantee.collect(token.address, payee),
        };
        calls.push(("have sent what the guarantee keeps", call));
    }
    if is_ether {
        calls.push(("fetch ether", guarantee.collect_ether(to)));
    }
    let mut transactions = Vec::new();
    for (action, call) in calls {
        transactions.push(signing.send(action, &call, output).await?.0);
    }
    let after = owed(&deployed, payee, token, transactions).await?;
    output.result(&after, || text(&after))
}

pub(super) async fn threshold(arguments: &Threshold, output: &Output) -> anyhow::Result<()> {
    let (signing, deployed) = arguments.tx.open().await?;
    let token = deployed.token(&arguments.token).await?;
    let Wanted { amount, base_units, none, apply } = &arguments.wanted;
    let id = deployed.wallet.id();
    let payee = arguments.payee.unwrap_or(signing.key.address());
    let (action, call) = if *apply {
        ("apply the threshold", id.apply_payout_threshold(token.address, payee))
    } else {
        let wanted = match none {
            true => BaseUnits::ZERO,
            false => amount::base_units(amount.as_ref(), *base_units, &token)?,
        };
        ("set the threshold", id.set_payout_threshold(token.address, wanted))
    };
    let (sent, receipt) = signing.send(action, &call, output).await?;
    let (threshold, applicable_from) =
        event_of(&receipt, &deployed, "the threshold", |event| match event {
            WalletEvent::PayoutThresholdRequested { threshold, in_force_from, .. } => {
                Some((threshold, Some(in_force_from)))
            }
            WalletEvent::PayoutThresholdSet { threshold, .. } => Some((threshold, None)),
            _ => None,
        })?;
    let now = signing.node.now().await?;
    let set = Set { payee, token, threshold, applicable_from, now, transactions: [sent] };
    output.result(&set, || {
        let in_force = match set.applicable_from {
            None => "now".to_owned(),
            Some(from) => {
                format!("after `aep2 payee threshold --apply`, from {}", relative(from, set.now))
            }
        };
        rows(&[
            ("payee", set.payee.to_string()),
            ("threshold", set.token.show(set.threshold)),
            ("in force", in_force),
        ])
    })
}

async fn owed(
    deployed: &Deployed,
    payee: Address,
    token: TokenInfo,
    transactions: Vec<Sent>,
) -> anyhow::Result<Owed> {
    let guarantee = deployed.guarantee();
    let Credit { owed: wallet, threshold } = deployed
        .wallet
        .credit(token.address, payee)
        .await
        .context("cannot read what the wallet keeps")?;
    let kept = guarantee.credit(token.address, payee).await?;
    let ether_wei = guarantee.ether(payee).await?;
    Ok(Owed { payee, token, wallet, threshold, guarantee: kept, ether_wei, transactions })
}

/// In decimal digits, as all amounts are written.
fn decimal<S: Serializer>(wei: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(wei)
}

fn text(own: &Owed) -> String {
    let Owed { token, threshold, .. } = own;
    let threshold = match *threshold {
        BaseUnits::ZERO => "every payout is sent".to_owned(),
        threshold => format!("payouts are kept until they come to {}", token.show(threshold)),
    };
    rows(&[
        ("payee", own.payee.to_string()),
        ("threshold", threshold),
        ("wallet keeps", token.show(own.wallet)),
        ("guarantee", format!("{} and {} wei", token.show(own.guarantee), own.ether_wei)),
    ])
}
