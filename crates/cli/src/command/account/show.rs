//! `aep2 account show`.

use std::process::ExitCode;

use aep2_chain::wallet::{
    Account, Purse,
    terms::Terms,
    units::{BaseUnits, KeyHash, VerifierSetId},
};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy::primitives::Address;
use clap::Args;
use serde::Serialize;

use crate::{
    command::rows,
    onchain::{
        amount::TokenInfo,
        block_on,
        deployed::{DeploymentOptions, TokenOptions},
        node::NodeOptions,
        time_span::relative,
    },
    output::Output,
};

/// Show an account: owner, terms, balance, and what is asked for
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 account show 1")]
pub(crate) struct Arguments {
    /// The account's number
    #[arg(value_name = "ID")]
    account: AccountId,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    node: NodeOptions,
}

#[derive(Serialize)]
struct Shown {
    account: AccountId,
    owner: Address,
    #[serde(flatten)]
    terms: ShownTerms,
    pending_change: Option<PendingChange>,
    /// Whether mandates signed by the owner's own key debit this account.
    direct: bool,
    token: TokenInfo,
    balance: Amount,
    /// What stays when the pending withdrawal is executed.
    staying: Amount,
    withdrawal: Option<Withdrawal>,
    /// The time of the newest block.
    now: UnixTime,
}

#[derive(Serialize)]
struct ShownTerms {
    processor: Address,
    verifier_set: Option<VerifierSetId>,
    key_hash: Option<KeyHash>,
}

impl From<Terms> for ShownTerms {
    fn from(terms: Terms) -> Self {
        let Terms { processor, verifier_set, key_hash } = terms;
        Self { processor, verifier_set, key_hash }
    }
}

#[derive(Serialize)]
struct PendingChange {
    #[serde(flatten)]
    terms: ShownTerms,
    in_force_from: UnixTime,
}

#[derive(Serialize)]
struct Withdrawal {
    #[serde(flatten)]
    amount: Amount,
    executable_from: UnixTime,
}

#[derive(Serialize)]
struct Amount {
    base_units: BaseUnits,
    /// With the token's decimals, where it says how many.
    amount: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let shown = block_on(show(arguments))?;
    output.result(&shown, || text(&shown))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: &Arguments) -> anyhow::Result<Shown> {
    let node = arguments.node.connect().await?;
    let deployed = arguments.deployment.open(&node).await?;
    let token = deployed.token(&arguments.token).await?;
    let wallet = &deployed.wallet;

    let Account { owner, terms, pending } = wallet.account(arguments.account).await?;
    let purse: Purse = wallet.purse(arguments.account, token.address).await?;
    let direct = wallet.direct_account(owner).await?.account == Some(arguments.account);
    let now = node.now().await?;
    let amount = |base_units| Amount { base_units, amount: token.decimal(base_units) };
    Ok(Shown {
        account: arguments.account,
        owner,
        terms: terms.into(),
        pending_change: pending.map(|change| PendingChange {
            terms: change.terms.into(),
            in_force_from: change.in_force_from,
        }),
        direct,
        balance: amount(purse.balance),
        staying: amount(purse.remaining()),
        withdrawal: purse.pending_withdrawal.map(|withdrawal| Withdrawal {
            amount: amount(withdrawal.amount),
            executable_from: withdrawal.executable_from,
        }),
        token,
        now,
    })
}

fn text(shown: &Shown) -> String {
    let key = |terms: &ShownTerms| {
        terms.key_hash.map_or("none: no mandate is settled".to_owned(), |hash| hash.to_string())
    };
    let mut lines = vec![
        ("account", shown.account.to_string()),
        ("owner", shown.owner.to_string()),
        ("processor", shown.terms.processor.to_string()),
        ("key hash", key(&shown.terms)),
        ("direct path", if shown.direct { "this account" } else { "no" }.to_owned()),
        ("balance", shown.token.show(shown.balance.base_units)),
    ];
    if let Some(withdrawal) = &shown.withdrawal {
        let amount = shown.token.show(withdrawal.amount.base_units);
        let from = relative(withdrawal.executable_from, shown.now);
        lines.push(("pending withdrawal", format!("{amount}, from {from}")));
    }
    if let Some(change) = &shown.pending_change {
        let from = relative(change.in_force_from, shown.now);
        lines.push(("change", format!("from {from}, once applied")));
        lines.push(("  processor", change.terms.processor.to_string()));
        lines.push(("  key hash", key(&change.terms)));
    }
    rows(&lines)
}
