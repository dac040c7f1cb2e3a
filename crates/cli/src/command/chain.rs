//! `aep2 chain`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use aep2_devchain::{DevChain, DevChainConfig, Listen, Mining};
use alloy::{
    primitives::{Address, B256},
    signers::local::PrivateKeySigner,
};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use tokio::{signal, time::timeout};

use crate::output::Output;

/// How long requests under way may take to finish when the chain is stopped.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// Serve an embedded Ethereum chain as JSON-RPC, for development, until stopped
///
/// Wallets, cast, ethers and the other commands use it as any node. Each transaction is mined at
/// once. Whoever reaches it can spend the development accounts' ether and move its clock, so it
/// listens on this machine only. Stop it with ctrl-C.
#[derive(Args)]
#[command(after_help = "Example, with `aep2 deploy` in another terminal:\n  \
                        aep2 chain --data aep2-chain\n  \
                        aep2 deploy --from-dev-account 0 --test-token")]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8545")]
    listen: SocketAddr,

    /// The chain's id. Any but 31337 and 1337 counts as public elsewhere
    #[arg(long, value_name = "ID", default_value_t = 31_337, value_parser = clap::value_parser!(u64).range(1..))]
    chain_id: u64,

    /// Keep the chain in this folder, and go on with the one that is there [default: in memory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Mine a block every so many seconds instead of one for each transaction
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    block_time: Option<u64>,

    /// How many of the ten well-known development accounts to give ether and sign for
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(..=10))]
    accounts: u8,

    /// Allow an address that others reach
    #[arg(long)]
    allow_remote: bool,
}

/// What is said when the chain is ready.
#[derive(Serialize)]
struct Ready {
    rpc: String,
    chain_id: u64,
    data: Option<PathBuf>,
    block_time_s: Option<u64>,
    /// Publicly known: never anything of worth.
    development_accounts: Vec<DevelopmentAccount>,
}

#[derive(Serialize)]
struct DevelopmentAccount {
    address: Address,
    private_key: B256,
}

impl From<&PrivateKeySigner> for DevelopmentAccount {
    fn from(key: &PrivateKeySigner) -> Self {
        Self { address: key.address(), private_key: key.to_bytes() }
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { listen, chain_id, data, block_time, accounts, allow_remote } = arguments;
    ensure!(
        listen.ip().is_loopback() || *allow_remote,
        "{listen} can be reached from other machines, and whoever reaches this chain can spend its \
         accounts' ether and move its clock; listen on 127.0.0.1, or say --allow-remote"
    );
    let mining = block_time
        .map_or(Mining::OnDemand, |seconds| Mining::Interval(Duration::from_secs(seconds)));
    let config = DevChainConfig {
        chain_id: *chain_id,
        mining,
        dev_accounts: (*accounts).into(),
        data_dir: data.clone(),
        ..DevChainConfig::default()
    };
    let chain = DevChain::start(config)?;
    let keys = chain.accounts()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        // Before anybody is told: who stops the chain at once must not miss.
        let stopped = stop_signal()?;
        let listen =
            if *allow_remote { Listen::Exposed(*listen) } else { Listen::Loopback(*listen) };
        let server = chain.serve(listen).await?;
        let ready = Ready {
            rpc: server.url(),
            chain_id: chain.chain_id()?,
            data: data.clone(),
            block_time_s: *block_time,
            development_accounts: keys.iter().map(DevelopmentAccount::from).collect(),
        };
        output.line(&ready, || text(&ready))?;
        stopped.await;
        output.note("stopping …");
        // Dropping the rest is safe: what was mined is on the disk.
        let _ = timeout(FINISH_MAX, server.stop()).await;
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(FINISH_MAX);
    Ok(ExitCode::SUCCESS)
}

fn text(ready: &Ready) -> String {
    let kept = match &ready.data {
        Some(folder) => format!("kept in {}", folder.display()),
        None => "in memory: it is gone when this ends (--data keeps it)".to_owned(),
    };
    let head = format!("chain {} at {}\n{kept}", ready.chain_id, ready.rpc);
    if ready.development_accounts.is_empty() {
        return head;
    }
    let accounts: Vec<String> = ready
        .development_accounts
        .iter()
        .enumerate()
        .map(|(index, own)| format!("  {index}  {}  {}", own.address, own.private_key))
        .collect();
    format!(
        "{head}\n\ndevelopment accounts, 10000 ether each at first, and their keys, which EVERYBODY \
         KNOWS:\n{}",
        accounts.join("\n")
    )
}

/// Ends when the program is told to stop, by ctrl-C or SIGTERM. Listens from now on.
#[cfg(unix)]
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
