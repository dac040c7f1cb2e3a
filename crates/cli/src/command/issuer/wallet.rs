//! `aep2 issuer wallet`.

use std::{fs, path::PathBuf, process::ExitCode};

use aep2_chain::wallet::{Wallet as Contract, WalletId};
use aep2_mandate::units::AccountId;
use alloy::transports::http::reqwest::Url;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, OwnerOptions, read_as},
    show,
    views::{Wallet, find},
};
use crate::{command::rows, onchain::node::NodeOptions, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Create),
    List(List),
    Account(Account),
    Freeze(Freeze),
    Unfreeze(Unfreeze),
}

/// Make a wallet: the service makes a mandate key, and keeps it
///
/// The key's public half goes into a file, with which you open an account. Then say which account it is.
#[derive(Args)]
#[command(after_help = "Example, the whole way:\n  \
                        aep2 issuer wallet create --name agents --out agents-key.json\n  \
                        aep2 account open --mandate-key agents-key.json --processor 0x… --key-file owner.key\n  \
                        aep2 issuer wallet account agents 7\n  \
                        aep2 deposit --account 7 --amount 20 --key-file owner.key")]
pub(crate) struct Create {
    /// What you call it
    #[arg(long)]
    name: String,

    /// The processor that settles its payments
    #[arg(
        long,
        value_name = "URL",
        env = "AEP2_PROCESSOR",
        default_value = "http://127.0.0.1:8402"
    )]
    processor: Url,

    /// Write the key's public half to this new file
    #[arg(long, value_name = "FILE", default_value = "mandate-key.json")]
    out: PathBuf,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// List your wallets
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer wallet list")]
pub(crate) struct List {
    #[command(flatten)]
    owner: OwnerOptions,
}

/// Say which account on chain has the wallet's key. It stays
///
/// The chain is asked first whether it has.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer wallet account agents 7")]
pub(crate) struct Account {
    /// The wallet's name, or id
    #[arg(value_name = "WALLET")]
    wallet: String,

    /// The account's number
    #[arg(value_name = "ID")]
    account: AccountId,

    /// Do not ask the chain
    #[arg(long)]
    unchecked: bool,

    #[command(flatten)]
    node: NodeOptions,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// Issue nothing more from a wallet, whatever the card
///
/// What was signed before may still be settled; it is listed.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer wallet freeze agents")]
pub(crate) struct Freeze {
    #[command(flatten)]
    which: Which,
}

/// Issue from a wallet again
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer wallet unfreeze agents")]
pub(crate) struct Unfreeze {
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
struct Which {
    /// The wallet's name, or id
    #[arg(value_name = "WALLET")]
    wallet: String,

    #[command(flatten)]
    owner: OwnerOptions,
}

pub(crate) async fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => create(arguments, output).await?,
        Command::List(arguments) => list(arguments, output).await?,
        Command::Account(arguments) => account(arguments, output).await?,
        Command::Freeze(Freeze { which }) => freeze(which, true, output).await?,
        Command::Unfreeze(Unfreeze { which }) => freeze(which, false, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(arguments: &Create, output: &Output) -> anyhow::Result<()> {
    let client = arguments.owner.client()?;
    let out = &arguments.out;
    ensure!(!out.exists(), "{} is there, and is not written over", out.display());
    let body = json!({ "name": arguments.name, "processorUrl": arguments.processor });
    let mut answer = client.send(Method::POST, &["wallets"], &body).await?;
    let key = serde_json::to_string_pretty(&answer["wallet"]["publicKey"])?;
    fs::write(out, key + "\n").with_context(|| {
        format!("the wallet was made, and its key cannot be written to {}", out.display())
    })?;
    answer["publicKeyFile"] = json!(out);
    let wallet: Wallet = read_as(answer["wallet"].clone())?;
    output.result(&answer, || {
        let key = out.display();
        format!(
            "{}\nopen an account for it with `aep2 account open --mandate-key {key} --processor {}`, and say \
             which with `aep2 issuer wallet account {} ID`",
            text(&wallet),
            wallet.processor,
            wallet.id
        )
    })
}

async fn list(arguments: &List, output: &Output) -> anyhow::Result<()> {
    let answer = arguments.owner.client()?.get(&["wallets"]).await?;
    let wallets: Vec<Wallet> = read_as(answer["wallets"].clone())?;
    output.result(&answer, || {
        let all: Vec<String> = wallets.iter().map(text).collect();
        if all.is_empty() { "you have no wallet".to_owned() } else { all.join("\n\n") }
    })
}

async fn account(arguments: &Account, output: &Output) -> anyhow::Result<()> {
    let client = arguments.owner.client()?;
    let wallet: Wallet = find(&client, &arguments.wallet).await?;
    if !arguments.unchecked {
        check(&wallet, arguments.account, &arguments.node).await?;
    }
    let answer = patch(&client, &wallet, &json!({ "account": arguments.account })).await?;
    let wallet: Wallet = read_as(answer["wallet"].clone())?;
    output.result(&answer, || text(&wallet))
}

/// Checks on chain that an account is the wallet's key's to spend from, through the wallet's processor: the
/// account stays the wallet's, and from another one nothing could be paid.
async fn check(wallet: &Wallet, account: AccountId, node: &NodeOptions) -> anyhow::Result<()> {
    let node = node.connect().await.context(
        "name a node of the wallet's chain with --rpc, or have nothing checked with --unchecked",
    )?;
    let (expected, found) = (wallet.chain_id, node.chain_id);
    ensure!(
        expected == found,
        "the wallet is on chain {expected}, and {} is a node of chain {found}",
        node.name
    );
    let id = WalletId { chain_id: wallet.chain_id, address: wallet.wallet.0 };
    let terms = Contract::unchecked(node.provider.clone(), id).account(account).await?.terms;
    ensure!(
        terms.processor == wallet.processor.0,
        "account {account} names the processor {}, and the wallet's is {}",
        terms.processor,
        wallet.processor
    );
    let key = terms.key_hash.map(|hash| hash.to_string());
    ensure!(
        key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case(&wallet.key_hash)),
        "account {account} has another mandate key than the wallet; its owner registers the wallet's with \
         `aep2 account rotate-key`"
    );
    Ok(())
}

async fn freeze(which: &Which, frozen: bool, output: &Output) -> anyhow::Result<()> {
    let client = which.owner.client()?;
    let wallet: Wallet = find(&client, &which.wallet).await?;
    let answer = patch(&client, &wallet, &json!({ "frozen": frozen })).await?;
    output.result(&answer, || {
        let state =
            if frozen { "frozen: nothing is issued from it" } else { "not frozen any more" };
        format!("{}: {state}\n{}", wallet.name, show::outstanding(&answer))
    })
}

async fn patch(client: &Client, wallet: &Wallet, body: &Value) -> anyhow::Result<Value> {
    client.send(Method::PATCH, &["wallets", &wallet.id.to_string()], body).await
}

fn text(wallet: &Wallet) -> String {
    let account = match wallet.account {
        Some(account) => account.to_string(),
        None => "none yet".to_owned(),
    };
    let state = if wallet.frozen { "frozen" } else { "active" };
    rows(&[
        ("wallet", format!("{} ({})", wallet.name, wallet.id)),
        ("state", state.to_owned()),
        ("account", format!("{account}, on chain {}", wallet.chain_id)),
        ("processor", format!("{} at {}", wallet.processor, wallet.processor_url)),
        ("key hash", wallet.key_hash.clone()),
    ])
}
