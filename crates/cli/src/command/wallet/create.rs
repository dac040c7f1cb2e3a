//! `aep2 wallet create`.

use std::{path::Path, process::ExitCode};

use aep2_chain::{
    events::WalletEvent,
    wallet::{Wallet as Contract, WalletId, terms::Terms, units::KeyHash},
};
use aep2_mandate::{
    eddsa::SecretKey,
    units::{AccountId, Amount},
};
use aep2_payer::wallet::{
    KEY_FILE, LimitSettings, SETTINGS_FILE, TokenLimits, Wallet, WalletError, WalletSettings, key,
};
use aep2_processor_client::lookup::{Identity, Lookup};
use alloy::{primitives::Address, transports::http::reqwest::Url};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use super::options::{self, AllowanceOptions, WalletOptions, WhomOptions, in_base_units};
use crate::{
    command::rows,
    files,
    onchain::{
        amount::{Decimal, TokenInfo},
        block_on,
        deployed::{Deployed, TokenOptions},
        node::Node,
        sending::event_of,
        tx_options::TxOptions,
    },
    output::Output,
};

/// What one payment may come to where nothing is said, in tokens.
const PER_CALL: &str = "0.01";
/// What may be spent in 24 hours where nothing is said, in tokens.
const PER_DAY: &str = "1";

/// Make a wallet: a mandate key, an account that it spends from, and limits
///
/// The account belongs to the Ethereum key that signs here, which the wallet does not keep: it is the
/// owner's, and an agent's machine needs it only where the owner makes the wallet there. Elsewhere
/// the owner opens the account (`aep2 account open`), and the agent adopts it with --account and its
/// key.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 wallet create --deployment aep2-data/deployment.json --from-dev-account 1\n  \
                        aep2 wallet create --per-call 0.002 --per-day 0.5 --host api.example.com --key-file owner.key\n  \
                        aep2 wallet create --account 7 --mandate-key agent.json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,

    /// The processor that settles for the account, by its address on the net
    #[arg(
        long,
        value_name = "URL",
        env = "AEP2_PROCESSOR",
        default_value = "http://127.0.0.1:8402"
    )]
    processor: Url,

    /// Pay from this account, which is there, instead of opening one
    #[arg(long, value_name = "ID", requires = "mandate_key")]
    account: Option<AccountId>,

    /// File with the mandate key to pay with; it is copied into the wallet [default: a new one]
    #[arg(long, value_name = "FILE")]
    mandate_key: Option<std::path::PathBuf>,

    /// Who may decide about what is paid, where a payee's terms say that it can be disputed; may be given
    /// several times. Terms that name anybody else are not signed
    #[arg(long = "arbiter", value_name = "ADDRESS")]
    arbiters: Vec<Address>,

    #[command(flatten)]
    allowance: AllowanceOptions,

    #[command(flatten)]
    whom: WhomOptions,

    #[command(flatten)]
    token: TokenOptions,

    #[command(flatten)]
    tx: TxOptions,
}

#[derive(Serialize)]
struct Created<'a> {
    directory: &'a Path,
    #[serde(flatten)]
    settings: &'a WalletSettings,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let directory = &arguments.wallet.directory;
    if directory.join(SETTINGS_FILE).exists() {
        return Err(WalletError::Exists(directory.clone()).into());
    }
    let settings = block_on(settle_on(arguments, output))?;
    let wallet = Wallet::create(directory, settings)?;
    let created = Created { directory, settings: wallet.settings() };
    output.result(&created, || text(&wallet))?;
    Ok(ExitCode::SUCCESS)
}

/// The key, the account and the limits.
async fn settle_on(arguments: &Arguments, output: &Output) -> anyhow::Result<WalletSettings> {
    let processor = &arguments.processor;
    let lookup = Lookup::new(options::http(processor).build()?, processor.clone());
    let identity = lookup.identity().await.with_context(|| {
        format!("{processor} is no processor that answers; name yours with --processor")
    })?;
    let node = arguments.tx.signing.node.connect().await?;
    let (expected, found) = (identity.chain_id, node.chain_id);
    ensure!(
        expected == found,
        "the processor settles on chain {expected}, and {} is a node of chain {found}; name one of \
         that chain with --rpc",
        node.name
    );
    let limits = limits(arguments, &identity, &node).await?;
    let secret = mandate_key(&arguments.wallet.directory, arguments.mandate_key.as_deref())?;
    let account = match arguments.account {
        Some(account) => {
            check_account(account, &secret, &identity, &node).await?;
            account
        }
        None => open_account(arguments, &secret, &identity, output).await?,
    };
    Ok(WalletSettings {
        account,
        processor_url: processor.clone(),
        chain_id: identity.chain_id,
        wallet: identity.wallet,
        processor: identity.processor,
        arbiters: arguments.arbiters.iter().copied().map(Into::into).collect(),
        limits,
    })
}

/// The limits in one token: the one that is named, or the first that the processor takes.
async fn limits(
    arguments: &Arguments,
    identity: &Identity,
    node: &Node,
) -> anyhow::Result<LimitSettings> {
    let taken = || identity.tokens.iter().map(|own| own.token.0);
    let token =
        arguments.token.address().or(taken().next()).context("the processor takes no token")?;
    ensure!(taken().any(|own| own == token), "the processor does not take the token {token}");
    let TokenInfo { address, symbol, decimals } = TokenInfo::of(&node.provider, token).await;
    let default = |text: &str| in_base_units(&text.parse::<Decimal>()?, decimals);
    let per_day = default(PER_DAY)?;
    let mut own = TokenLimits {
        token: address.into(),
        symbol,
        decimals,
        per_call: default(PER_CALL)?,
        per_host: Amount::ZERO,
        per_day,
    };
    arguments.allowance.apply(&mut own)?;
    if own.per_host == Amount::ZERO {
        own.per_host = own.per_day;
    }
    let mut limits = LimitSettings { tokens: vec![own], ..LimitSettings::default() };
    arguments.whom.apply(&mut limits);
    Ok(limits)
}

/// The key that signs: the wallet's own if it was made before, else a copy of the one that is named,
/// else a new one.
fn mandate_key(directory: &Path, named: Option<&Path>) -> anyhow::Result<SecretKey> {
    files::private_folder(directory)?;
    let own = directory.join(KEY_FILE);
    match named {
        // An earlier try may have left it.
        None if own.exists() => Ok(key::read_secret(&own)?),
        None => Ok(key::make(&own)?),
        Some(named) => {
            let secret = key::read_secret(named)?;
            key::write(&own, &secret)?;
            Ok(secret)
        }
    }
}

/// Opens an account in the deployment that the owner trusts, which has to be the processor's.
async fn open_account(
    arguments: &Arguments,
    secret: &SecretKey,
    identity: &Identity,
    output: &Output,
) -> anyhow::Result<AccountId> {
    let (signing, deployed) = arguments.tx.open().await?;
    check_deployment(&deployed, identity)?;
    let terms = Terms {
        processor: identity.processor.0,
        verifier_set: Some(deployed.deployment.verifier_set),
        key_hash: Some(KeyHash::of(&secret.public())),
    };
    let call = deployed.wallet.id().open_account(&terms);
    let (_, receipt) = signing.send("open the account", &call, output).await?;
    event_of(&receipt, &deployed, "which account it opened", |event| match event {
        WalletEvent::AccountOpened { account, .. } => Some(account),
        _ => None,
    })
}

fn check_deployment(deployed: &Deployed, identity: &Identity) -> anyhow::Result<()> {
    let (own, theirs) = (deployed.wallet.id().address, identity.wallet.0);
    ensure!(
        own == theirs,
        "the processor settles in the wallet {theirs}, and the deployment's is {own}"
    );
    let set = deployed.deployment.verifier_set.to_bytes();
    ensure!(
        identity.verifier_sets.iter().any(|theirs| theirs.0 == set),
        "the processor does not prove for the deployment's verifiers ({set})"
    );
    Ok(())
}

/// Checks that an account is this key's to spend from, through this processor.
async fn check_account(
    account: AccountId,
    secret: &SecretKey,
    identity: &Identity,
    node: &Node,
) -> anyhow::Result<()> {
    let id = WalletId { chain_id: identity.chain_id, address: identity.wallet.0 };
    let contract = Contract::unchecked(node.provider.clone(), id);
    let terms = contract.account(account).await?.terms;
    ensure!(
        terms.processor == identity.processor.0,
        "account {account} names the processor {}, and this one is {}",
        terms.processor,
        identity.processor
    );
    ensure!(
        terms.key_hash == Some(KeyHash::of(&secret.public())),
        "account {account} has another mandate key; its owner registers one with \
         `aep2 account rotate-key`"
    );
    Ok(())
}

fn text(wallet: &Wallet) -> String {
    let settings = wallet.settings();
    let mut lines = vec![
        ("wallet", wallet.directory().display().to_string()),
        ("account", settings.account.to_string()),
        ("processor", format!("{} at {}", settings.processor, settings.processor_url)),
    ];
    for own in &settings.limits.tokens {
        lines.push(("per call", own.show(own.per_call)));
        lines.push(("per host", format!("{} in 24 hours", own.show(own.per_host))));
        lines.push(("per day", format!("{} in 24 hours", own.show(own.per_day))));
    }
    format!("{}\nput money in with `aep2 wallet fund`; pay with `aep2 pay URL`", rows(&lines))
}
