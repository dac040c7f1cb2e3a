//! A load on a real server: how many mandates it accepts a second, how fast, and that none that it
//! promised is missing after it was killed.
//!
//! The server is this program in a process of its own, with everything on the disk. The load is
//! generated on one thread, so that on a small machine most of it is the server's.

mod client;
mod funding;
mod plan;
mod server;
mod store;

use aep2_benches::machine::Machine;
use anyhow::{Context, ensure};
use futures::future::join_all;
use hyper::body::Bytes;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

pub(crate) use self::plan::Plan;
use self::{
    client::{Connection, Post, Receipt},
    server::ServerProcess,
    store::Store,
};
use crate::output::Output;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) accepted_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// Synced writes while it was measured.
    pub(crate) syncs: u64,
    pub(crate) mandates_per_sync: f64,
    /// Requests that were not answered with a receipt.
    pub(crate) errors: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_error: Option<String>,
    /// Mandates accepted while it was measured.
    pub(crate) mandates: usize,
    /// How long was measured.
    pub(crate) seconds: f64,
    pub(crate) clients: usize,
    pub(crate) payers: usize,
    /// Addresses on the sanctions list in which payers and payees were looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listed: Option<usize>,
    pub(crate) machine: Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) killed: Option<Killed>,
}

/// What was found after the server was killed and started again.
#[derive(Debug, Serialize)]
pub(crate) struct Killed {
    /// Receipts that had been received.
    pub(crate) receipts: usize,
    /// Those of them that the server does not have any more, or has otherwise.
    pub(crate) missing: usize,
}

/// Runs the load.
///
/// # Errors
/// When the server does not start, or does not come back; when the chain refuses the accounts.
pub(crate) async fn run(plan: &Plan, output: &Output) -> anyhow::Result<Figures> {
    let total = (plan.warm_up + plan.measured).as_secs();
    let wanted = usize::try_from(plan.store_per_s * total).context("too many mandates")?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;

    output.note("starting a server …");
    let mut server = ServerProcess::start(folder.path(), plan, wanted).await?;
    output.note(format!("opening {} accounts with money in them …", plan.payers));
    let accounts = funding::open(&server, plan.payers, wanted).await?;
    output.note(format!("signing {wanted} mandates …"));
    let mut stores = store::sign(&server, &accounts, wanted, plan.clients, output)?;

    output.note(format!("{} clients, {} s …", plan.clients, plan.measured.as_secs()));
    let mut connections = Vec::new();
    for _ in 0..plan.clients {
        connections.push(Connection::open(server.http).await?);
    }
    let started = Instant::now();
    let (from, to) = (started + plan.warm_up, started + plan.warm_up + plan.measured);
    let address = server.http;
    let clients = connections
        .into_iter()
        .zip(&mut stores)
        .map(|(connection, store)| load(connection, address, store, to, plan.kill));
    let figures = async {
        sleep_until(from).await;
        let before = server.syncs().await?;
        if plan.kill {
            sleep_until(from + plan.measured / 2).await;
            let syncs = server.syncs().await? - before;
            let killed = Instant::now();
            // While requests are under way.
            server.kill()?;
            return Ok((syncs, killed));
        }
        sleep_until(to).await;
        Ok::<_, anyhow::Error>((server.syncs().await? - before, to))
    };
    let (answers, observed) = tokio::join!(join_all(clients), figures);
    let (syncs, to) = observed?;

    let all: Vec<Post> = answers.into_iter().flatten().collect();
    let killed = match plan.kill {
        false => None,
        true => {
            output.note("starting the killed server again …");
            server.gone().await?;
            let server = ServerProcess::start(folder.path(), plan, wanted).await?;
            Some(look_up(&server, &all, plan.clients, output).await?)
        }
    };
    measure(plan, &all, syncs, (from, to), killed)
}

/// Sends what is in store, one after another, until the time is over.
async fn load(
    mut connection: Connection,
    server: std::net::SocketAddr,
    store: &mut Store,
    to: Instant,
    is_killed: bool,
) -> Vec<Post> {
    let mut posts = Vec::with_capacity(store.len());
    while Instant::now() < to {
        let Some(body) = store.next() else { break };
        let post = connection.post(body).await;
        let lost = post.outcome.is_lost();
        posts.push(post);
        if lost {
            // The server is gone, as was intended; or this connection is, and there is another.
            match Connection::open(server).await {
                Ok(fresh) if !is_killed => connection = fresh,
                _ => break,
            }
        }
    }
    posts
}

/// Asks for every mandate whose receipt was received, and compares.
async fn look_up(
    server: &ServerProcess,
    posts: &[Post],
    clients: usize,
    output: &Output,
) -> anyhow::Result<Killed> {
    let receipts: Vec<&Bytes> = posts.iter().filter_map(|post| post.outcome.accepted()).collect();
    output.note(format!("looking up {} receipts …", receipts.len()));
    let part = receipts.len().div_ceil(clients).max(1);
    let parts = receipts.chunks(part).map(async |part| {
        let mut connection = Connection::open(server.http).await?;
        let mut missing = 0;
        for receipt in part {
            missing += usize::from(!connection.has(&Receipt::read(receipt)?).await?);
        }
        anyhow::Ok(missing)
    });
    let mut missing = 0;
    for part in join_all(parts).await {
        missing += part?;
    }
    Ok(Killed { receipts: receipts.len(), missing })
}

fn measure(
    plan: &Plan,
    posts: &[Post],
    syncs: u64,
    (from, to): (Instant, Instant),
    killed: Option<Killed>,
) -> anyhow::Result<Figures> {
    let measured: Vec<&Post> =
        posts.iter().filter(|post| post.answered >= from && post.answered < to).collect();
    let mut times: Vec<f64> = measured
        .iter()
        .filter(|post| post.outcome.accepted().is_some())
        .map(|post| (post.answered - post.sent).as_secs_f64() * 1_000.0)
        .collect();
    ensure!(
        !times.is_empty(),
        "nothing was accepted{}",
        posts
            .iter()
            .find_map(|post| post.outcome.words())
            .map(|w| format!(": {w}"))
            .unwrap_or_default()
    );
    times.sort_unstable_by(f64::total_cmp);
    // When the store ran out, less than planned was measured.
    let last = measured.iter().map(|post| post.answered).max().unwrap_or(to);
    let seconds = (last.min(to) - from).as_secs_f64().max(f64::EPSILON);
    let failed = || posts.iter().filter(|post| !plan.kill || !post.outcome.is_lost());
    let mandates = times.len();
    Ok(Figures {
        accepted_per_s: round(mandates as f64 / seconds, 1),
        p50_ms: round(percentile(&times, 50.0), 3),
        p95_ms: round(percentile(&times, 95.0), 3),
        p99_ms: round(percentile(&times, 99.0), 3),
        max_ms: round(times.last().copied().unwrap_or_default(), 3),
        syncs,
        mandates_per_sync: round(mandates as f64 / syncs.max(1) as f64, 1),
        errors: failed().filter(|post| post.outcome.accepted().is_none()).count(),
        first_error: failed().find_map(|post| post.outcome.words()),
        mandates,
        seconds: round(seconds, 2),
        clients: plan.clients,
        payers: plan.payers,
        listed: plan.listed,
        machine: Machine::this(),
        killed,
    })
}

/// The least time that so many percent do not exceed (nearest rank). `sorted` is not empty.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&times, 50.0), 100.0);
        assert_eq!(percentile(&times, 99.0), 198.0);
        assert_eq!(percentile(&times, 100.0), 200.0);
        assert_eq!(percentile(&[7.0], 1.0), 7.0);
    }
}
