//! Bringing a processor up from settings, and down again.

pub(crate) mod chain;
pub(crate) mod compliance;
pub(crate) mod folder;
pub(crate) mod key;
pub(crate) mod logs;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aep2_circuits::Shape;
use aep2_evidence::{EvidenceLimits, EvidenceStore, KeyFrom};
use aep2_exact::ExactFacilitator;
use aep2_mandate::clock::Clock;
use aep2_processor::{Parts, Processor, TaskPanicked, batch::Provers};
use aep2_prover::{
    progress::Stage,
    prover::{Entropy, Prover},
};
use aep2_server::{
    Beside, Server,
    backups::is_unfinished,
    control::{Control, Controlled, SOCKET},
    settings::{Problem, Rpc, Settings},
};
use aep2_vault::{KekSource, Vault};
use alloy::primitives::Address;
use anyhow::{Context, anyhow, ensure};
use serde::Serialize;
use tokio::time::sleep;

use self::{chain::Chain, compliance::Compliance, folder::DataFolder};
use crate::output::Output;

/// How long the start waits for the first look at the chain. Then it is told that it is not ready yet.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// How long a request to local control may take when all is stopped: a backup that is not done then is none.
const CONTROL_WITHIN: Duration = Duration::from_secs(10);

/// A processor that runs and is served.
pub(crate) struct Serving {
    processor: Processor,
    server: Server,
    control: Option<Control>,
    compliance: Option<Compliance>,
    chain: Chain,
    /// Held to the end.
    _folder: DataFolder,
}

/// What is said when it runs.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    /// Where the API is.
    pub(crate) http: String,
    /// Where the metrics are, if there are any.
    pub(crate) metrics: Option<String>,
    /// Where the embedded chain is served.
    pub(crate) rpc: Option<String>,
    /// The chain, without what may be an access key.
    pub(crate) chain: String,
    pub(crate) chain_id: u64,
    pub(crate) wallet: Address,
    pub(crate) verifier_set: String,
    /// Where officers are served, if compliance is on.
    pub(crate) compliance: Option<String>,
    /// The tokens that are accepted.
    pub(crate) tokens: Vec<Address>,
    pub(crate) processor: Address,
    pub(crate) shapes: Vec<String>,
    /// Whether whoever made the proving keys can forge proofs.
    pub(crate) development_keys: bool,
    pub(crate) data: PathBuf,
    /// The file of the deployment, for the other commands.
    pub(crate) deployment: PathBuf,
    /// Whether mandates can be accepted already; `/readyz` says it at any time.
    pub(crate) ready: bool,
    /// Why none are accepted all the same, until `aep2 processor resume`: `paused`, `restored`.
    pub(crate) closed: Vec<&'static str>,
}

/// What is wrong, as one error.
pub(crate) fn refuse(problems: &[Problem]) -> anyhow::Result<()> {
    let words: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    ensure!(problems.is_empty(), "the settings are not in order:{}", words.concat());
    Ok(())
}

impl Serving {
    /// Brings everything up, in the order in which it needs one another: the directory, the key, the
    /// chain, the proving keys, the contracts, the processor, the port.
    pub(crate) async fn start(
        settings: &Settings,
        output: &Output,
    ) -> anyhow::Result<(Self, Ready)> {
        refuse(&settings.check())?;
        let data = &settings.data.directory;
        let folder = own_folder(settings)?;
        let key = key::load(settings, &folder.processor_key())?;
        let processor_address = key.address();
        let chain = chain::connect(&settings.chain, &folder, processor_address).await?;

        let provers = provers(settings, &folder, output).await?;
        let keys = || provers.iter().map(Into::into).collect();
        let deployment =
            chain.deployment(&settings.chain, &folder, processor_address, keys).await?;
        refuse(&settings.check_against(&deployment))?;
        let development_keys = provers.iter().any(|prover| !prover.provenance().is_ceremony());

        let config = settings.processor_config(&deployment);
        let parts = Parts {
            provider: chain.provider.clone(),
            deployment: deployment.clone(),
            key,
            ledger: folder.ledger(),
            provers,
            clock: Clock::system(),
            hook: Arc::new(()),
        };
        let tokens: Vec<Address> = config.acceptance.tokens.iter().map(|own| own.0).collect();
        let exact = exact(settings, &folder, &chain, processor_address, &tokens).await?;
        let shapes = config.windows.shapes.iter().map(Shape::to_string).collect();
        let started = compliance::start(settings, &chain, &deployment)?;
        let processor =
            Processor::start_with(parts, config, compliance::policies(&started)).await?;
        let evidence = evidence(settings, &folder);
        let listening = listen(&processor, (exact, evidence), started, (settings, data)).await;
        let Listening { server, compliance, control } = match listening {
            Ok(listening) => listening,
            Err(error) => {
                processor.shutdown().await;
                return Err(error);
            }
        };

        let ready = Ready {
            http: format!("http://{}", server.address()),
            metrics: settings.metrics.enabled.then(|| {
                format!("http://{}/metrics", server.metrics_address().unwrap_or(server.address()))
            }),
            rpc: chain.embedded.as_ref().map(chain::Embedded::url),
            compliance: compliance.as_ref().map(Compliance::url),
            chain: chain.name.clone(),
            chain_id: chain.chain_id.get(),
            wallet: deployment.wallet.address,
            verifier_set: deployment.verifier_set.to_string(),
            tokens,
            processor: processor_address,
            shapes,
            development_keys,
            data: data.clone(),
            deployment: deployment_file(settings, &folder),
            ready: until_ready(&processor).await,
            closed: processor.closed_to_all().iter().map(|(reason, _)| reason.name()).collect(),
        };
        Ok((Self { processor, server, control, compliance, chain, _folder: folder }, ready))
    }

    /// Waits until the processor cannot go on.
    pub(crate) async fn failed(&self) -> TaskPanicked {
        self.processor.failed().await
    }

    /// The processor.
    pub(crate) fn processor(&self) -> &Processor {
        &self.processor
    }

    /// Takes it down: requests in flight are answered, what is being written is finished, batches stay
    /// where they are. Gives the failure of a part of the processor, if there was one, also on the way down.
    pub(crate) async fn stop(self) -> Option<TaskPanicked> {
        let processor = self.processor.clone();
        self.vanish().await.stop().await;
        processor.failure()
    }

    /// Takes the processor down, and leaves its chain.
    pub(crate) async fn vanish(self) -> Remains {
        self.server.stop().await;
        if let Some(control) = self.control {
            control.stop(CONTROL_WITHIN).await;
        }
        if let Some(compliance) = self.compliance {
            compliance.stop().await;
        }
        self.processor.shutdown().await;
        Remains { chain: self.chain, _folder: self._folder }
    }
}

/// What is left when a processor is gone: its chain, if it is an embedded one.
pub(crate) struct Remains {
    chain: Chain,
    /// Held to the end.
    _folder: DataFolder,
}

impl Remains {
    /// Ends it too.
    pub(crate) async fn stop(self) {
        self.chain.stop().await;
    }
}

/// The data directory, if it is whole.
fn own_folder(settings: &Settings) -> anyhow::Result<DataFolder> {
    let data = &settings.data.directory;
    let folder = DataFolder::take(data)?;
    ensure!(
        !is_unfinished(data),
        "a backup was being restored to {} and was not restored to the end: restore it again",
        data.display()
    );
    folder.has_its_own(&settings.chain.rpc, key::named(&settings.key)?.is_some())?;
    Ok(folder)
}

/// What is being served.
struct Listening {
    server: Server,
    compliance: Option<Compliance>,
    control: Option<Control>,
}

/// Serves a processor, its officers where compliance is on, and whoever may use the data directory.
async fn listen(
    processor: &Processor,
    (exact, evidence): (Option<ExactFacilitator>, anyhow::Result<Option<EvidenceStore>>),
    started: Option<compliance::Opened>,
    (settings, data): (&Settings, &Path),
) -> anyhow::Result<Listening> {
    let compliance = started.as_ref().map(|(started, _)| started.compliance.clone());
    let evidence = evidence?;
    let controlled = Controlled {
        processor: processor.clone(),
        evidence: evidence.clone(),
        compliance: compliance.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let beside = Beside { exact, compliance, evidence };
    let server = Server::start(processor.clone(), beside, settings).await?;
    let compliance = match started {
        Some(started) => Some(Compliance::serve(started, processor).await?),
        None => None,
    };
    let control = match Control::start(data, controlled) {
        Ok(control) => Some(control),
        // What it serves does not need it.
        Err(error) => {
            let path = data.join(SOCKET).display().to_string();
            tracing::warn!(path, %error, "there is no local control: a shorter path may help");
            None
        }
    };
    Ok(Listening { server, compliance, control })
}

/// Where evidence of disputes is kept, where disputes are served.
fn evidence(settings: &Settings, folder: &DataFolder) -> anyhow::Result<Option<EvidenceStore>> {
    let own = &settings.disputes;
    if own.seconds_max == 0 {
        return Ok(None);
    }
    let key = match &own.evidence_key_file {
        None => KeyFrom::BesideTheStore,
        Some(path) => {
            let kek = KekSource::File(path.clone()).read();
            KeyFrom::Vault(Vault::new(kek.context("disputes.evidence_key_file cannot be used")?))
        }
    };
    let limits = EvidenceLimits { kept_s_min: own.evidence_kept_s, ..EvidenceLimits::default() };
    let limits = limits.of_bytes(own.evidence_bytes_max);
    let directory = folder.disputes();
    let store = EvidenceStore::open(&directory, key, limits, Clock::system());
    let name = directory.display();
    store.map(Some).with_context(|| format!("the evidence of disputes in {name} does not open"))
}

/// x402's scheme `exact`, where it is set.
async fn exact(
    settings: &Settings,
    folder: &DataFolder,
    chain: &Chain,
    processor: Address,
    tokens: &[Address],
) -> anyhow::Result<Option<ExactFacilitator>> {
    if !settings.exact.enabled {
        return Ok(None);
    }
    let key = key::load_exact(&settings.exact, &folder.exact_key(), processor)?;
    if let Some(embedded) = &chain.embedded {
        embedded.pay_for_gas(key.address()).await?;
    }
    let tokens = tokens.iter().copied().collect();
    let config = settings.exact_config(chain.chain_id, tokens);
    Ok(Some(ExactFacilitator::new(chain.provider.clone(), key, config)))
}

fn deployment_file(settings: &Settings, folder: &DataFolder) -> PathBuf {
    settings.chain.deployment.clone().unwrap_or_else(|| folder.deployment())
}

/// Waits for the first look at the chain. Whether there was one.
async fn until_ready(processor: &Processor) -> bool {
    let ready = async {
        while !processor.readiness().ready {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = ready => true,
        _ = processor.failed() => false,
        () = sleep(READY_WITHIN) => false,
    }
}

/// The proving keys of the shapes that are set. On the embedded chain those that are missing are made.
async fn provers(
    settings: &Settings,
    folder: &DataFolder,
    output: &Output,
) -> anyhow::Result<Provers> {
    let keys = settings.windows.keys.clone().unwrap_or_else(|| folder.proving_keys());
    let make = settings.chain.rpc == Rpc::Embedded;
    let mut provers = Vec::new();
    for shape in settings.windows.shapes.iter().map(|shape| shape.0) {
        let (keys, kept) = (keys.clone(), Prover::is_kept(&keys, shape));
        ensure!(
            kept || make,
            "there is no proving key of shape {shape} in {}; make one with `aep2 setup`, or name \
             another folder with `keys` in [windows]",
            keys.display()
        );
        let bar = (!kept).then(|| {
            output.note(format!(
                "making a development key for shape {shape}, once; whoever makes such a key can \
                 forge proofs with it"
            ));
            output.bar(&Stage::SETUP)
        });
        // Long calculations and large files: not on a thread that others wait for.
        let made = tokio::task::spawn_blocking(move || {
            let made = match &bar {
                None => Prover::load(&keys, shape).map_err(anyhow::Error::from),
                Some(progress) => make_key(&keys, shape, progress),
            };
            if let Some(bar) = bar {
                bar.finish();
            }
            made
        });
        provers.push(made.await.context("making a key panicked")??);
    }
    Ok(provers.into_iter().collect())
}

fn make_key(
    keys: &Path,
    shape: Shape,
    progress: &dyn aep2_prover::progress::Progress,
) -> anyhow::Result<Prover> {
    let prover = Prover::set_up(shape, &Entropy::Fresh, progress)
        .map_err(|error| anyhow!("no key of shape {shape} can be made: {error}"))?;
    fs::create_dir_all(keys)
        .with_context(|| format!("cannot make the folder of keys {}", keys.display()))?;
    prover.save(keys)?;
    Ok(prover)
}
