//! The server under load: `aep2 serve` in a process of its own.

use std::{env, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use aep2_chain::wallet::{
    WalletId,
    terms::Terms,
    units::{KeyHash, VerifierSetId},
};
use aep2_mandate::units::ChainId;
use alloy::primitives::{Address, B256, keccak256};
use anyhow::{Context, ensure};
use hyper::StatusCode;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

use super::{client::Connection, plan::Plan};
use crate::serving::compliance;

/// How long the server may take to start. It makes a development key at first.
const START_MAX: Duration = Duration::from_secs(300);

/// How many nonces one word holds.
const NONCES_PER_WORD: usize = 128;

/// Nothing is proved: the shape that is set up fastest.
const SHAPE: &str = "1x4";

/// A server.
pub(super) struct ServerProcess {
    process: Child,
    /// Held, so that it can write.
    _stdout: BufReader<ChildStdout>,
    pub(super) http: SocketAddr,
    pub(super) rpc: String,
    pub(super) wallet: WalletId,
    pub(super) token: Address,
    processor: Address,
    verifier_set: VerifierSetId,
}

/// What it says when it is ready.
#[derive(Deserialize)]
struct Ready {
    http: String,
    rpc: String,
    chain_id: u64,
    wallet: Address,
    verifier_set: B256,
    tokens: Vec<Address>,
    processor: Address,
    ready: bool,
}

impl ServerProcess {
    /// Starts it on a directory, or starts it again. `mandates` is how many will come at most.
    pub(super) async fn start(folder: &Path, plan: &Plan, mandates: usize) -> anyhow::Result<Self> {
        let config = folder.join("aep2.toml");
        let mut text = settings(plan, mandates);
        if let Some(listed) = plan.listed {
            let addresses =
                (0..listed).map(|number| Address::from_word(keccak256(number.to_be_bytes())));
            let (file, _) = compliance::prepare(&folder.join("compliance"), addresses)?;
            text.push_str(&format!("\n[compliance]\nsettings = {file:?}\n"));
        }
        std::fs::write(&config, text).context("cannot write the settings")?;
        let program = env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--json", "--config"])
            .arg(&config)
            .arg("--data")
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AEP2_")) {
                command.env_remove(name);
            }
        }
        let mut process = command.spawn().context("cannot start a server")?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        timeout(START_MAX, stdout.read_line(&mut line))
            .await
            .context("the server does not become ready")??;
        let ready: Ready = serde_json::from_str(&line)
            .with_context(|| format!("the server does not start: {}", line.trim()))?;
        ensure!(ready.ready, "the server does not see its chain");
        let chain_id = ChainId::new(ready.chain_id);
        Ok(Self {
            process,
            _stdout: stdout,
            http: ready.http.trim_start_matches("http://").parse().context("no address")?,
            rpc: ready.rpc,
            wallet: WalletId { chain_id, address: ready.wallet },
            token: *ready.tokens.first().context("the server accepts no token")?,
            processor: ready.processor,
            verifier_set: VerifierSetId::new(ready.verifier_set),
        })
    }

    /// The terms of an account that it serves.
    pub(super) fn terms(&self, key_hash: KeyHash) -> Terms {
        Terms {
            processor: self.processor,
            verifier_set: Some(self.verifier_set),
            key_hash: Some(key_hash),
        }
    }

    /// Kills it, between two instructions.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.start_kill().context("cannot kill the server")
    }

    /// Waits until the process is gone, and its directory free.
    pub(super) async fn gone(&mut self) -> anyhow::Result<()> {
        self.process.wait().await.map(drop).context("cannot wait for the server")
    }

    /// How many synced writes it has made.
    pub(super) async fn syncs(&self) -> anyhow::Result<u64> {
        let (status, body) = Connection::open(self.http).await?.get("/metrics").await?;
        ensure!(status == StatusCode::OK, "/metrics: {status}");
        let text = String::from_utf8_lossy(&body);
        let value = text.lines().find_map(|line| line.strip_prefix("aep2_ledger_syncs "));
        let value = value.context("/metrics does not say aep2_ledger_syncs")?;
        Ok(value.trim().parse::<f64>()? as u64)
    }

    /// Waits until it knows an account with something in it.
    pub(super) async fn until_known(&self, account: u32) -> anyhow::Result<()> {
        const WAIT_MAX: Duration = Duration::from_secs(60);

        let mut connection = Connection::open(self.http).await?;
        let started = Instant::now();
        loop {
            let (status, body) = connection.get(&format!("/v1/accounts/{account}")).await?;
            let found: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let funded = found["purses"].as_array().is_some_and(|purses| !purses.is_empty());
            if status == StatusCode::OK && funded {
                return Ok(());
            }
            ensure!(started.elapsed() < WAIT_MAX, "the server does not see account {account}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The settings of a server that only accepts: its queue is not looked at, so that no proof takes the
/// processor away from what is measured.
fn settings(plan: &Plan, mandates: usize) -> String {
    let words = mandates.div_ceil(plan.payers).div_ceil(NONCES_PER_WORD) + 1;
    format!(
        r#"[chain]
embedded_listen = "127.0.0.1:0"

[http]
listen = "127.0.0.1:0"
threads = {}

[acceptance]
within_capacity = false
nonce_words_max = {words}

[windows]
shapes = ["{SHAPE}"]
poll_interval_ms = 86400000

[log]
level = "warn"
"#,
        plan.server_threads
    )
}
