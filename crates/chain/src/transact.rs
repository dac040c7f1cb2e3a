//! Sending one call and waiting for it: for tools and tests.
//!
//! Tried out first, so that what would be refused costs nothing and says why. A processor that must
//! not lose or repeat anything uses [`crate::sender`] instead.

use std::time::Duration;

use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, TxHash},
    providers::{Provider, WalletProvider},
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::{
    call::{Call, TRANSACTION_GAS_MAX},
    error::{ChainError, revert_of},
    wallet::error::WalletError,
};

/// How long [`transact`] waits for a block.
pub const WAIT_MAX: Duration = Duration::from_secs(180);

/// Tries a call out, sends it with the provider's default key, and waits until it is in a block.
///
/// # Errors
/// [`ChainError::Reverted`] when the call would be refused: nothing was sent.
/// [`ChainError::RevertedInBlock`] when it was refused after all. [`ChainError::NotMined`] when no
/// block took it within [`WAIT_MAX`].
pub async fn transact<P: Provider + WalletProvider>(
    provider: &P,
    call: &Call,
) -> Result<TransactionReceipt, ChainError> {
    transact_from(provider, provider.default_signer_address(), call).await
}

/// As [`transact`], with the key of `from`, which the provider or its node has.
///
/// # Errors
/// As [`transact`].
pub async fn transact_from<P: Provider>(
    provider: &P,
    from: Address,
    call: &Call,
) -> Result<TransactionReceipt, ChainError> {
    transact_within(provider, from, call, WAIT_MAX).await
}

/// As [`transact_from`], waiting at most so long for a block.
///
/// # Errors
/// As [`transact`].
pub async fn transact_within<P: Provider>(
    provider: &P,
    from: Address,
    call: &Call,
    wait_max: Duration,
) -> Result<TransactionReceipt, ChainError> {
    let request = call.to_request().with_from(from);
    // Asked by a call, not left to the estimate: nodes say less about why an estimate failed. Both at
    // the latest block: what "pending" is, each node sees otherwise.
    provider.call(request.clone()).block(BlockId::latest()).await?;
    let gas_limit = match call.gas {
        Some(gas) => gas,
        None => with_margin(provider.estimate_gas(request.clone()).block(BlockId::latest()).await?),
    };
    let request = request.with_gas_limit(gas_limit);
    let transaction = *provider.send_transaction(request.clone()).await?.tx_hash();
    debug!(%transaction, gas_limit, "sent");

    let receipt = receipt_of(provider, transaction, wait_max).await?;
    if !receipt.status() {
        let reason = why_refused(provider, request, &receipt).await.map(Box::new);
        return Err(ChainError::RevertedInBlock { transaction, reason });
    }
    Ok(receipt)
}

/// A fifth more than estimated: a nonce word that was spent when the estimate was made may be fresh, or a
/// payee's first token, when the transaction runs. What is not used is not paid. Never above the most
/// that one transaction may use (EIP-7825), unless the estimate is.
fn with_margin(estimate: u64) -> u64 {
    estimate.saturating_add(estimate / 5).min(TRANSACTION_GAS_MAX.max(estimate))
}

async fn receipt_of<P: Provider>(
    provider: &P,
    transaction: TxHash,
    wait_max: Duration,
) -> Result<TransactionReceipt, ChainError> {
    let started = Instant::now();
    loop {
        if let Some(receipt) = provider.get_transaction_receipt(transaction).await? {
            return Ok(receipt);
        }
        let waited = started.elapsed();
        if waited >= wait_max {
            return Err(ChainError::NotMined { transaction, waited });
        }
        sleep(provider.client().poll_interval()).await;
    }
}

/// What the call says when tried at the end of the block before; or, where it would have done there,
/// of its own block, whose other transactions have come between.
async fn why_refused<P: Provider>(
    provider: &P,
    request: TransactionRequest,
    receipt: &TransactionReceipt,
) -> Option<WalletError> {
    let block = receipt.block_number?;
    for end_of in [block.checked_sub(1)?, block] {
        let tried = provider.call(request.clone()).block(BlockId::number(end_of)).await;
        if let Err(error) = tried {
            return revert_of(&error);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_ends_at_what_a_transaction_may_use() {
        assert_eq!(with_margin(100_000), 120_000);
        assert_eq!(with_margin(16_000_000), 1 << 24);
        assert_eq!(with_margin(20_000_000), 20_000_000);
        assert_eq!(with_margin(u64::MAX), u64::MAX);
    }
}
