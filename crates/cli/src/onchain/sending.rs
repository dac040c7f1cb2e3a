//! Sending, so that what is reported is what happened: done, refused and why, or not known yet.

use aep2_chain::{
    call::Call,
    error::ChainError,
    events::WalletEvent,
    transact::transact_from,
    wallet::{
        error::WalletError,
        guarantee::{GuaranteeId, events::GuaranteeEvent},
    },
};
use aep2_mandate::units::UnixTime;
use alloy::{primitives::TxHash, rpc::types::TransactionReceipt, signers::local::PrivateKeySigner};
use anyhow::{Context, anyhow};
use serde::Serialize;

use super::{deployed::Deployed, node::Node, time_span::distance};
use crate::output::Output;

/// A node, and the key that signs what it is sent.
pub(crate) struct SigningNode {
    pub(crate) node: Node,
    pub(crate) key: PrivateKeySigner,
}

/// A transaction that is in a block and succeeded.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sent {
    /// What it did.
    pub(crate) action: &'static str,
    pub(crate) transaction: TxHash,
    pub(crate) block: Option<u64>,
    pub(crate) gas_used: u64,
}

impl SigningNode {
    /// Tries a call out, sends it, waits for its block.
    pub(crate) async fn send(
        &self,
        action: &'static str,
        call: &Call,
        output: &Output,
    ) -> anyhow::Result<(Sent, TransactionReceipt)> {
        let provider = &self.node.provider;
        match transact_from(provider, self.key.address(), call).await {
            Ok(receipt) => {
                let sent = Sent {
                    action,
                    transaction: receipt.transaction_hash,
                    block: receipt.block_number,
                    gas_used: receipt.gas_used,
                };
                output.note(format!("{action}: {}", sent.transaction));
                Ok((sent, receipt))
            }
            Err(error) => Err(self.explain(error).await.context(format!("cannot {action}"))),
        }
    }

    /// The error, with what helps to go on.
    async fn explain(&self, error: ChainError) -> anyhow::Error {
        let hint = match (&error, error.reason()) {
            (ChainError::NotMined { transaction, .. }, _) => Some(format!(
                "look it up with `cast receipt {transaction} --rpc-url {}`",
                self.node.name
            )),
            (_, Some(WalletError::TooEarly { available_from })) => {
                self.until(*available_from).await
            }
            _ => None,
        };
        match hint {
            Some(hint) => anyhow!("{error} ({hint})"),
            None => error.into(),
        }
    }

    /// How long it is until a second, by the clock that decides.
    async fn until(&self, second: u64) -> Option<String> {
        let (time, now) = (UnixTime::new(second).ok()?, self.node.now().await.ok()?);
        Some(format!("{} by the chain's clock", distance(time, now)))
    }
}

/// What the guarantee's events say of a transaction that succeeded.
pub(crate) fn guarantee_event_of<T>(
    receipt: &TransactionReceipt,
    guarantee: GuaranteeId,
    what: &str,
    pick: impl Fn(GuaranteeEvent) -> Option<T>,
) -> anyhow::Result<T> {
    let own = receipt.logs().iter().filter(|log| log.address() == guarantee.address);
    own.filter_map(|log| GuaranteeEvent::decode(log).ok())
        .find_map(pick)
        .with_context(|| silent(receipt, what))
}

/// What the wallet's events say of a transaction that succeeded.
pub(crate) fn event_of<T>(
    receipt: &TransactionReceipt,
    deployed: &Deployed,
    what: &str,
    pick: impl Fn(WalletEvent) -> Option<T>,
) -> anyhow::Result<T> {
    let wallet = deployed.wallet.id().address;
    let own = receipt.logs().iter().filter(|log| log.address() == wallet);
    own.filter_map(|log| WalletEvent::decode(log).ok())
        .find_map(pick)
        .with_context(|| silent(receipt, what))
}

fn silent(receipt: &TransactionReceipt, what: &str) -> String {
    format!(
        "transaction {} succeeded, and its events do not say {what}; look at it before going on",
        receipt.transaction_hash
    )
}
