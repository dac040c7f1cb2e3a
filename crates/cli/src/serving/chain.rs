//! The chain to settle on: embedded, begun or gone on with; or a node.

use std::{path::Path, time::Duration};

use aep2_chain::{
    deployment::{self, Deployment, KeyOfShape, Plan},
    token,
    transact::transact,
    wallet::units::BaseUnits,
};
use aep2_devchain::{DevChain, DevChainConfig, dev_accounts};
use aep2_mandate::units::ChainId;
use aep2_server::settings::{ChainSettings, Rpc};
use alloy::{
    primitives::{Address, U256, utils::Unit},
    providers::{DynProvider, Provider, ProviderBuilder},
    transports::http::reqwest::Client,
};
use anyhow::{Context, ensure};
use tokio::{task::JoinHandle, time::MissedTickBehavior};
use tracing::error;

use super::folder::DataFolder;
use crate::onchain::node::{innermost, is_this_machine};

/// What the operator's keys have to pay for gas with on the embedded chain, ether.
const GAS_ETHER: u64 = 10_000;
/// The test tokens that the first development account gets: a million dollars of nothing, base units.
const TEST_TOKENS: u128 = 1_000_000_000_000;
/// The bond that the processor puts up on the embedded chain, base units.
const TEST_BOND: u128 = 100_000_000_000;

/// A chain that is connected to, and what has to live as long as it is used.
pub(crate) struct Chain {
    pub(crate) provider: DynProvider,
    pub(crate) chain_id: ChainId,
    /// How people call it.
    pub(crate) name: String,
    pub(crate) embedded: Option<Embedded>,
}

/// The embedded chain, served and ticking.
pub(crate) struct Embedded {
    chain: DevChain,
    server: aep2_devchain::Server,
    ticking: JoinHandle<()>,
}

impl Embedded {
    /// Where it is served as JSON-RPC.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Sees to it that a key has ether.
    pub(crate) async fn pay_for_gas(&self, key: Address) -> anyhow::Result<()> {
        pay_for_gas(&self.chain, key).await
    }

    /// Stops serving it and mining. What was mined is on the disk.
    pub(crate) async fn stop(self) {
        self.ticking.abort();
        self.server.stop().await;
    }
}

/// The chain that the settings name.
pub(crate) async fn connect(
    settings: &ChainSettings,
    folder: &DataFolder,
    processor: Address,
) -> anyhow::Result<Chain> {
    match &settings.rpc {
        Rpc::Embedded => begin(settings, folder, processor).await,
        Rpc::Node(url) => {
            let name = settings.rpc.name();
            let client = Client::builder().timeout(Duration::from_secs(settings.answer_within_s));
            // A proxy of the environment cannot reach this machine's own addresses.
            let client = if is_this_machine(url) { client.no_proxy() } else { client };
            let client = client.build().context("cannot start an HTTP client")?;
            let provider = ProviderBuilder::new()
                .disable_recommended_fillers()
                .connect_reqwest(client, url.clone())
                .erased();
            let chain_id = match provider.get_chain_id().await {
                Ok(chain_id) => ChainId::new(chain_id),
                Err(error) => {
                    anyhow::bail!("no node answers at {name} (chain.rpc): {}", innermost(&error))
                }
            };
            Ok(Chain { provider, chain_id, name, embedded: None })
        }
    }
}

async fn begin(
    settings: &ChainSettings,
    folder: &DataFolder,
    processor: Address,
) -> anyhow::Result<Chain> {
    let config = DevChainConfig { data_dir: Some(folder.chain()), ..DevChainConfig::default() };
    let chain = DevChain::start(config)?;
    let provider = chain.provider().erased();
    pay_for_gas(&chain, processor).await?;
    let server = chain.serve(settings.embedded_listen).await.context(
        "the embedded chain cannot be served at chain.embedded_listen; port 0 takes any free one",
    )?;
    let ticking =
        tokio::spawn(tick(chain.clone(), Duration::from_millis(settings.embedded_block_time_ms)));
    let chain_id = ChainId::new(chain.chain_id()?);
    let embedded = Embedded { chain, server, ticking };
    Ok(Chain { provider, chain_id, name: "embedded".to_owned(), embedded: Some(embedded) })
}

async fn pay_for_gas(chain: &DevChain, key: Address) -> anyhow::Result<()> {
    let ether = U256::from(GAS_ETHER) * Unit::ETHER.wei();
    if chain.provider().get_balance(key).await? < ether / U256::from(2) {
        chain.set_balance(key, ether)?;
    }
    Ok(())
}

/// Mines a block every so often, besides those that are mined for transactions: a chain whose time
/// stands still would say nothing of what is due.
async fn tick(chain: DevChain, every: Duration) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let chain = chain.clone();
        // It writes to the disk.
        match tokio::task::spawn_blocking(move || chain.mine()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => error!(%error, "the embedded chain cannot mine"),
            Err(_) => return,
        }
    }
}

impl Chain {
    /// The contracts: those of the file, checked; on the embedded chain, those made at the first
    /// start, or made now.
    pub(crate) async fn deployment(
        &self,
        settings: &ChainSettings,
        folder: &DataFolder,
        processor: Address,
        keys: impl FnOnce() -> Vec<KeyOfShape>,
    ) -> anyhow::Result<Deployment> {
        let kept = folder.deployment();
        let deployment = match (&self.embedded, &settings.deployment) {
            (Some(_), _) if kept.exists() => Deployment::read(&kept)?,
            (Some(embedded), _) => {
                let deployment = deploy(embedded, settings, processor, keys())
                    .await
                    .context("the contracts cannot be deployed on the embedded chain")?;
                deployment.write(&kept)?;
                deployment
            }
            (None, Some(file)) => Deployment::read(file)?,
            (None, None) => anyhow::bail!("chain.deployment must say where the contracts are"),
        };
        self.check(&deployment, settings.deployment.as_deref().unwrap_or(&kept)).await?;
        Ok(deployment)
    }

    /// Ends what lives only for it.
    pub(crate) async fn stop(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }

    async fn check(&self, deployment: &Deployment, file: &Path) -> anyhow::Result<()> {
        let (file, name) = (file.display(), &self.name);
        let (expected, found) = (deployment.chain_id, self.chain_id);
        ensure!(
            expected == found,
            "{file} is of chain {expected}, and {name} is chain {found}; name the file of this chain"
        );
        deployment
            .verify(&self.provider)
            .await
            .with_context(|| format!("chain {name} does not have what {file} says"))
    }
}

/// Puts up the contracts with a test token, gives some of it to the first development account, and
/// puts up a bond for the processor.
async fn deploy(
    embedded: &Embedded,
    settings: &ChainSettings,
    processor: Address,
    keys: Vec<KeyOfShape>,
) -> anyhow::Result<Deployment> {
    let deployer = dev_accounts()?.swap_remove(0);
    let owner = deployer.address();
    let provider = ProviderBuilder::new().wallet(deployer).connect_client(embedded.chain.client());
    let plan = Plan {
        periods: settings.embedded_periods(),
        keys,
        accept_development_keys: Default::default(),
        checked_ceremonies: Default::default(),
        test_token: true,
    };
    let deployment = deployment::deploy(&provider, &plan).await?;
    let token = deployment.test_token.as_ref().context("no test token was made")?.address;
    let wallet = deployment.wallet_id();
    let (tokens, bond) = (BaseUnits::new(TEST_TOKENS), BaseUnits::new(TEST_BOND));
    for call in [
        token::mint_test_tokens(token, owner, tokens),
        token::mint_test_tokens(token, owner, bond),
        token::approve(token, wallet.guarantee().address, bond),
        wallet.guarantee().bond(processor, None, token, bond),
    ] {
        transact(&provider, &call).await?;
    }
    Ok(deployment)
}
