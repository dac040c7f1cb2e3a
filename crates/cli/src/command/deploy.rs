//! `aep2 deploy`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aep2_ceremony::finish::transcript_name;
use aep2_chain::{
    call::Call,
    contracts::TestUSD,
    deployment::{self, DeployError, Deployment, KeyOfShape, Plan},
    token::Token,
    wallet::guarantee::Periods,
};
use aep2_circuits::Shape;
use aep2_prover::{
    key_file::{Half, Provenance, file_name},
    prover::load_verifying_key,
};
use alloy::primitives::{Address, U256};
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use super::transcripts;
use crate::{
    files::Keys,
    onchain::{
        block_on, deployed::FILE_DEFAULT, sending::SigningNode, time_span::TimeSpan,
        tx_options::SigningOptions,
    },
    output::{Output, count},
};

/// The test tokens that the deployer gets, base units: a million dollars of nothing.
const TEST_TOKENS_MINTED: u64 = 1_000_000_000_000;

/// Put the contracts on a chain: a verifier for each key, the debit wallet, a test token
///
/// What was made is written to a file that the other commands read. Nothing that is deployed can be
/// changed or has an owner.
#[derive(Args)]
#[command(after_help = "Example, on the chain that `aep2 chain` serves:\n  \
                        aep2 setup --shape 16x16\n  \
                        aep2 deploy --from-dev-account 0 --test-token\n\n\
                        On a public chain, beside a token that is there:\n  \
                        aep2 deploy --token 0x… --keys keys --key-file deployer.key \\\n      \
                        --transcript keys/settlement-64x16.ceremony.json")]
pub(crate) struct Arguments {
    /// A shape to deploy a verifier for; may be repeated [default: every key in the folder]
    #[arg(long = "shape", value_name = "SHAPE")]
    shapes: Vec<Shape>,

    #[command(flatten)]
    keys: Keys,

    /// The token that the wallet is meant for, USDC say, which is there already: the other commands
    /// take it where none is named. The wallet serves every token in any case
    #[arg(long, value_name = "ADDRESS", conflicts_with = "test_token")]
    token: Option<Address>,

    /// Make a test token too, which anyone mints, and mint a million to the deployer
    #[arg(long)]
    test_token: bool,

    #[command(flatten)]
    periods: PeriodOptions,

    /// Where to write what was made
    #[arg(long, short, value_name = "FILE", default_value = FILE_DEFAULT)]
    out: PathBuf,

    /// Write over a deployment that is there
    #[arg(long)]
    force: bool,

    /// The transcript of a key's ceremony. On a public chain each key needs its own, which is checked
    /// beside the key before anything is sent; may be repeated
    #[arg(long = "transcript", value_name = "FILE")]
    transcripts: Vec<PathBuf>,

    /// Accept the development key of this shape on a public chain, where whoever made it can take
    /// everything in the wallet. For tests that hold nothing of worth; may be repeated
    #[arg(long, value_name = "SHAPE")]
    development_keys_on_public_chain: Vec<Shape>,

    #[command(flatten)]
    signing: SigningOptions,
}

/// The times by which the contracts go. They must fit; what does not is said before anything is sent
#[derive(Args)]
#[command(next_help_heading = "Times")]
struct PeriodOptions {
    /// How long payers wait for their money and for changes to their accounts. More than the longest
    /// promise, the demand period, the response window and the age of a view together
    #[arg(long, value_name = "TIME", default_value = "3d")]
    withdrawal_delay: TimeSpan,

    /// How long processors wait for their bonds. More than the longest promise, the demand period and
    /// twice the response window
    #[arg(long, value_name = "TIME", default_value = "7d")]
    unbonding_delay: TimeSpan,

    /// How long after its issue at most a receipt may promise settlement
    #[arg(long, value_name = "TIME", default_value = "12h")]
    promise_max: TimeSpan,

    /// How long after that a payee may demand what was promised
    #[arg(long, value_name = "TIME", default_value = "12h")]
    demand_period: TimeSpan,

    /// How long a demand can be answered before the bond pays: longer than an outage of the chain
    #[arg(long, value_name = "TIME", default_value = "1d")]
    response_window: TimeSpan,

    /// How old a view of the chain may be on which a processor still accepts
    #[arg(long, value_name = "TIME", default_value = "10m")]
    view_age: TimeSpan,

    /// How long the wallet remembers what a batch captured. More than the longest promise, the demand
    /// period and the response window
    #[arg(long, value_name = "TIME", default_value = "3d")]
    evidence_kept: TimeSpan,
}

impl PeriodOptions {
    fn periods(&self) -> Periods {
        Periods {
            withdrawal_seconds: self.withdrawal_delay.seconds,
            unbonding_seconds: self.unbonding_delay.seconds,
            promise_seconds: self.promise_max.seconds,
            demand_seconds: self.demand_period.seconds,
            response_seconds: self.response_window.seconds,
            view_age_seconds: self.view_age.seconds,
            keep_seconds: self.evidence_kept.seconds,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let out = &arguments.out;
    ensure!(
        arguments.force || !out.exists(),
        "{} is there already, and says where contracts are that may hold money; write to another \
         file with --out, or over it with --force",
        out.display()
    );
    // Found out now and not after everything has been paid for.
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    ensure!(
        folder.is_none_or(Path::is_dir),
        "there is no folder to write {} to; make it first",
        out.display()
    );
    let keys = verifying_keys(arguments)?;
    let deployment = block_on(deploy(arguments, keys, output))?;
    let mut result = serde_json::to_value(&deployment)?;
    result["file"] = json!(out);
    output.result(&result, || text(&deployment, arguments))?;
    Ok(ExitCode::SUCCESS)
}

/// The keys to deploy: of the shapes that are named, or all that are there.
fn verifying_keys(arguments: &Arguments) -> anyhow::Result<Vec<KeyOfShape>> {
    let folder = &arguments.keys.folder;
    let shapes: BTreeSet<Shape> = if arguments.shapes.is_empty() {
        kept_shapes(arguments)?
    } else {
        arguments.shapes.iter().copied().collect()
    };
    ensure!(
        !shapes.is_empty(),
        "there are no keys in {}; make one with `aep2 setup --shape 16x16`, or name the folder \
         with --keys",
        folder.display()
    );
    let load = |shape| {
        let key = load_verifying_key(folder, shape)?;
        Ok(KeyOfShape { shape, key })
    };
    shapes.into_iter().map(load).collect()
}

/// The shapes that the folder has a verifying key of, by the files' names.
fn kept_shapes(arguments: &Arguments) -> anyhow::Result<BTreeSet<Shape>> {
    let folder = &arguments.keys.folder;
    if !folder.exists() {
        return Ok(BTreeSet::new());
    }
    let mut shapes = BTreeSet::new();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot look into {}", folder.display()))?;
    for entry in entries {
        let name = entry?.file_name();
        let spelled = name.to_str().and_then(|name| name.strip_prefix("settlement-"));
        let shape = spelled.and_then(|rest| rest.split('.').next()?.parse::<Shape>().ok());
        // A file is one of ours if it has the name that we would give it.
        let is_own = |shape: &Shape| {
            [Provenance::RandomDevelopment, Provenance::SeededDevelopment].into_iter().any(
                |provenance| name.to_str() == Some(&file_name(Half::Verifying, *shape, provenance)),
            )
        };
        shapes.extend(shape.filter(is_own));
    }
    Ok(shapes)
}

async fn deploy(
    arguments: &Arguments,
    keys: Vec<KeyOfShape>,
    output: &Output,
) -> anyhow::Result<Deployment> {
    let signing = arguments.signing.connect().await?;
    if let Some(token) = arguments.token {
        // Before anything is paid for.
        Token::new(signing.node.provider.clone(), token).require().await?;
    }
    // Whatever the chain: who names a transcript wants to know.
    let checked_ceremonies = transcripts::check(&arguments.transcripts, &keys, output)?;
    output.note(format!(
        "deploying {}, the wallet{} to chain {} …",
        count(keys.len(), "verifier"),
        if arguments.test_token { ", a test token" } else { "" },
        signing.node.chain_id
    ));
    let plan = Plan {
        periods: arguments.periods.periods(),
        keys,
        accept_development_keys: arguments
            .development_keys_on_public_chain
            .iter()
            .copied()
            .collect(),
        checked_ceremonies,
        test_token: arguments.test_token,
    };
    let provider = arguments.signing.node.wallet_provider(&signing.key)?;
    let mut deployment = deployment::deploy(&provider, &plan).await.map_err(explain)?;
    deployment.token = arguments.token;
    deployment.write(&arguments.out)?;
    if let Some(token) = &deployment.test_token {
        mint(&signing, token.address, output).await?;
    }
    deployment.verify(&signing.node.provider).await?;
    Ok(deployment)
}

async fn mint(signing: &SigningNode, token: Address, output: &Output) -> anyhow::Result<()> {
    let amount = U256::from(TEST_TOKENS_MINTED);
    let call = Call::new(token, &TestUSD::mintCall { to: signing.key.address(), amount });
    signing.send("mint test tokens", &call, output).await?;
    Ok(())
}

/// The error, with the option that it speaks of.
fn explain(error: DeployError) -> anyhow::Error {
    match &error {
        DeployError::DevelopmentKey { shape, .. } => {
            let option = format!("--development-keys-on-public-chain {shape}");
            anyhow::anyhow!("{error} ({option})")
        }
        DeployError::UncheckedCeremony { shape, .. } => {
            let name = transcript_name(*shape);
            anyhow::anyhow!("{error} (--transcript FILE; `aep2 ceremony finish` called it {name})")
        }
        _ => error.into(),
    }
}

fn text(deployment: &Deployment, arguments: &Arguments) -> String {
    let mut rows = vec![
        ("chain", deployment.chain_id.to_string()),
        ("wallet", deployment.wallet.address.to_string()),
        ("guarantee", deployment.wallet.guarantee.to_string()),
        ("verifier set", deployment.verifier_set.to_string()),
    ];
    for verifier in &deployment.verifiers {
        rows.push((
            "verifier",
            format!("{}  {} ({})", verifier.address, verifier.shape, verifier.provenance),
        ));
    }
    if let Some(token) = &deployment.token {
        rows.push(("token", token.to_string()));
    }
    if let Some(token) = &deployment.test_token {
        rows.push(("test token", token.address.to_string()));
    }
    let own = &arguments.periods;
    let (withdrawal, unbonding) = (own.withdrawal_delay, own.unbonding_delay);
    rows.push(("delays", format!("withdrawal {withdrawal}, unbonding {unbonding}")));
    let (promise, demand, response) = (own.promise_max, own.demand_period, own.response_window);
    rows.push((
        "promises",
        format!("at most {promise}, demanded within {demand}, answered within {response}"),
    ));
    rows.push(("written to", arguments.out.display().to_string()));
    super::rows(&rows)
}
