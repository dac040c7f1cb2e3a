//! Disputes in the demo: a payee that gives in, and one whom a judge finds right.

use std::{path::Path, sync::Arc, time::Duration};

use aep2_arbiter::{Arbiter, Decide, DecidingConfig, Parts, Processor, Worker};
use aep2_ledger::MandateHash;
use aep2_mandate::{
    clock::Clock,
    typed_data::{
        Signed, TypedData,
        dispute::{Dispute, DisputeAnswer, Reason},
        keyed::{AnySigned, KeySigned},
    },
    units::{Amount, Ceiling},
};
use aep2_payee::{Payee, PayeeConfig, Quote};
use aep2_payer::{AcceptedDisputes, Payment};
use aep2_processor::view::MandateState;
use aep2_processor_client::{NativeClient, RetryPolicy, disputes::DisputesClient};
use aep2_vault::{Kek, Vault};
use aep2_x402::disputes::Disputes;
use alloy::{primitives::U256, signers::local::PrivateKeySigner};
use anyhow::{Context, bail};
use axum::{Router, routing::get};
use reqwest::Url;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use super::{agents, outcome::Disputed, world::World};
use crate::output::Output;

/// How long a payer may dispute, and an arbiter has then, in seconds.
const WINDOW_S: u64 = 30;
const RULING_S: u64 = 60;
/// What a call costs, in base units.
const PRICE: u128 = 2_500;
/// How long something may take that takes seconds.
const WITHIN: Duration = Duration::from_secs(90);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);

/// Two payments that their payer objects to: what was ruled, and what the payee has of it on chain.
pub(super) async fn show(
    world: &World,
    data: &Path,
    output: &Output,
) -> anyhow::Result<Vec<Disputed>> {
    output.note("disputes: a payer objects to two payments, before they settle …");
    let payee = PrivateKeySigner::random();
    let (arbiter, working) = arbiter(world, &data.join("arbiter"))?;
    let shop = open(world, &payee, &arbiter).await?;
    let accepted = AcceptedDisputes {
        window_s_min: WINDOW_S,
        ..AcceptedDisputes::new(vec![arbiter.address()], processor(world)?)
    };
    let journal = data.join("customer");
    let client = agents::client(world, &world.customer, &journal, Some(accepted))?;
    let mut shown = Vec::new();
    let before = world.tokens_of(payee.address()).await?;

    let given_in = object(world, client.get(shop.clone()).await?.payment).await?;
    answer(world, &payee, &given_in, 0).await?;
    shown.push(settled(world, "a payee that gives in", &given_in, output).await?);

    let right = object(world, client.get(shop).await?.payment).await?;
    answer(world, &payee, &right, PRICE).await?;
    judge(&arbiter, PRICE).await?;
    shown.push(settled(world, "a payee that a judge finds right", &right, output).await?);
    working.abort();

    let paid = world.tokens_of(payee.address()).await? - before;
    let sum: u128 = shown.iter().map(|own| own.settled).sum();
    if paid != U256::from(sum) {
        bail!("the payee has {paid} of its disputed payments, and {sum} was left of them");
    }
    Ok(shown)
}

/// Who decides, at work in this process: a program of its own otherwise, `aep2 dispute-processor`.
fn arbiter(world: &World, folder: &Path) -> anyhow::Result<(Arbiter, tokio::task::JoinHandle<()>)> {
    let parts = Parts {
        signer: PrivateKeySigner::random(),
        vault: Vault::new(Kek::random()?),
        clock: Clock::system(),
        config: DecidingConfig::default(),
    };
    let arbiter = Arbiter::open(folder, parts)?;
    let (url, venue) = (world.ready.http.parse()?, world.venue());
    let processor = Processor { url, venue, is_trusted: true, accounts: None };
    let http = reqwest::Client::builder().no_proxy().build()?;
    let worker = Worker::new(arbiter.clone(), processor, http);
    Ok((arbiter, tokio::spawn(worker.run(PAUSE))))
}

/// A service whose terms let this arbiter decide.
async fn open(world: &World, payee: &PrivateKeySigner, arbiter: &Arbiter) -> anyhow::Result<Url> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin: Url = format!("http://{}", listener.local_addr()?).parse()?;
    let mut config = PayeeConfig::new(origin.clone(), world.venue(), world.token, payee.address());
    let reasons = vec![Reason::ServiceDefective, Reason::ServiceNotDelivered];
    config.disputes = Some(Disputes::new(arbiter.address(), WINDOW_S, RULING_S, reasons, true)?);
    let selling = Payee::new(config, Arc::new(processor(world)?), Some(payee.clone()))?;
    let price = selling.charge(Quote::fixed(Ceiling::new(PRICE)?));
    let routes = Router::new().route("/report", get(async || "an empty report").layer(price));
    // It ends with the demo.
    tokio::spawn(async move { axum::serve(listener, routes).await });
    origin.join("report").context("not a path")
}

fn processor(world: &World) -> anyhow::Result<NativeClient> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    Ok(NativeClient::new(http, world.ready.http.parse()?, RetryPolicy::default()))
}

fn disputing(world: &World) -> anyhow::Result<DisputesClient> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    Ok(DisputesClient::new(http, world.ready.http.parse()?, RetryPolicy::default()))
}

/// The payer objects to what it paid for: by its agent's key.
async fn object(world: &World, payment: Option<Payment>) -> anyhow::Result<(MandateHash, Dispute)> {
    let payment = payment.context("the call was not paid for")?;
    payment.receipt.context("the payment has no receipt that holds")?;
    let dispute = Dispute {
        mandate_id: payment.id.to_bytes(),
        reason: Reason::ServiceDefective,
        text: "The report is empty.".to_owned(),
        evidence: Vec::new(),
        at: Clock::system().now(),
    };
    let domain = world.venue().typed_data_domain();
    let signed = KeySigned::sign(dispute.clone(), &world.customer.key(), &domain);
    disputing(world)?.open(&AnySigned::ByKey(signed)).await?;
    Ok((payment.id.into(), dispute))
}

/// The payee says what it is owed.
async fn answer(
    world: &World,
    payee: &PrivateKeySigner,
    (mandate, dispute): &(MandateHash, Dispute),
    captured: u128,
) -> anyhow::Result<()> {
    let answer = DisputeAnswer {
        dispute: dispute.struct_hash(),
        captured: Amount::new(captured)?,
        text: "It has what there was.".to_owned(),
        evidence: Vec::new(),
        at: Clock::system().now(),
    };
    let domain = world.venue().typed_data_domain();
    let signed = Signed::sign(answer, payee, &domain)?;
    disputing(world)?.answer(mandate.bytes(), &signed).await?;
    Ok(())
}

/// A judge decides the case that waits, once the arbiter has the payee's answer.
async fn judge(arbiter: &Arbiter, captured: u128) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < WITHIN {
        let waiting = arbiter.open_cases()?;
        let answered = waiting.into_iter().find(|case| case.answer.is_some());
        if let Some(case) = answered {
            let (number, version) = (case.number, case.version);
            let (why, judge) = ("It has what was sold.".to_owned(), "a judge".to_owned());
            let captured = Amount::new(captured)?;
            arbiter.judge(Decide { number, version, captured, why, judge }).await?;
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    bail!("the arbiter has no case that waits for a judge")
}

/// Waits until a disputed payment has settled.
async fn settled(
    world: &World,
    what: &str,
    (mandate, _): &(MandateHash, Dispute),
    output: &Output,
) -> anyhow::Result<Disputed> {
    let started = Instant::now();
    while started.elapsed() < WITHIN {
        let processor = world.serving.processor();
        let status = processor.mandate(*mandate)?.context("the mandate is not known")?;
        if let MandateState::Settled { amount, .. } = status.state {
            let dispute = processor.dispute(*mandate)?.context("nobody objected")?;
            let ruling = dispute.ruling.context("nobody ruled")?;
            let (ruled, settled) = (ruling.message.captured.get(), amount.get());
            output.note(format!("  {what}: {settled} of {PRICE} settled, as was ruled"));
            return Ok(Disputed { what: what.to_owned(), paid: PRICE, ruled, settled });
        }
        sleep(PAUSE).await;
    }
    bail!("a disputed payment does not settle")
}
