//! Compliance beside a processor: opened before it, asked by it, served to officers.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aep2_chain::deployment::Deployment;
use aep2_compliance::{
    api::{self, Context as Officers},
    officers,
    settings::{ComplianceSettings, OnChain, Started},
};
use aep2_http::{ConnectionLimits, HttpServer};
use aep2_mandate::clock::Clock;
use aep2_processor::{Processor, policy::Policy};
use aep2_server::{
    Settings,
    compliance::{ProcessorEnforcer, Screening},
};
use alloy::primitives::Address;
use anyhow::Context;
use prometheus_client::metrics::gauge::Gauge;
use tokio::{net::TcpListener, task::JoinHandle};

use super::chain::Chain;

/// How long officers' requests in flight have when it is told to stop.
const END_MAX: Duration = Duration::from_secs(10);

/// Writes settings into a folder: payers and payees are looked up in a list of these addresses, and there is
/// one officer. Gives the settings' file and the officer's token.
pub(crate) fn prepare(
    folder: &Path,
    listed: impl IntoIterator<Item = Address>,
) -> anyhow::Result<(PathBuf, String)> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let kek = folder.join("kek");
    // One that is there is used: the folder's store is sealed with it.
    if !kek.exists() {
        aep2_vault::generate(&kek)?;
    }
    let mut list = "# Addresses that are not served, one a line\n".to_owned();
    for address in listed {
        list.push_str(&format!("{address}\n"));
    }
    fs::write(folder.join("list.txt"), list)?;
    let (token, token_sha256) = officers::new_token();
    let rule = "[{ any_of = [{ provider = \"lists\", when_away = \"closed\" }] }]";
    let settings = format!(
        "listen = \"127.0.0.1:0\"\n\n[vault]\nkek_file = \"kek\"\n\n\
         [[officers]]\nname = \"officer\"\nrole = \"officer\"\ntoken_sha256 = \"{token_sha256}\"\n\n\
         [[lists]]\nname = \"list\"\nformat = \"addresses\"\npath = \"list.txt\"\n\
         on_stale = \"refuse\"\n\n[rules]\npayer = {rule}\npayee = {rule}\n"
    );
    let file = folder.join("compliance.toml");
    fs::write(&file, settings)?;
    Ok((file, token))
}

/// What is opened before the processor is, and its settings.
pub(super) type Opened = (Started, ComplianceSettings);

/// Compliance that runs.
pub(crate) struct Compliance {
    server: HttpServer,
    running: JoinHandle<()>,
}

/// Opens what the settings name; nothing where they name none.
pub(super) fn start(
    settings: &Settings,
    chain: &Chain,
    deployment: &Deployment,
) -> anyhow::Result<Option<Opened>> {
    let Some(path) = &settings.compliance.settings else { return Ok(None) };
    let name = path.display();
    let own = ComplianceSettings::read(path)
        .with_context(|| format!("the settings of compliance in {name} cannot be used"))?;
    let chain = OnChain {
        node: chain.provider.clone(),
        chain_id: chain.chain_id,
        wallet: deployment.wallet.address,
    };
    let started = own.start(&chain, &Clock::system());
    let started = started.with_context(|| format!("compliance does not start ({name})"))?;
    Ok(Some((started, own)))
}

/// What the processor asks.
pub(super) fn policies(started: &Option<Opened>) -> Vec<Arc<dyn Policy>> {
    let screening = started
        .iter()
        .map(|(started, _)| Arc::new(Screening(started.compliance.clone())) as Arc<dyn Policy>);
    screening.collect()
}

impl Compliance {
    /// Has it asked and carried out, and serves officers.
    pub(super) async fn serve(
        (started, settings): Opened,
        processor: &Processor,
    ) -> anyhow::Result<Self> {
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot serve officers on {address} (listen in compliance's settings)")
        })?;
        let router = api::router(Officers::new(&started, settings.officers));
        let limits = ConnectionLimits::default();
        let server = HttpServer::start(listener, router, limits, Gauge::default())?;
        let enforcer = Arc::new(ProcessorEnforcer(processor.clone()));
        let running = tokio::spawn(started.run(enforcer));
        Ok(Self { server, running })
    }

    /// Where officers are served.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Takes it down.
    pub(super) async fn stop(self) {
        self.server.stop(END_MAX).await;
        self.running.abort();
        // It holds the processor until it is gone.
        let _ = self.running.await;
    }
}
