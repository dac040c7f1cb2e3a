//! `aep2 receipt`: what a payee does with a receipt that was not kept.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_chain::wallet::{
    guarantee::{Guarantee, Paid, Periods, Promise},
    units::BaseUnits,
};
use aep2_mandate::{
    typed_data::{
        TypedData,
        capture::SignedCaptureReceipt,
        receipt::{Receipt, SignedReceipt},
    },
    units::UnixTime,
};
use alloy::{
    primitives::{Address, B256, U256},
    providers::DynProvider,
};
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::rows;
use crate::{
    files,
    onchain::{
        amount::TokenInfo,
        block_on,
        deployed::{Deployed, DeploymentOptions},
        node::NodeOptions,
        sending::Sent,
        time_span::relative,
        tx_options::TxOptions,
    },
    output::Output,
};

/// By how much a deposit may be more than the newest block asks: the base fee rises by an eighth a block.
const DEPOSIT_MARGIN: u64 = 2;

#[derive(Subcommand)]
pub(crate) enum Command {
    Show(Show),
    Demand(Change),
    Claim(Change),
    Collect(Collect),
}

/// Show what receipts are worth: what was promised, paid and claimed, and what can be done
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 receipt show receipt.json")]
pub(crate) struct Show {
    #[command(flatten)]
    receipts: Files,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    node: NodeOptions,
}

/// Receipts.
#[derive(Args)]
struct Files {
    /// Receipts, JSON files as the processor gave them; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Demand what receipts promised, or claim it from the processor's bond
///
/// A receipt can be demanded once its settleBy has passed, with a deposit in ether. The processor then has
/// the response window to show that it paid. What it does not show can be claimed. The deposit comes back
/// with the claim, unless everything had been paid before the demand.
#[derive(Args)]
#[command(after_help = "Examples:\n  aep2 receipt demand receipt.json --key-file payee.key\n  \
                        aep2 receipt claim receipt.json --key-file payee.key\n  \
                        aep2 receipt collect --key-file payee.key")]
pub(crate) struct Change {
    #[command(flatten)]
    receipts: Files,

    #[command(flatten)]
    tx: TxOptions,
}

/// Fetch the ether of deposits that came back
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 receipt collect --key-file payee.key")]
pub(crate) struct Collect {
    /// Who gets it [default: the key that signs]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<Address>,

    #[command(flatten)]
    tx: TxOptions,
}

/// What a file may be: a receipt, or something with one in it, as the answer to an acceptance and what a
/// processor says of a mandate.
#[derive(Deserialize)]
#[serde(untagged)]
enum Held {
    Within {
        receipt: SignedReceipt,
        #[serde(default)]
        capture: Option<HeldCapture>,
    },
    Bare(SignedReceipt),
}

#[derive(Deserialize)]
struct HeldCapture {
    receipt: SignedCaptureReceipt,
}

/// A receipt as things stand.
#[derive(Serialize)]
struct Standing {
    digest: B256,
    mandate_id: B256,
    processor: Address,
    payee: Address,
    token: TokenInfo,
    /// What the receipt is over, base units.
    amount: BaseUnits,
    settle_by: UnixTime,
    /// The last second at which it can be demanded.
    demand_until: UnixTime,
    /// Whose word it is.
    signer: SignerOf,
    demand: Option<Demanded>,
    #[serde(flatten)]
    paid: Paid,
    /// The payee's own bond, and the one that all payees share.
    bonds: [BaseUnits; 2],
    /// The time of the newest block.
    now: UnixTime,
    /// What its payee can do.
    advice: String,
}

/// A demand.
#[derive(Clone, Copy, Serialize)]
struct Demanded {
    /// What is due by receipt, capture and ruling, base units.
    due: BaseUnits,
    made_at: UnixTime,
    demander: Address,
    /// Of which the demander has back the rest, wei.
    deposit: U256,
    /// From when on it can be claimed.
    claimable_from: UnixTime,
}

/// Whose word a receipt is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum SignerOf {
    /// The processor's own.
    Processor,
    /// Of a key that the processor named.
    Named,
    /// Of one that was stolen: only the payee's own bond pays.
    Stolen,
    /// Nobody's who speaks for the processor.
    Nobody,
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show(arguments) => block_on(show(arguments, output))?,
        Command::Demand(arguments) => block_on(demand(arguments, output))?,
        Command::Claim(arguments) => block_on(claim(arguments, output))?,
        Command::Collect(arguments) => block_on(collect(arguments, output))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: &Show, output: &Output) -> anyhow::Result<()> {
    let promises = arguments.receipts.read()?;
    let node = arguments.node.connect().await?;
    let deployed = arguments.deployment.open(&node).await?;
    let standing = all_standing(&deployed, &promises, node.now().await?).await?;
    output.result(&standing, || text(&standing))
}

async fn demand(arguments: &Change, output: &Output) -> anyhow::Result<()> {
    let promises = arguments.receipts.read()?;
    let (signing, deployed) = arguments.tx.open().await?;
    let guarantee = deployed.guarantee();
    // Only the payee itself may bring the processor's word on what was captured.
    let by = signing.key.address();
    let brings = |own: &Promise| own.capture.is_some() && own.receipt.message.payee != by;
    if promises.iter().any(brings) {
        output.note(
            "what the processor signed about captures is left out: only the payee's own key may bring \
             it",
        );
    }
    let own = |promise: &Promise| Promise {
        capture: promise.capture.filter(|_| promise.receipt.message.payee == by),
        ..*promise
    };
    // One that was demanded before would have all refused.
    let mut open = Vec::new();
    for promise in promises.iter().map(own) {
        let digest = promise.receipt.message.digest(&guarantee.id().wallet.eip712_domain());
        match guarantee.demand(digest).await? {
            Some(_) => output.note(format!("receipt {digest} was demanded before")),
            None => open.push(promise),
        }
    }
    ensure!(!open.is_empty(), "all of them were demanded before; see `aep2 receipt show`");
    let promises = open;
    let deposit = guarantee.deposit_for(promises.len() as u64).await?;
    let call = guarantee.id().demand(&promises, deposit * U256::from(DEPOSIT_MARGIN));
    let (sent, _) = signing.send("demand what was promised", &call, output).await?;
    done(&deployed, &promises, signing.node.now().await?, sent, output).await
}

async fn claim(arguments: &Change, output: &Output) -> anyhow::Result<()> {
    let promises = arguments.receipts.read()?;
    let (signing, deployed) = arguments.tx.open().await?;
    // One that comes too early would have all refused.
    let now = signing.node.now().await?;
    let mut receipts: Vec<Receipt> = Vec::new();
    for (own, promise) in all_standing(&deployed, &promises, now).await?.iter().zip(&promises) {
        let demanded = own.demand.filter(|demand| demand.claimable_from <= now);
        if promises.len() == 1 || demanded.is_some() {
            receipts.push(promise.receipt.message);
        } else {
            output.note(format!("receipt {} is left out: {}", own.digest, own.advice));
        }
    }
    ensure!(!receipts.is_empty(), "none of them can be claimed; see `aep2 receipt show`");
    let call = deployed.guarantee().id().claim(&receipts);
    let (sent, _) = signing.send("claim what was not paid", &call, output).await?;
    done(&deployed, &promises, signing.node.now().await?, sent, output).await
}

async fn collect(arguments: &Collect, output: &Output) -> anyhow::Result<()> {
    let (signing, deployed) = arguments.tx.open().await?;
    let guarantee = deployed.guarantee();
    let own = signing.key.address();
    let wei = guarantee.ether(own).await?;
    ensure!(
        wei > U256::ZERO,
        "the guarantee holds no ether of {own}: a deposit comes back with its claim"
    );
    let to = arguments.to.unwrap_or(own);
    let (sent, _) = signing.send("fetch ether", &guarantee.id().collect_ether(to), output).await?;
    let result = serde_json::json!({ "wei": wei.to_string(), "to": to, "transactions": [sent] });
    output.result(&result, || rows(&[("fetched", format!("{wei} wei")), ("to", to.to_string())]))
}

/// What was done, and how the receipts stand now.
#[derive(Serialize)]
struct Done<'a> {
    receipts: &'a [Standing],
    transactions: [Sent; 1],
}

async fn done(
    deployed: &Deployed,
    promises: &[Promise],
    now: UnixTime,
    sent: Sent,
    output: &Output,
) -> anyhow::Result<()> {
    let receipts = all_standing(deployed, promises, now).await?;
    let done = Done { receipts: &receipts, transactions: [sent] };
    output.result(&done, || text(&receipts))
}

impl Files {
    fn read(&self) -> anyhow::Result<Vec<Promise>> {
        self.files.iter().map(|file| read(file)).collect()
    }
}

fn read(file: &Path) -> anyhow::Result<Promise> {
    let held: Held = files::read_json(file).with_context(|| {
        format!("{} holds no receipt of the proved path; those of the direct path have no bond behind them", file.display())
    })?;
    Ok(match held {
        Held::Bare(receipt) => Promise { receipt, capture: None },
        Held::Within { receipt, capture } => {
            Promise { receipt, capture: capture.map(|own| own.receipt) }
        }
    })
}

async fn all_standing(
    deployed: &Deployed,
    promises: &[Promise],
    now: UnixTime,
) -> anyhow::Result<Vec<Standing>> {
    let guarantee = deployed.guarantee();
    let mut all = Vec::with_capacity(promises.len());
    for promise in promises {
        all.push(standing(deployed, &guarantee, &promise.receipt, now).await?);
    }
    Ok(all)
}

async fn standing(
    deployed: &Deployed,
    guarantee: &Guarantee<DynProvider>,
    signed: &SignedReceipt,
    now: UnixTime,
) -> anyhow::Result<Standing> {
    let receipt = &signed.message;
    let domain = guarantee.id().wallet.eip712_domain();
    let digest = receipt.digest(&domain);
    let signer = match signed.signature.recover(&digest) {
        Ok(signer) if signer == receipt.processor => SignerOf::Processor,
        Ok(signer) => {
            let named = guarantee.signer(receipt.processor, signer).await?;
            named.filter(|named| receipt.issued_at <= named.until).map_or(
                SignerOf::Nobody,
                |named| match named.stolen {
                    true => SignerOf::Stolen,
                    false => SignerOf::Named,
                },
            )
        }
        Err(_) => SignerOf::Nobody,
    };
    let periods = &deployed.deployment.wallet.periods;
    let later = |time: UnixTime, seconds| time.checked_add(seconds).unwrap_or(UnixTime::MAX);
    let demand = guarantee.demand(digest).await?.map(|own| Demanded {
        due: own.due,
        made_at: own.made_at,
        demander: own.demander,
        deposit: own.deposit,
        claimable_from: later(own.made_at, periods.response_seconds.saturating_add(1)),
    });
    let mut bonds = [BaseUnits::ZERO; 2];
    for (own, payee) in bonds.iter_mut().zip([Some(receipt.payee), None]) {
        *own = guarantee.bond(receipt.processor, payee, receipt.token).await?.balance;
    }
    let mut standing = Standing {
        digest,
        mandate_id: receipt.mandate_id.to_bytes(),
        processor: receipt.processor,
        payee: receipt.payee,
        token: TokenInfo::of(deployed.wallet.provider(), receipt.token).await,
        amount: receipt.amount.amount().into(),
        settle_by: receipt.settle_by,
        demand_until: later(receipt.settle_by, periods.demand_seconds),
        signer,
        demand,
        paid: guarantee.paid(receipt).await?,
        bonds,
        now,
        advice: String::new(),
    };
    standing.advice = advice(&standing, receipt, periods);
    Ok(standing)
}

/// What a receipt's payee can do now.
fn advice(own: &Standing, receipt: &Receipt, periods: &Periods) -> String {
    let Standing { now, paid, .. } = own;
    let covered = paid.shown.get().saturating_add(paid.claimed.get());
    let promised = receipt.settle_by.seconds_since(receipt.issued_at);
    match own.demand {
        _ if matches!(own.signer, SignerOf::Nobody) => {
            "it is worth nothing: its signer does not speak for the processor".to_owned()
        }
        None if promised.is_none_or(|seconds| seconds > periods.promise_seconds) => {
            "it is worth nothing: it promises for longer than the guarantee allows".to_owned()
        }
        Some(demand) if demand.due.get() <= covered => "all that is due was paid".to_owned(),
        Some(demand) if demand.claimable_from > *now => {
            let from = relative(demand.claimable_from, *now);
            format!("demanded; the processor can answer it, and you can claim it from {from}")
        }
        Some(_) => "nobody showed that it was paid: claim it".to_owned(),
        None if *now <= receipt.settle_by => {
            format!("the processor has time until {}", relative(receipt.settle_by, *now))
        }
        None if *now > own.demand_until => "it can be demanded no more".to_owned(),
        None => {
            format!("if you were not paid, demand it, until {}", relative(own.demand_until, *now))
        }
    }
}

fn text(all: &[Standing]) -> String {
    let show = |own: &Standing| {
        let Standing { token, paid, bonds: [of_payee, shared], .. } = own;
        let mut lines = vec![
            ("mandate", own.mandate_id.to_string()),
            ("promised", format!("{} to {}", token.show(own.amount), own.payee)),
            ("by", own.processor.to_string()),
            ("until", relative(own.settle_by, own.now)),
        ];
        if let Some(demand) = &own.demand {
            lines.push(("due", token.show(demand.due)));
        }
        lines.extend([
            ("shown as paid", token.show(paid.shown)),
            ("claimed", token.show(paid.claimed)),
            (
                "bonds",
                format!(
                    "{} for this payee, {} for all",
                    token.show(*of_payee),
                    token.show(*shared)
                ),
            ),
            ("so", own.advice.clone()),
        ]);
        rows(&lines)
    };
    all.iter().map(show).collect::<Vec<_>>().join("\n\n")
}
