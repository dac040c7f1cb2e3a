//! The key that pays for gas, and what it sends.
//!
//! Anybody can have something sent that is worth its price to them. So what a transaction may cost is
//! bounded, and it goes to an accepted token or nowhere. Transactions leave one at a time, each with the
//! next nonce; blocks are waited for side by side.

use std::{collections::BTreeSet, time::Duration};

use aep2_chain::{call::Call, error::ChainError, transact::transact_within};
use alloy::{
    network::{Ethereum, EthereumWallet, TransactionBuilder},
    primitives::{Address, TxHash, TxKind},
    providers::{
        DynProvider, PendingTransactionBuilder, Provider, ProviderBuilder, ProviderCall,
        RootProvider, SendableTx,
    },
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
    transports::{TransportErrorKind, TransportResult},
};
use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::error::ExactError;

/// What transactions may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GasLimits {
    /// Gas, of one transaction.
    pub(crate) gas_max: u64,
    /// Wei for one gas, the base fee included.
    pub(crate) fee_cap: u128,
}

/// Sends transfers that others signed, and pays for their gas.
#[derive(Debug)]
pub(crate) struct Relayer {
    provider: SequentialProvider,
    key: Address,
    tokens: BTreeSet<Address>,
    /// How long a block is waited for.
    wait_max: Duration,
}

impl Relayer {
    pub(crate) fn new(
        provider: DynProvider,
        key: PrivateKeySigner,
        tokens: BTreeSet<Address>,
        limits: GasLimits,
        wait_max: Duration,
    ) -> Self {
        let address = key.address();
        let signing = ProviderBuilder::new()
            .disable_recommended_fillers()
            .with_simple_nonce_management()
            .fetch_chain_id()
            .wallet(EthereumWallet::from(key))
            .connect_provider(provider);
        let provider =
            SequentialProvider { signing: signing.erased(), turn: Mutex::new(()), limits };
        Self { provider, key: address, tokens, wait_max }
    }

    /// Who pays for gas.
    pub(crate) fn key(&self) -> Address {
        self.key
    }

    /// The contracts that are called.
    pub(crate) fn tokens(&self) -> &BTreeSet<Address> {
        &self.tokens
    }

    /// The chain.
    pub(crate) fn node(&self) -> &SequentialProvider {
        &self.provider
    }

    /// Tries a call of a token out, sends it, and waits until it is in a block.
    pub(crate) async fn send(&self, call: &Call) -> Result<TxHash, ExactError> {
        match call.to {
            TxKind::Call(to) if self.tokens.contains(&to) => {}
            _ => {
                let words =
                    format!("{:?} is called, which is no token that is accepted here", call.to);
                return Err(ExactError::refused("invalid_transaction_state", words));
            }
        }
        let receipt = transact_within(&self.provider, self.key, call, self.wait_max).await?;
        Ok(receipt.transaction_hash)
    }
}

/// A provider whose transactions leave one after the other: the next nonce is known when the one before
/// has left.
#[derive(Debug)]
pub(crate) struct SequentialProvider {
    signing: DynProvider,
    turn: Mutex<()>,
    limits: GasLimits,
}

#[async_trait]
impl Provider for SequentialProvider {
    fn root(&self) -> &RootProvider {
        self.signing.root()
    }

    async fn send_transaction_internal(
        &self,
        mut transaction: SendableTx<Ethereum>,
    ) -> TransportResult<PendingTransactionBuilder<Ethereum>> {
        let GasLimits { gas_max, fee_cap } = self.limits;
        let SendableTx::Builder(request) = &mut transaction else {
            return Err(TransportErrorKind::custom_str("only what is not signed yet is sent"));
        };
        let fees = self.signing.estimate_eip1559_fees().await?;
        request.set_max_fee_per_gas(fees.max_fee_per_gas);
        request.set_max_priority_fee_per_gas(fees.max_priority_fee_per_gas);
        let gas = request.gas.unwrap_or(u64::MAX);
        for (what, found, most) in [
            ("gas", u128::from(gas), u128::from(gas_max)),
            ("wei for one gas", fees.max_fee_per_gas, fee_cap),
        ] {
            if found > most {
                let words = format!("it would take {found} {what}, more than {most}");
                return Err(TransportErrorKind::custom_str(&words));
            }
        }
        let _turn = self.turn.lock().await;
        self.signing.send_transaction_internal(transaction).await
    }

    /// A node that does not answer has not seen it: it is asked again. What was sent must not be lost
    /// sight of for that.
    fn get_transaction_receipt(
        &self,
        transaction: TxHash,
    ) -> ProviderCall<(TxHash,), Option<TransactionReceipt>> {
        let signing = self.signing.clone();
        ProviderCall::BoxedFuture(Box::pin(async move {
            let receipt = signing.get_transaction_receipt(transaction).await;
            Ok(receipt.unwrap_or_else(|error| {
                tracing::debug!(%transaction, error = %ChainError::from(error), "not looked up");
                None
            }))
        }))
    }
}
