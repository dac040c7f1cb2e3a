//! `aep2 account rotate-key`, `revoke-key`, `apply-change`, `cancel-change`: changes take two steps.

use std::process::ExitCode;

use aep2_chain::{
    call::Call,
    events::WalletEvent,
    wallet::{WalletId, units::KeyHash},
};
use aep2_mandate::units::{AccountId, UnixTime};
use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use crate::{
    onchain::{
        block_on,
        deployed::Deployed,
        mandate_key::{self, MandateKeyOptions},
        sending::{Sent, SigningNode, event_of},
        time_span::relative,
        tx_options::TxOptions,
    },
    output::Output,
};

/// What all of them take.
#[derive(Args)]
struct Common {
    /// The account's number
    #[arg(value_name = "ID")]
    account: AccountId,

    #[command(flatten)]
    tx: TxOptions,
}

/// Ask for another mandate key
///
/// The old key settles until the delay has passed and the change is applied.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        aep2 account rotate-key 1 --key-file owner.key --new-mandate-key agent-2.json")]
pub(crate) struct RotateKey {
    #[command(flatten)]
    mandate_key: MandateKeyOptions,

    #[command(flatten)]
    common: Common,
}

/// Ask for no mandate key: nothing more can be signed for the account
///
/// The key settles until the delay has passed and the change is applied.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 account revoke-key 1 --key-file owner.key")]
pub(crate) struct RevokeKey {
    #[command(flatten)]
    common: Common,
}

/// Put a change in force whose delay has passed. Anyone may
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 account apply-change 1 --key-file any.key")]
pub(crate) struct ApplyChange {
    #[command(flatten)]
    common: Common,
}

/// Take a change back that was asked for
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 account cancel-change 1 --key-file owner.key")]
pub(crate) struct CancelChange {
    #[command(flatten)]
    common: Common,
}

/// What was done.
#[derive(Serialize)]
struct Changed {
    account: AccountId,
    /// The key in force from `in_force_from` on, or now if that is none.
    key_hash: Option<KeyHash>,
    in_force_from: Option<UnixTime>,
    transactions: Vec<Sent>,
}

pub(crate) fn rotate_key(arguments: &RotateKey, output: &Output) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.mandate_key.is_given(),
        "give the agent's new key with --mandate-key FILE, or have one made with --new-mandate-key \
         FILE"
    );
    block_on(async {
        let common = &arguments.common;
        let (signing, deployed) = common.tx.open().await?;
        let key_hash = mandate_key::hash(arguments.mandate_key.load_or_make()?)
            .context("there is no key to rotate to")?;
        let call = deployed.wallet.id().rotate_key(common.account, key_hash);
        let asked = common.ask("ask for the new key", &signing, &deployed, &call, output).await;
        arguments.mandate_key.used(asked)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn revoke_key(arguments: &RevokeKey, output: &Output) -> anyhow::Result<ExitCode> {
    block_on(async {
        let common = &arguments.common;
        let (signing, deployed) = common.tx.open().await?;
        let call = deployed.wallet.id().revoke_key(common.account);
        common.ask("ask for no key", &signing, &deployed, &call, output).await
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn apply(arguments: &ApplyChange, output: &Output) -> anyhow::Result<ExitCode> {
    arguments.common.end("apply the change", WalletId::apply_change, output)
}

pub(crate) fn cancel(arguments: &CancelChange, output: &Output) -> anyhow::Result<ExitCode> {
    arguments.common.end("cancel the change", WalletId::cancel_change, output)
}

impl Common {
    /// Sends a request, and says from when on it can be applied.
    async fn ask(
        &self,
        action: &'static str,
        signing: &SigningNode,
        deployed: &Deployed,
        call: &Call,
        output: &Output,
    ) -> anyhow::Result<()> {
        let account = self.account;
        let (sent, receipt) = signing.send(action, call, output).await?;
        let (terms, from) =
            event_of(&receipt, deployed, "from when the change counts", |event| match event {
                WalletEvent::ChangeRequested { terms, in_force_from, .. } => {
                    Some((terms, in_force_from))
                }
                _ => None,
            })?;
        let now = signing.node.now().await?;
        let changed = Changed {
            account,
            key_hash: terms.key_hash,
            in_force_from: Some(from),
            transactions: vec![sent],
        };
        output.result(&changed, || {
            format!(
                "account {account}: asked for; put it in force with `aep2 account apply-change \
                 {account}` from {}",
                relative(from, now)
            )
        })
    }

    /// Ends a change one way or the other, and says which key is in force now.
    fn end(
        &self,
        action: &'static str,
        call: fn(&WalletId, AccountId) -> Call,
        output: &Output,
    ) -> anyhow::Result<ExitCode> {
        let account = self.account;
        let changed = block_on(async {
            let (signing, deployed) = self.tx.open().await?;
            let call = call(&deployed.wallet.id(), account);
            let (sent, _) = signing.send(action, &call, output).await?;
            let key_hash = deployed.wallet.account(account).await?.terms.key_hash;
            Ok(Changed { account, key_hash, in_force_from: None, transactions: vec![sent] })
        })?;
        output.result(&changed, || {
            let key = changed.key_hash.map_or("none".to_owned(), |hash| hash.to_string());
            format!("account {account}: key hash in force: {key}")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
