//! The agents: each pays for calls, one after another, within its owner's limits.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use aep2_mandate::units::Amount;
use aep2_payer::{
    AcceptedDisputes, KnownTerms, Payer, PayerConfig, PayingClient, Payment,
    limits::{Allowance, Limits},
};
use anyhow::{Context, bail, ensure};
use indicatif::ProgressBar;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{Method, Request, StatusCode};

use super::{
    outcome::Mode,
    payees::Shop,
    world::{Account, DEPOSIT, World},
};

/// How long an agent thinks between two calls, at most.
const THINKS_MS_MAX: u64 = 40;
/// The most that an owner lets its agent pay for one call, in base units.
const PER_CALL: u128 = 20_000;

/// A call that was paid and served.
pub(super) struct Bought {
    pub(super) agent: usize,
    pub(super) shop: usize,
    pub(super) mode: Mode,
    pub(super) payment: Payment,
    pub(super) answered: Duration,
}

/// A client that pays from an account, within limits: `PER_CALL` a call.
pub(super) fn client(
    world: &World,
    account: &Account,
    journal: &Path,
    disputes: Option<AcceptedDisputes>,
) -> anyhow::Result<PayingClient> {
    let all = Amount::new(10 * DEPOSIT)?;
    let allowance = Allowance { per_call: Amount::new(PER_CALL)?, per_host: all, per_day: all };
    let limits = Limits { tokens: [(world.token, allowance)].into(), ..Limits::default() };
    let config = PayerConfig::new(account.id, world.venue(), limits, journal.to_owned());
    let config = PayerConfig { disputes, ..config };
    let payer = Payer::open(config, account.key())?;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
    Ok(PayingClient::with_http(payer, http)?)
}

/// Makes an agent's calls.
pub(super) async fn buy(
    agent: usize,
    client: &PayingClient,
    shops: &[Shop],
    calls: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<Bought>> {
    let mut rng = StdRng::seed_from_u64(agent as u64);
    let mut known: HashMap<usize, KnownTerms> = HashMap::new();
    let mut bought = Vec::with_capacity(calls);
    for call in 0..calls {
        let shop = (agent + call) % shops.len();
        let url = shops[shop].url(&format!("{agent}-{call}"))?;
        let request = || Request::new(Method::GET, url.clone());
        // Every other call to a payee whose terms are known goes out with its payment.
        let terms = known.get(&shop).filter(|_| (call / shops.len()) % 2 == 1);
        let started = Instant::now();
        let (mode, answer) = match terms {
            Some(terms) => (Mode::Intent, client.execute_with(request(), terms).await),
            None => (Mode::Order, client.execute(request()).await),
        };
        let answer = answer.with_context(|| format!("agent {agent} could not buy {url}"))?;
        let answered = started.elapsed();
        let status = answer.response.status();
        ensure!(status == StatusCode::OK, "{url} was paid for and answered {status}");
        let payment = answer.payment.with_context(|| format!("{url} was not paid for"))?;
        if let Err(error) = &payment.receipt {
            bail!("{url} was served without a receipt that holds: {error}");
        }
        bought.push(Bought { agent, shop, mode, payment, answered });
        bar.inc(1);
        if mode == Mode::Order
            && !known.contains_key(&shop)
            && let Some(terms) = client.terms(request()).await?
        {
            known.insert(shop, terms);
        }
        tokio::time::sleep(Duration::from_millis(rng.gen_range(0..=THINKS_MS_MAX))).await;
    }
    client.payer().flush().await;
    Ok(bought)
}
