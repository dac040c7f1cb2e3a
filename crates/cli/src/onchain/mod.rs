//! What the commands that talk to a chain share: the node, the deployment, keys, amounts, sending.

pub(crate) mod amount;
pub(crate) mod deployed;
pub(crate) mod ethereum_key;
pub(crate) mod mandate_key;
pub(crate) mod node;
pub(crate) mod sending;
pub(crate) mod time_span;
pub(crate) mod tx_options;

use std::future::Future;

use anyhow::Context;

/// Runs one command's conversation with a chain. They are short and one thing at a time, so one
/// thread does.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime that talks to the node")?
        .block_on(work)
}
