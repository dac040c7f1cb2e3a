//! `aep2 payee watch`.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use aep2_chain::{deployment::is_local, sender::SenderConfig};
use aep2_http::{ConnectionLimits, HttpServer, metrics_response};
use aep2_watch::{Event, Figures, Summary, WatchConfig, WatchError, Watcher};
use alloy::{
    primitives::{Address, U256},
    providers::Provider,
};
use anyhow::{Context, bail, ensure};
use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use clap::Args;
use prometheus_client::metrics::gauge::Gauge;
use serde::Serialize;

use super::processors::ProcessorOption;
use crate::{
    command::{chain::stop_signal, rows},
    onchain::{
        amount::Decimal,
        deployed::DeploymentOptions,
        ethereum_key::KeyOptions,
        node::{Node, NodeOptions},
        time_span::TimeSpan,
    },
    output::{Output, count},
};

/// How long `--once` waits for its transactions, and between two looks at them.
const ONCE_MAX: Duration = Duration::from_secs(600);
const ONCE_PAUSE: Duration = Duration::from_secs(1);

/// How old the newest block may be, in seconds.
const AGE_MAX_S: u64 = 600;

/// The decimals of ether.
const ETHER_DECIMALS: u8 = 18;

/// A gwei in wei, and its decimals.
const GWEI: u128 = 1_000_000_000;
const GWEI_DECIMALS: u8 = 9;

/// Make processors keep their word: watch receipts, demand and claim what was not paid
///
/// Reads the folders that a gateway, a layer or a seller of tools keeps its receipts in, as they grow. Each
/// receipt is checked, and followed until the chain has settled it. What was not settled in time is
/// demanded with a deposit in ether, claimed from the processor's bond when nobody answers, and collected.
/// It can be killed and started again at any moment. docs/payees.md explains what it does and costs.
///
/// With --once it does what is due and ends: the exit code is 0 when all is well or being handled, 1 when
/// something lapsed and was not demanded or claimed, 2 when it could not look, or the node has stopped.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    aep2 payee watch --receipts receipts --processor https://processor.example --key-file payee.key\n  \
    aep2 payee watch --receipts receipts --processor http://127.0.0.1:8402 --key-file payee.key --once\n  \
    aep2 payee watch --receipts receipts --processor http://127.0.0.1:8402 --payee 0x… --dry-run")]
pub(crate) struct Arguments {
    /// A folder that receipts are kept in; may be given several times
    #[arg(long, value_name = "FOLDER", required = true)]
    receipts: Vec<PathBuf>,

    /// A processor whose receipts are watched: where it answers, or ADDRESS@URL, or its address alone, of
    /// which only the chain is asked; may be given several times
    #[arg(long = "processor", value_name = "URL", required = true)]
    processors: Vec<ProcessorOption>,

    /// The folder that it keeps its state in
    #[arg(long, value_name = "FOLDER", env = "AEP2_WATCH", default_value = "aep2-watch")]
    state: PathBuf,

    /// Whose receipts [default: the key that signs]. With another key, that one pays for gas
    #[arg(long, value_name = "ADDRESS")]
    payee: Option<Address>,

    /// Do what is due, and end
    #[arg(long)]
    once: bool,

    /// Say what would be done, once, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// How long after settleBy nothing is demanded yet: what comes late costs no deposit then
    #[arg(long, value_name = "TIME", default_value = "30m")]
    grace: TimeSpan,

    /// The most ether that deposits and gas may take in 24 hours
    #[arg(long, value_name = "ETHER", default_value = "0.05")]
    ether_max: Decimal,

    /// What one ether costs, in whole tokens: only what brings more than its gas is demanded
    #[arg(long, value_name = "TOKENS", default_value_t = 4_000)]
    ether_price: u64,

    /// The most to offer for gas, in gwei
    #[arg(long, value_name = "GWEI", default_value_t = 100)]
    gas_price_max: u64,

    /// What to offer above the base fee at first, in gwei [default: what the node suggests]
    #[arg(long, value_name = "GWEI")]
    tip: Option<Decimal>,

    /// How many blocks after it a block needs before it counts [default: 12, and 0 on a local chain]
    #[arg(long, value_name = "N")]
    confirmations: Option<u64>,

    /// Between two looks
    #[arg(long, value_name = "TIME", default_value = "30s")]
    every: TimeSpan,

    /// Remove files of receipts that were read, have nothing open in them, and were not written into for
    /// so long [default: never]
    #[arg(long, value_name = "TIME")]
    remove_after: Option<TimeSpan>,

    /// Serve metrics (/metrics) and health (/healthz) here
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,

    #[command(flatten)]
    deployment: DeploymentOptions,

    #[command(flatten)]
    node: NodeOptions,

    #[command(flatten)]
    key: KeyOptions,
}

/// What is watched.
#[derive(Serialize)]
struct Ready {
    event: &'static str,
    payee: Address,
    /// Who demands and claims; none where that is only tried out.
    key: Option<Address>,
    processors: Vec<String>,
    receipts: Vec<PathBuf>,
    state: PathBuf,
    metrics: Option<String>,
}

/// What a look came to.
#[derive(Serialize)]
struct Looked {
    event: &'static str,
    open: usize,
    lapsed: usize,
    unhandled: usize,
    in_flight: bool,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    // Before anybody is told: who stops it at once must not miss.
    let mut stopped = Box::pin(stop_signal()?);
    let node = arguments.node.connect().await?;
    let (mut watcher, mut ready) = open(arguments, &node).await?;
    let serving = match arguments.metrics {
        Some(address) => Some(serve(address, watcher.figures().clone()).await?),
        None => None,
    };
    ready.metrics = serving.as_ref().map(|serving| format!("http://{}/metrics", serving.address()));
    output.line(&ready, || text(&ready))?;
    if arguments.once || arguments.dry_run {
        return once(&mut watcher, output).await;
    }
    let mut before = None;
    loop {
        let looked = tokio::select! {
            looked = look(&mut watcher, output) => looked,
            () = &mut stopped => break,
        };
        match looked {
            Ok(summary) if before != Some(changing(&summary)) => {
                before = Some(changing(&summary));
                say(&summary, output)?;
            }
            Ok(_) => {}
            Err(error) if error.is_passing() => output.note(format!("{error}; looking again")),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(arguments.every.seconds)) => {}
            () = &mut stopped => break,
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(arguments: &Arguments, node: &Node) -> anyhow::Result<(Watcher, Ready)> {
    let deployed = arguments.deployment.open(node).await?;
    let key = match (arguments.dry_run, arguments.payee) {
        (true, Some(_)) => None,
        _ => Some(arguments.key.load(node.chain_id)?),
    };
    let own = key.as_ref().map(|key| key.address());
    let Some(payee) = arguments.payee.or(own) else { bail!("name the payee with --payee") };
    ensure!(arguments.every.seconds > 0, "--every is how long it waits between two looks");
    let is_local = is_local(node.chain_id);
    let confirmations = arguments.confirmations.unwrap_or(if is_local { 0 } else { 12 });
    let mut processors = Vec::new();
    for option in &arguments.processors {
        processors.push(option.connect()?);
    }
    let ready = Ready {
        event: "watching",
        payee,
        key: own.filter(|_| !arguments.dry_run),
        processors: processors.iter().map(|at| at.name.clone()).collect(),
        receipts: arguments.receipts.clone(),
        state: arguments.state.clone(),
        metrics: None,
    };
    let config = WatchConfig {
        grace_s: arguments.grace.seconds,
        confirmations,
        ether_max_wei: U256::from(arguments.ether_max.to_base_units(ETHER_DECIMALS)?.get()),
        tokens_per_ether: arguments.ether_price,
        // A chain for trials has a block when something happens.
        age_max_s: if is_local { u64::MAX } else { AGE_MAX_S },
        remove_after: arguments.remove_after.map(|span| Duration::from_secs(span.seconds)),
        ..WatchConfig::new(payee, arguments.receipts.clone(), processors)
    };
    let cap_wei = u128::from(arguments.gas_price_max).saturating_mul(GWEI);
    let tip_wei = match &arguments.tip {
        Some(tip) => tip.to_base_units(GWEI_DECIMALS)?.get(),
        None => node.provider.get_max_priority_fee_per_gas().await.unwrap_or(GWEI / 10),
    };
    let tip_wei = tip_wei.clamp(1, cap_wei.max(1));
    let sending = SenderConfig { confirmations, tip_wei, ..SenderConfig::new(cap_wei) };
    let key = key.filter(|_| !arguments.dry_run).map(|key| (key, sending));
    let provider = node.provider.clone();
    let watcher =
        Watcher::open(provider, deployed.deployment, config, &arguments.state, key).await?;
    Ok((watcher, ready))
}

async fn look(watcher: &mut Watcher, output: &Output) -> Result<Summary, WatchError> {
    // Where nobody reads any more there is nobody to tell.
    let mut tell = |event: Event| drop(output.line(&event, || event.to_string()));
    watcher.round(&mut tell).await
}

/// Looks until nothing is on its way.
async fn once(watcher: &mut Watcher, output: &Output) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let mut missed = 0;
    loop {
        let mut tell = |event: Event| {
            missed += usize::from(matches!(event, Event::TooLate { .. }));
            drop(output.line(&event, || event.to_string()));
        };
        let summary = watcher.round(&mut tell).await.context("it could not be looked")?;
        if !summary.in_flight || begun.elapsed() >= ONCE_MAX {
            say(&summary, output)?;
            return ending(&summary, missed);
        }
        tokio::time::sleep(ONCE_PAUSE).await;
    }
}

/// How `--once` ends. What a node that has stopped shows is no reason to be calm.
fn ending(summary: &Summary, missed: usize) -> anyhow::Result<ExitCode> {
    ensure!(
        !summary.is_stale,
        "the node has stopped: its newest block is of {}, and demands have their time",
        summary.chain_time.map_or("no time".to_owned(), |time| time.to_string())
    );
    let left_out = summary.left_out;
    ensure!(left_out == 0, "the node did not say what became of {}", count(left_out, "receipt"));
    let is_well = summary.unhandled == 0 && missed == 0;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What of a summary is told when it changes.
fn changing(summary: &Summary) -> (bool, usize, usize) {
    (summary.open > 0, summary.lapsed, summary.unhandled)
}

fn say(summary: &Summary, output: &Output) -> anyhow::Result<()> {
    let Summary { open, lapsed, unhandled, in_flight, .. } = *summary;
    let looked = Looked { event: "looked", open, lapsed, unhandled, in_flight };
    output.line(&looked, || {
        format!(
            "{}, {lapsed} lapsed, {unhandled} not demanded or claimed",
            count(open, "open receipt")
        )
    })
}

async fn serve(address: SocketAddr, figures: Figures) -> anyhow::Result<HttpServer> {
    let metrics = move || {
        let encoded = figures.encode();
        async move {
            match encoded {
                Ok(text) => metrics_response(text),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
    };
    let router =
        Router::new().route("/healthz", get(async || "ok")).route("/metrics", get(metrics));
    let serving = HttpServer::bind(address, router, ConnectionLimits::default(), Gauge::default());
    serving.await.with_context(|| format!("cannot listen on {address} (--metrics)"))
}

fn text(ready: &Ready) -> String {
    let folders: Vec<String> =
        ready.receipts.iter().map(|folder| folder.display().to_string()).collect();
    let key = ready.key.map_or("none: nothing is sent".to_owned(), |key| key.to_string());
    let mut lines = vec![
        ("payee", ready.payee.to_string()),
        ("key", key),
        ("processors", ready.processors.join(", ")),
        ("receipts", folders.join(", ")),
        ("state", ready.state.display().to_string()),
    ];
    lines.extend(ready.metrics.iter().map(|metrics| ("metrics", metrics.clone())));
    rows(&lines)
}

#[cfg(test)]
mod tests {
    use aep2_mandate::units::UnixTime;

    use super::*;

    /// As the shell sees it.
    fn code(summary: Summary, missed: usize) -> String {
        let code = ending(&summary, missed).unwrap_or(ExitCode::from(2));
        format!("{code:?}")
    }

    #[test]
    fn once_is_well_only_if_the_node_has_said_so_of_now_and_of_everything() {
        let well = Summary { chain_time: Some(UnixTime::MIN), ..Summary::default() };
        let shell = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(well, 0), shell(0));
        assert_eq!(code(well, 1), shell(1));
        assert_eq!(code(Summary { unhandled: 1, ..well }, 0), shell(1));
        assert_eq!(code(Summary { left_out: 1, ..well }, 0), shell(2));
        assert_eq!(code(Summary { is_stale: true, ..well }, 0), shell(2));
    }
}
