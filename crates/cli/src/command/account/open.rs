//! `aep2 account open`.

use std::{path::PathBuf, process::ExitCode};

use aep2_chain::{
    deployment::is_local,
    events::WalletEvent,
    wallet::{
        terms::Terms,
        units::{KeyHash, VerifierSetId},
    },
};
use aep2_mandate::units::AccountId;
use alloy::primitives::Address;
use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::{
    command::rows,
    onchain::{
        block_on,
        mandate_key::{self, MandateKeyOptions},
        sending::{Sent, event_of},
        tx_options::TxOptions,
    },
    output::Output,
};

/// Open an account
///
/// It belongs to the key that signs. Its processor can debit it, and only what its mandate key
/// signs; whoever holds the mandate key spends from it. The owner's key stays with the owner.
#[derive(Args)]
#[command(after_help = "Example, with a fresh key for the agent:\n  \
                        aep2 account open --key-file owner.key --processor 0x… --new-mandate-key agent.json")]
pub(crate) struct Arguments {
    /// Who may debit the account [default: the key that signs, for trying things out]
    #[arg(long, value_name = "ADDRESS")]
    processor: Option<Address>,

    #[command(flatten)]
    mandate_key: MandateKeyOptions,

    /// No mandate key: the account serves mandates that the owner's own key signs (the MVP's), and
    /// no others
    #[arg(long, conflicts_with_all = ["mandate_key", "new_mandate_key"])]
    direct_only: bool,

    #[command(flatten)]
    tx: TxOptions,
}

#[derive(Serialize)]
struct Opened {
    account: AccountId,
    owner: Address,
    processor: Address,
    verifier_set: Option<VerifierSetId>,
    key_hash: Option<KeyHash>,
    /// The file of a key that was made.
    mandate_key: Option<PathBuf>,
    transactions: Vec<Sent>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.mandate_key.is_given() || arguments.direct_only,
        "an account needs a mandate key: give the agent's with --mandate-key FILE, or have one made \
         with --new-mandate-key FILE (or none at all, with --direct-only)"
    );
    let (opened, is_public) = block_on(open(arguments, output))?;
    if is_public {
        output.note(
            "wait for confirmations before depositing: in a reorganisation accounts can swap numbers",
        );
    }
    output.result(&opened, || text(&opened))?;
    Ok(ExitCode::SUCCESS)
}

async fn open(arguments: &Arguments, output: &Output) -> anyhow::Result<(Opened, bool)> {
    let (signing, deployed) = arguments.tx.open().await?;
    let owner = signing.key.address();

    let key_hash = mandate_key::hash(arguments.mandate_key.load_or_make()?);
    let processor = arguments.processor.unwrap_or(owner);
    let verifier_set = key_hash.map(|_| deployed.deployment.verifier_set);
    let call = deployed.wallet.id().open_account(&Terms { processor, verifier_set, key_hash });
    let done = signing.send("open the account", &call, output).await;
    let (sent, receipt) = arguments.mandate_key.used(done)?;
    let account = event_of(&receipt, &deployed, "which account it opened", |event| match event {
        WalletEvent::AccountOpened { account, .. } => Some(account),
        _ => None,
    })?;
    let mandate_key = arguments.mandate_key.made().map(Into::into);
    let transactions = vec![sent];
    let opened =
        Opened { account, owner, processor, verifier_set, key_hash, mandate_key, transactions };
    Ok((opened, !is_local(signing.node.chain_id)))
}

fn text(opened: &Opened) -> String {
    let mut lines = vec![
        ("account", opened.account.to_string()),
        ("owner", opened.owner.to_string()),
        ("processor", opened.processor.to_string()),
        ("key hash", opened.key_hash.map_or("none".to_owned(), |hash| hash.to_string())),
    ];
    if let Some(path) = &opened.mandate_key {
        lines.push(("mandate key", format!("{} (whoever has it spends)", path.display())));
    }
    rows(&lines)
}
