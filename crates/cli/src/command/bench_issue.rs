//! `aep2 bench issue`.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::{Duration, Instant},
};

use aep2_benches::machine::Machine;
use aep2_cards::{
    keys::HolderKey,
    proof,
    restrictions::{Budget, Period, Restrictions},
    token::CardToken,
};
use aep2_http::{ConnectionLimits, HttpServer};
use aep2_issuer::{
    Actor, Issuer, IssuerConfig, Zone,
    api::{Context as Api, router},
    owners::{NewBudget, NewCard, NewWallet},
};
use aep2_mandate::{
    clock::Clock,
    units::{AccountId, Amount, ChainId},
};
use aep2_vault::{Kek, Vault};
use aep2_x402::{purchase::Venue, terms::WALLET_NAME};
use alloy::primitives::{Address, B256, address};
use anyhow::{Context, bail, ensure};
use clap::Args;
use reqwest::{Client, StatusCode, Url, header::HeaderMap};
use serde::Serialize;
use serde_json::json;

use super::rows;
use crate::{
    onchain::block_on,
    output::{Output, count},
};

/// Measure how many payments an issuer issues a second, each budget exact and on the disk
///
/// Serves an issuer over HTTP on a temporary directory, with a card for each agent under one shared
/// budget, and lets all agents ask at once, one request after another, each signed by its card's
/// holder. Agents and issuer share the machine. Afterwards all is counted: payments, what the shared
/// budget says, nonces, and the audit log from its first line to its last.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 bench issue --json\n  \
                        aep2 bench issue --agents 1 --seconds 20")]
pub(crate) struct Arguments {
    /// Agents, each with a card and one request under way
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    agents: u32,

    /// How long to measure
    #[arg(long, value_name = "T", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Figures {
    issued_per_s: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    payments: usize,
    /// What the shared budget says was spent, in base units: 1 for each payment.
    counted: u128,
    /// Lines of the audit log, all of them checked.
    log_lines: u64,
    agents: u32,
    seconds: f64,
    machine: Machine,
}

const TOKEN: Address = address!("0x00000000000000000000000000000000000000BB");
const PAYEE: Address = address!("0x00000000000000000000000000000000000000A1");
const WALLET: Address = address!("0x00000000000000000000000000000000000000AA");
const PROCESSOR: Address = address!("0x00000000000000000000000000000000000000CC");
const CHAIN: ChainId = ChainId::new(31_337);

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let figures = block_on(measure(arguments, output))?;
    output.result(&figures, || table(&figures))?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(arguments: &Arguments, output: &Output) -> anyhow::Result<Figures> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let vault = Vault::new(Kek::random()?);
    let issuer = Issuer::open(folder.path(), vault, Clock::system(), IssuerConfig::default())?;
    output.note(format!("making {} …", count(arguments.agents as usize, "card")));
    let (owner, agents) = agents(&issuer, arguments.agents).await?;

    let listener =
        tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let url: Url = format!("http://{}/", listener.local_addr()?).parse()?;
    let http = Client::builder().no_proxy().build()?;
    let api = Api::new(issuer.clone(), http.clone(), url.clone(), Vec::new());
    let open = api.metrics().connections.clone();
    let server = HttpServer::start(listener, router(api), ConnectionLimits::default(), open)?;

    let length = Duration::from_secs(arguments.seconds.into());
    output.note(format!(
        "{}, {} s …",
        count(arguments.agents as usize, "agent"),
        arguments.seconds
    ));
    let began = Instant::now();
    let asking: Vec<_> = agents
        .into_iter()
        .map(|agent| tokio::spawn(ask(agent, http.clone(), url.clone(), began + length)))
        .collect();
    let mut times = Vec::new();
    for agent in asking {
        times.extend(agent.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    server.stop(Duration::from_secs(5)).await;
    times.sort_unstable();
    let at = |share: usize| -> anyhow::Result<f64> {
        let time = times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        Ok(time.context("nothing was issued")?.as_secs_f64() * 1_000.0)
    };
    let (counted, log_lines) = check(&issuer, owner, times.len())?;
    Ok(Figures {
        issued_per_s: times.len() as f64 / seconds,
        p50_ms: at(50)?,
        p95_ms: at(95)?,
        p99_ms: at(99)?,
        payments: times.len(),
        counted,
        log_lines,
        agents: arguments.agents,
        seconds,
        machine: Machine::this(),
    })
}

/// An agent: its card, and the key of its card.
struct Agent {
    card: CardToken,
    holder: HolderKey,
}

async fn agents(
    issuer: &Issuer,
    count: u32,
) -> anyhow::Result<(aep2_issuer::ids::OwnerId, Vec<Agent>)> {
    let (owner, _) = issuer.create_owner("bench".to_owned(), Zone::utc()).await?;
    let actor = || Actor::Owner(owner.id);
    let venue = Venue { chain: CHAIN, wallet: WALLET, processor: PROCESSOR };
    let processor_url = "http://127.0.0.1:1/".parse()?;
    let new = NewWallet { name: "bench".to_owned(), processor_url, venue };
    let wallet = issuer.create_wallet(owner.id, actor(), new).await?.id;
    issuer.set_account(owner.id, actor(), wallet, AccountId::new(1)?).await?;
    let limit = |units| -> anyhow::Result<Budget> {
        let amount = Amount::new(units)?;
        Ok(Budget { token: TOKEN, amount, period: Period::Day, host: None, payee: None })
    };
    let limits = vec![limit(1 << 60)?];
    let new = NewBudget { name: "all".to_owned(), parent: None, limits };
    let budget = Some(issuer.create_budget(owner.id, actor(), new).await?.id);
    let mut agents = Vec::new();
    for number in 0..count {
        let holder = HolderKey::generate();
        let restrictions =
            Restrictions { budgets: Some(vec![limit(1 << 50)?]), ..Restrictions::default() };
        let new = NewCard {
            name: format!("agent {number}"),
            wallet,
            budget,
            restrictions,
            subscription: None,
            holder: Some(holder.public()),
        };
        let (_, card) = issuer.create_card(owner.id, actor(), new).await?;
        agents.push(Agent { card, holder });
    }
    Ok((owner.id, agents))
}

/// Asks for one payment after another until the time is over. Gives how long each took.
async fn ask(
    agent: Agent,
    http: Client,
    url: Url,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let authority = format!("127.0.0.1:{}", url.port().context("a port")?);
    let target = url.join("v1/issue")?;
    let clock = Clock::system();
    let mut times = Vec::new();
    while Instant::now() < until {
        let body = body().to_string();
        let about = proof::Request {
            method: "POST",
            authority: &authority,
            path: "/v1/issue",
            query: None,
            body: body.as_bytes(),
        };
        let mut headers = HeaderMap::new();
        let nonce = proof::random_nonce();
        proof::sign(&about, &agent.card, &agent.holder, clock.now(), &nonce)
            .insert_into(&mut headers);
        let request = http.post(target.clone()).headers(headers);
        let request = request.header("content-type", "application/json").body(body);
        let sent = Instant::now();
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if status != StatusCode::CREATED {
            bail!("the issuer answered {status}: {text}");
        }
        times.push(sent.elapsed());
    }
    Ok(times)
}

/// A request for a payment of 1.
fn body() -> serde_json::Value {
    json!({
        "requestKey": B256::from(rand::random::<[u8; 32]>()),
        "method": "GET", "resource": "https://api.example/answers",
        "terms": {
            "scheme": "aep2", "network": format!("eip155:{CHAIN}"), "amount": "1",
            "asset": TOKEN.to_string(), "payTo": PAYEE.to_string(), "maxTimeoutSeconds": 60,
            "extra": {
                "wallet": WALLET.to_string(), "processor": PROCESSOR.to_string(),
                "settleWithinSeconds": 600, "name": WALLET_NAME, "version": "1",
                "capture": "full", "order": B256::from(rand::random::<[u8; 32]>()),
            },
        },
    })
}

/// Whether everything that was answered is there, once, and counted. Gives what the shared budget says,
/// and how many lines the audit log has.
fn check(
    issuer: &Issuer,
    owner: aep2_issuer::ids::OwnerId,
    answered: usize,
) -> anyhow::Result<(u128, u64)> {
    let reports = issuer.budget_reports(owner)?;
    let used = reports.first().and_then(|report| report.limits.first()).context("the budget")?;
    let counted: u128 = used.used.parse()?;
    ensure!(
        counted == answered as u128,
        "{answered} payments were answered, {counted} are counted"
    );
    let payments = issuer.payments(owner, None, answered + 1)?;
    let nonces: BTreeSet<_> =
        payments.iter().map(|payment| payment.mandate.mandate.nonce).collect();
    ensure!(
        payments.len() == answered && nonces.len() == answered,
        "{answered} payments were answered, {} are stored with {} nonces",
        payments.len(),
        nonces.len(),
    );
    let verified = issuer.verify_log()?.context("the audit log has not begun")?;
    Ok((counted, verified.to.number.get()))
}

fn table(figures: &Figures) -> String {
    rows(&[
        ("machine", figures.machine.to_string()),
        (
            "issued",
            format!("{}, {:.0} a second", count(figures.payments, "payment"), figures.issued_per_s),
        ),
        (
            "time",
            format!(
                "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
                figures.p50_ms, figures.p95_ms, figures.p99_ms
            ),
        ),
        ("agents", figures.agents.to_string()),
        ("counted", format!("{} of {}, exactly", figures.counted, figures.payments)),
        ("audit log", format!("{}, whole", count(figures.log_lines as usize, "line"))),
    ])
}
