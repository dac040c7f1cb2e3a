//! `aep2 demo`.

mod agents;
mod answer;
mod charts;
mod cheats;
mod compare;
mod compliance;
mod disputes;
mod listed;
mod outcome;
mod payees;
mod refunds;
mod report;
mod timeline;
mod vanished;
mod world;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use aep2_benches::{machine::Machine, settling};
use aep2_chain::settlement::SettledBatch;
use aep2_circuits::Shape;
use aep2_ledger::MandateHash;
use aep2_payer::PayingClient;
use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::time::{Instant, sleep};

use self::{
    agents::Bought,
    cheats::Cheat,
    outcome::{Batch, Comparison, Outcome, Payment},
    payees::Shop,
    timeline::{MandateTimes, Timeline},
    world::World,
};
use crate::{
    onchain::block_on,
    output::{Output, count},
    serving::folder::ledger_of,
};

/// How long the last windows may take to settle.
const SETTLE_WITHIN: Duration = Duration::from_secs(120);

/// Show the whole life on real input: agents buy, payees serve at once, batches settle on chain
///
/// In one process: a chain with the contracts on it, the processor behind its HTTP interface, agents
/// with accounts, payees that sell calls over HTTP. Windows close, are proved, and settle in one
/// transaction each. Then the chain is compared with the receipts, mandate by mandate and in sum. Two
/// payments are disputed, one is given back in part, and at last the processor vanishes with a promise that
/// it did not keep: its bond pays. Its ledger is audited. Exits with 0 only if all of it held and every cheat
/// was refused.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How many agents pay, each from an account of its own
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    agents: u16,

    /// How many calls each agent pays for
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(10..=1_000))]
    calls: u16,

    /// Where the report is written, a page that needs nothing else
    #[arg(long, value_name = "FILE", default_value = "aep2-demo.html")]
    report: PathBuf,

    /// Keep the data here, an empty directory or none: the ledger, the chain, the keys
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let temporary;
    let data = match &arguments.data {
        Some(data) => {
            let is_empty = fs::read_dir(data).map_or(true, |mut entries| entries.next().is_none());
            ensure!(is_empty, "{} is not empty: a demo begins from nothing", data.display());
            data
        }
        None => {
            temporary = tempfile::tempdir().context("no temporary directory can be made")?;
            temporary.path()
        }
    };
    let outcome = block_on(show(arguments, data, output))?;
    fs::write(&arguments.report, report::page(&outcome)?).with_context(|| {
        format!("the report cannot be written to {}", arguments.report.display())
    })?;
    output.result(&outcome, || {
        let report = arguments.report.display();
        format!("\n{}\n{:14} {report}", outcome.table(), "report")
    })?;
    if !outcome.held {
        for comparison in outcome.comparisons.iter().filter(|comparison| !comparison.held) {
            let Comparison { what, by_receipts, on_chain, .. } = comparison;
            output.note(format!("DIFFERS: {what}: {by_receipts} by receipts, {on_chain} on chain"));
        }
    }
    Ok(ExitCode::from(u8::from(!outcome.held)))
}

async fn show(arguments: &Arguments, data: &Path, output: &Output) -> anyhow::Result<Outcome> {
    let (agent_count, calls) = (usize::from(arguments.agents), usize::from(arguments.calls));
    let world = World::build(data, agent_count, output).await?;
    let transactions_before = compare::transactions_of(&world).await?;
    let timeline = Timeline::listen(world.serving.processor().events());
    let shops = Arc::new(Shop::open_all(&world).await?);

    output.note(format!(
        "{} make {} each, in order mode and in intent mode …",
        count(agent_count, "agent"),
        count(calls, "paid call")
    ));
    let clients = world
        .accounts
        .iter()
        .enumerate()
        .map(|(agent, account)| {
            let journal = data.join(format!("agent-{}", agent + 1));
            agents::client(&world, account, &journal, None)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let bought = buy(&clients, &shops, calls, output).await?;

    output.note("cheats …");
    let http = reqwest::Client::builder().no_proxy().build()?;
    let cheat = Cheat {
        world: &world,
        shops: &shops,
        account: &world.accounts[0],
        client: &clients[0],
        http: &http,
        bought: &bought,
    };
    let refusals = cheat.try_all(output).await?;
    for refusal in &refusals {
        output.note(format!("  {}: {}, {}", refusal.attempt, refusal.code, refusal.message));
    }

    let hashes: Vec<MandateHash> = bought.iter().map(|own| own.payment.id.into()).collect();
    settle(&timeline, &hashes, output).await?;
    let elapsed_s = timeline.elapsed_s();
    let (times, batch_times) = timeline.end();

    output.note("the chain against the receipts …");
    let settled: Vec<_> = batch_times
        .iter()
        .filter_map(|(number, batch)| batch.settled.map(|settled| (*number, *batch, settled)))
        .collect();
    let transactions: Vec<_> = settled.iter().map(|(_, _, (_, hash))| *hash).collect();
    let on_chain = compare::settled_on_chain(&world, &transactions).await?;
    let mut comparisons = compare::all(&world, &shops, &bought, &times, &on_chain).await?;
    let sent = compare::transactions_of(&world).await? - transactions_before;
    comparisons.push(Comparison::of("transactions, one for each batch", settled.len(), sent));

    let batches: Vec<Batch> = settled
        .iter()
        .zip(&on_chain)
        .map(|((number, times, (settled_at_s, transaction)), (settled, gas))| Batch {
            number: number.get(),
            shape: shape_name(&settled.batch),
            segments: settled.batch.segments.len(),
            mandates: settled.batch.count as usize,
            debits: settled.batch.debits.len(),
            payouts: settled.batch.payouts.len(),
            proof_s: times.proof_s,
            gas: *gas,
            transaction: transaction.to_string(),
            sealed_at_s: times.sealed_at_s,
            proved_at_s: times.proved_at_s,
            submitted_at_s: times.submitted_at_s,
            settled_at_s: *settled_at_s,
        })
        .collect();
    let payments = payments(&bought, &shops, &times)?;

    let disputes = disputes::show(&world, data, output).await?;
    let refund = refunds::show(&world, &shops, &bought, output).await?;
    let (chain_id, wallet, token) =
        (world.ready.chain_id, world.ready.wallet.to_string(), world.token.to_string());
    let processor = world.ready.processor.to_string();
    drop(clients);
    close(shops).await;
    let owed = vanished::promise(&world, data).await?;
    let (vanished, remains) = vanished::show(world, &owed, output).await?;
    remains.stop().await;

    output.note("an audit of the ledger, from the raw records …");
    let ledger = ledger_of(&data.join("processor"));
    let report = tokio::task::spawn_blocking(move || aep2_ledger::audit::audit(&ledger)).await??;
    comparisons.push(Comparison::of("findings of the audit", 0, report.findings.len()));

    output.note("one mandate in a transaction of its own, for comparison …");
    let keys = data.join("processor").join("keys");
    let gas_one_at_a_time = settling::gas_one_at_a_time(smallest(&batches)?, &keys).await?;

    let held = comparisons.iter().all(|comparison| comparison.held)
        && refusals.iter().all(outcome::Refusal::as_expected)
        && disputes.iter().all(outcome::Disputed::as_ruled)
        && refund.is_whole()
        && vanished.is_whole();
    Ok(Outcome {
        machine: Machine::this(),
        chain_id,
        wallet,
        token,
        processor,
        agents: agent_count,
        payees: payees::COUNT,
        payments,
        refusals,
        disputes,
        refund,
        vanished,
        batches,
        gas_one_at_a_time,
        comparisons,
        elapsed_s,
        held,
    })
}

/// What the agents buy, all at once.
async fn buy(
    clients: &[PayingClient],
    shops: &Arc<Vec<Shop>>,
    calls: usize,
    output: &Output,
) -> anyhow::Result<Vec<Bought>> {
    let bar = output.counter(clients.len() * calls, "paid and served");
    let buying = clients.iter().cloned().enumerate().map(|(agent, client)| {
        let (shops, bar) = (Arc::clone(shops), bar.clone());
        tokio::spawn(async move { agents::buy(agent, &client, &shops, calls, &bar).await })
    });
    // All of them begin before one is waited for.
    let buying: Vec<_> = buying.collect();
    let mut bought = Vec::new();
    for agent in buying {
        bought.extend(agent.await.context("an agent ended early")??);
    }
    bar.finish_and_clear();
    output.note(format!("  {} paid for and served", count(bought.len(), "call")));
    Ok(bought)
}

/// Closes all of them, where nobody buys any more.
async fn close(shops: Arc<Vec<Shop>>) {
    if let Ok(shops) = Arc::try_unwrap(shops) {
        for shop in shops {
            shop.close().await;
        }
    }
}

/// What was paid for, and when it was answered and settled.
fn payments(
    bought: &[Bought],
    shops: &[Shop],
    times: &HashMap<MandateHash, MandateTimes>,
) -> anyhow::Result<Vec<Payment>> {
    bought
        .iter()
        .map(|own| {
            let times = times.get(&own.payment.id.into()).context("an event is missing")?;
            let settled = times.settled.context("a mandate did not settle")?;
            Ok(Payment {
                mandate: own.payment.id.to_string(),
                agent: format!("agent {}", own.agent + 1),
                payee: shops[own.shop].name.to_owned(),
                mode: own.mode,
                ceiling: own.payment.mandate.mandate.amount.get(),
                captured: compare::owed(own),
                answered_ms: own.answered.as_secs_f64() * 1e3,
                accepted_at_s: times.accepted_at_s,
                settled_at_s: settled.at_s,
                batch: settled.batch.map(|batch| batch.get()).unwrap_or_default(),
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()
}

/// Waits until all of these have settled.
async fn settle(
    timeline: &Timeline,
    mandates: &[MandateHash],
    output: &Output,
) -> anyhow::Result<()> {
    output.note("windows close, are proved, and settle …");
    let bar = output.counter(mandates.len(), "settled");
    let started = Instant::now();
    loop {
        let settled = timeline.settled(mandates)?;
        bar.set_position(settled as u64);
        if settled == mandates.len() {
            break;
        }
        if started.elapsed() > SETTLE_WITHIN {
            bail!("{settled} of {} mandates settled in time", mandates.len());
        }
        sleep(Duration::from_millis(50)).await;
    }
    bar.finish_and_clear();
    let (batches, _) = timeline.batches();
    output.note(format!("  all settled, in {}", count(batches, "transaction")));
    Ok(())
}

/// The shape of a batch's segments, which are all of one.
fn shape_name(batch: &SettledBatch) -> String {
    let id = batch.segments.first().map_or(0, |segment| segment.shape);
    aep2_chain::wallet::units::shape_of_id(id).map_or_else(|| id.to_string(), |s| s.to_string())
}

/// The smallest shape that was used: its key is at hand.
fn smallest(batches: &[Batch]) -> anyhow::Result<Shape> {
    let shapes = batches.iter().map(|batch| Ok(batch.shape.parse::<Shape>()?));
    let shapes = shapes.collect::<anyhow::Result<Vec<_>>>()?;
    shapes.into_iter().min_by_key(Shape::mandates_max).context("nothing was settled")
}
