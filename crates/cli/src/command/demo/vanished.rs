//! A processor that vanishes, in the demo: it took a payment, gave its receipt, and is gone. Its bond pays.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aep2_chain::{sender::SenderConfig, token::Token};
use aep2_mandate::{typed_data::receipt::SignedReceipt, units::Ceiling};
use aep2_payee::{Payee, PayeeConfig, Quote};
use aep2_processor_client::{NativeClient, RetryPolicy};
use aep2_receipts::Keeper;
use aep2_watch::{Event, ProcessorAt, Summary, WatchConfig, Watcher};
use alloy::{
    network::TransactionBuilder,
    primitives::utils::Unit,
    providers::{DynProvider, Provider},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
};
use anyhow::{Context, bail, ensure};
use axum::{Router, routing::get};
use reqwest::Url;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use super::{agents, outcome::MadeWhole, world::World};
use crate::{output::Output, serving::Remains};

/// What the call costs, in base units: it must be worth the gas of a demand.
const PRICE: u128 = 20_000;
/// How long a payee waits after what was promised, in seconds: it might still come.
const GRACE_S: u64 = 60;
/// The most that its payee offers for gas, in wei, and what an ether costs on the embedded chain, in tokens.
const FEE_CAP_WEI: u128 = 100_000_000_000;
const TOKENS_PER_ETHER: u64 = 1;
/// How long something may take that takes seconds.
const WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);

/// Whom the processor owes, and where its receipts are.
pub(super) struct Owed {
    payee: PrivateKeySigner,
    receipts: PathBuf,
    receipt: SignedReceipt,
    state: PathBuf,
    processor: ProcessorAt,
}

/// A payment that is served, and that the processor has promised to settle.
pub(super) async fn promise(world: &World, data: &Path) -> anyhow::Result<Owed> {
    let (payee, receipts) = (PrivateKeySigner::random(), data.join("payee").join("receipts"));
    let gas = TransactionRequest::default()
        .with_from(world.bank)
        .with_to(payee.address())
        .with_value(Unit::ETHER.wei());
    world.provider.send_transaction(gas).await?.get_receipt().await?;
    let shop = open(world, &payee, &receipts).await?;
    let journal = data.join("customer-of-the-last");
    let client = agents::client(world, &world.customer, &journal, None)?;
    let payment = client.get(shop).await?.payment.context("the call was not paid for")?;
    let receipt = payment.receipt.context("the payment has no receipt that holds")?;
    let processor = ProcessorAt {
        name: world.ready.processor.to_string(),
        address: Some(world.ready.processor),
        word: None,
    };
    let state = data.join("payee").join("watch");
    Ok(Owed { payee, receipts, receipt, state, processor })
}

/// A service that keeps its receipts.
async fn open(world: &World, payee: &PrivateKeySigner, receipts: &Path) -> anyhow::Result<Url> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin: Url = format!("http://{}", listener.local_addr()?).parse()?;
    let mut config = PayeeConfig::new(origin.clone(), world.venue(), world.token, payee.address());
    config.receipts = Some(Keeper::open(receipts)?);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let processor = NativeClient::new(http, world.ready.http.parse()?, RetryPolicy::default());
    let selling = Payee::new(config, Arc::new(processor), Some(payee.clone()))?;
    let price = selling.charge(Quote::fixed(Ceiling::new(PRICE)?));
    let routes = Router::new().route("/forecast", get(async || "rain").layer(price));
    // It ends with the demo.
    tokio::spawn(async move { axum::serve(listener, routes).await });
    origin.join("forecast").context("not a path")
}

/// The processor goes, and its payee runs `aep2 payee watch`: the same watcher, in this process. The
/// embedded chain's time is moved on, for nobody waits a day for a demo.
pub(super) async fn show(
    world: World,
    owed: &Owed,
    output: &Output,
) -> anyhow::Result<(MadeWhole, Remains)> {
    output
        .note("the processor vanishes; a payee still has a receipt, and runs `aep2 payee watch` …");
    let response_s = world.wallet.periods().await?.response_seconds;
    let World { serving, provider, token, deployment, .. } = world;
    let remains = serving.vanish().await;
    let payee = owed.payee.address();
    let tokens = Token::new(provider.clone(), token);
    let before = tokens.balance_of(payee).await?;
    let folders = vec![owed.receipts.clone()];
    let config = WatchConfig {
        grace_s: GRACE_S,
        confirmations: 0,
        tokens_per_ether: TOKENS_PER_ETHER,
        ..WatchConfig::new(payee, folders, vec![owed.processor.clone()])
    };
    let sending = SenderConfig { confirmations: 0, tip_wei: 1, ..SenderConfig::new(FEE_CAP_WEI) };
    let key = Some((owed.payee.clone(), sending));
    let mut watcher = Watcher::open(provider.clone(), deployment, config, &owed.state, key).await?;

    let summary = rounds(&mut watcher, output).await?;
    ensure!(summary.open == 1, "the receipt is not watched");
    let now = summary.chain_time.context("a chain without a time")?.get();
    let demanded_from = owed.receipt.message.settle_by.get() + GRACE_S;
    travel(&provider, demanded_from.saturating_sub(now) + 1).await?;
    rounds(&mut watcher, output).await?;
    travel(&provider, response_s + 1).await?;
    let summary = rounds(&mut watcher, output).await?;
    ensure!(summary.open == 0, "the receipt is still open");
    let paid = u128::try_from(tokens.balance_of(payee).await? - before)?;
    output.note(format!("  {paid} of {PRICE} paid by the processor's bond"));
    let mandate = owed.receipt.message.mandate_id.to_string();
    Ok((MadeWhole { mandate, promised: PRICE, paid }, remains))
}

/// Looks until nothing is on its way.
async fn rounds(watcher: &mut Watcher, output: &Output) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let mut tell = |event: Event| output.note(format!("  {event}"));
    while started.elapsed() < WITHIN {
        let summary = watcher.round(&mut tell).await?;
        if !summary.in_flight {
            return Ok(summary);
        }
        sleep(PAUSE).await;
    }
    bail!("what the payee sent is not mined")
}

/// Moves the embedded chain's time on.
async fn travel(provider: &DynProvider, seconds: u64) -> anyhow::Result<()> {
    let _: Value = provider.raw_request("evm_increaseTime".into(), [seconds]).await?;
    let _: Value = provider.raw_request("evm_mine".into(), ()).await?;
    Ok(())
}
