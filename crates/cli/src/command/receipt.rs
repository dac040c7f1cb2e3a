//! `aep2 receipt`: what a receipt is worth, and what a payee does with one that was not kept.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_chain::wallet::{
    Purse,
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
use aep2_receipts::Statement;
use alloy::{
    primitives::{Address, B256, U256},
    providers::DynProvider,
};
use anyhow::ensure;
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

/// By how many seconds a processor's clock may be ahead of the chain's newest block.
const SKEW_S: u64 = 600;

/// By how much a deposit may be more than the newest block asks: the base fee rises by an eighth a block.
const DEPOSIT_MARGIN: u64 = 2;

#[derive(Subcommand)]
pub(crate) enum Command {
    Show(Show),
    Check(Show),
    Demand(Change),
    Claim(Change),
    Collect(Collect),
}

/// What receipts are worth: what was promised, paid and claimed, what is wrong with them, and what can be done
///
/// `show` shows it; the exit code of `check` says it, too: 1 when one of them is not worth what it says.
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
    /// Receipts, JSON files as the processor gave them, or files of a folder that receipts are kept in, a
    /// line each; - for standard input
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
    /// What of each is due to leave before the receipt could be claimed.
    leaving: [BaseUnits; 2],
    /// The time of the newest block.
    now: UnixTime,
    /// Why it is not worth what it says, if it is not.
    problems: Vec<String>,
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
        Command::Show(arguments) => drop(block_on(show(arguments, output))?),
        Command::Check(arguments) => {
            let is_well = block_on(show(arguments, output))?;
            return Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Demand(arguments) => block_on(demand(arguments, output))?,
        Command::Claim(arguments) => block_on(claim(arguments, output))?,
        Command::Collect(arguments) => block_on(collect(arguments, output))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether all are worth what they say.
async fn show(arguments: &Show, output: &Output) -> anyhow::Result<bool> {
    let promises = arguments.receipts.read()?;
    let node = arguments.node.connect().await?;
    let deployed = arguments.deployment.open(&node).await?;
    let standing = all_standing(&deployed, &promises, node.now().await?).await?;
    output.result(&standing, || text(&standing))?;
    Ok(standing.iter().all(|own| own.problems.is_empty()))
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
        let mut all = Vec::new();
        for file in &self.files {
            all.extend(read(file)?);
        }
        Ok(all)
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<Promise>> {
    let text = files::read_text(file)?;
    if let Ok(held) = serde_json::from_str::<Held>(&text) {
        return Ok(vec![match held {
            Held::Bare(receipt) => Promise { receipt, capture: None },
            Held::Within { receipt, capture } => {
                Promise { receipt, capture: capture.map(|own| own.receipt) }
            }
        }]);
    }
    let kept = kept(&text);
    ensure!(
        !kept.is_empty(),
        "{} holds no receipt of the proved path; those of the direct path have no bond behind them",
        file.display()
    );
    Ok(kept)
}

/// The receipts in a file that a seller keeps them in, each with what was said of its capture. A line that
/// was cut short is none.
fn kept(text: &str) -> Vec<Promise> {
    let lines = text.lines().filter_map(|line| Statement::parse(line.as_bytes()).ok());
    let mut captures = HashMap::new();
    let mut receipts = Vec::new();
    for line in lines {
        match line {
            Statement::Receipt(receipt) => receipts.push(receipt),
            Statement::CaptureReceipt(capture) => {
                captures.insert(capture.message.mandate_id, capture);
            }
            Statement::Capture(_) | Statement::Ruling(_) => {}
        }
    }
    let promise = |receipt: SignedReceipt| {
        let capture = captures.get(&receipt.message.mandate_id.to_bytes()).copied();
        Promise { receipt, capture }
    };
    receipts.into_iter().map(promise).collect()
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
    let claimable =
        later(later(receipt.settle_by, periods.demand_seconds), periods.response_seconds);
    let [mut bonds, mut leaving] = [[BaseUnits::ZERO; 2]; 2];
    for (index, payee) in [Some(receipt.payee), None].into_iter().enumerate() {
        let Purse { balance, pending_withdrawal } =
            guarantee.bond(receipt.processor, payee, receipt.token).await?;
        let asked = pending_withdrawal.filter(|asked| asked.executable_from <= claimable);
        bonds[index] = balance;
        leaving[index] = asked.map_or(BaseUnits::ZERO, |asked| asked.amount.min(balance));
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
        leaving,
        now,
        problems: Vec::new(),
        advice: String::new(),
    };
    standing.problems = problems(&standing, receipt, periods);
    standing.advice = advice(&standing, receipt, periods);
    Ok(standing)
}

/// Why a receipt is not worth what it says. What was paid already is no concern any more.
fn problems(own: &Standing, receipt: &Receipt, periods: &Periods) -> Vec<String> {
    let mut problems = Vec::new();
    let mut find = |is_so: bool, words: &str| {
        if is_so {
            problems.push(words.to_owned());
        }
    };
    let due = own.demand.map_or(own.amount, |demand| demand.due).get();
    let owed = due.saturating_sub(own.paid.shown.get().saturating_add(own.paid.claimed.get()));
    if owed == 0 {
        return problems;
    }
    let promised = receipt.settle_by.seconds_since(receipt.issued_at);
    let is_long = promised.is_none_or(|seconds| seconds > periods.promise_seconds);
    find(matches!(own.signer, SignerOf::Nobody), "its signer does not speak for the processor");
    find(receipt.settle_by > receipt.deadline, "it promises for later than the mandate's deadline");
    find(is_long, "it promises for longer than the guarantee allows, or for before it was issued");
    let ahead = receipt.issued_at.seconds_since(own.now).unwrap_or(0);
    find(ahead > SKEW_S, "it was issued in the future");
    let is_late = own.demand.is_none() && own.now > own.demand_until;
    find(is_late, "it was not demanded in time");
    let left = |index: usize| own.bonds[index].get().saturating_sub(own.leaving[index].get());
    let is_stolen = matches!(own.signer, SignerOf::Stolen);
    let backed = if is_stolen { left(0) } else { left(0).saturating_add(left(1)) };
    find(is_stolen, "its signer was stolen: only the payee's own bond pays");
    find(backed < owed, "the bonds that stay long enough do not hold what it promises");
    problems
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
        ]);
        lines.extend(own.problems.iter().map(|problem| ("PROBLEM", problem.clone())));
        lines.push(("so", own.advice.clone()));
        rows(&lines)
    };
    all.iter().map(show).collect::<Vec<_>>().join("\n\n")
}
