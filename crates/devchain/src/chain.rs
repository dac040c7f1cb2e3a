//! The chain, as its users see it.

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, B256, U256},
    providers::RootProvider,
    rpc::client::RpcClient,
    signers::local::PrivateKeySigner,
};

use crate::{
    changes::Account,
    config::DevChainConfig,
    error::DevChainError,
    http::{self, Listen, Server},
    running::Running,
    transport::InProcess,
};

/// How often a provider of such a chain polls it. Asking costs microseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A chain in this process. Clones are the same chain; it ends with the last of them and of its providers
/// and servers.
#[derive(Clone, Debug)]
pub struct DevChain {
    running: Arc<Running>,
}

impl DevChain {
    /// Begins a chain, or takes up the one in the configured directory.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Setting`] for settings that make no chain, [`DevChainError::Store`] if the
    /// directory cannot be used or holds something else.
    pub fn start(config: DevChainConfig) -> Result<Self, DevChainError> {
        Ok(Self { running: Arc::new(Running::start(config)?) })
    }

    /// A client for alloy's `ProviderBuilder::connect_client`.
    pub fn client(&self) -> RpcClient {
        let client = RpcClient::new(InProcess(self.running.clone()), true);
        client.with_poll_interval(POLL_INTERVAL)
    }

    /// A provider without fillers or a wallet.
    pub fn provider(&self) -> RootProvider {
        RootProvider::new(self.client())
    }

    /// Serves the chain as JSON-RPC over HTTP. An address alone serves it to this machine; port 0
    /// takes any free one. Call it within tokio.
    ///
    /// # Errors
    ///
    /// [`DevChainError::NotLoopback`] for another address that [`Listen::Exposed`] does not allow,
    /// [`DevChainError::Listen`] if the port cannot be had.
    pub async fn serve(&self, listen: impl Into<Listen>) -> Result<Server, DevChainError> {
        http::serve(self.running.clone(), listen.into()).await
    }

    /// The accounts that the chain prefunded and signs for.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Stopped`], as from every method here, if the chain has faulted.
    pub fn accounts(&self) -> Result<Vec<PrivateKeySigner>, DevChainError> {
        Ok(self.running.node()?.signers.clone())
    }

    /// The chain id.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Stopped`].
    pub fn chain_id(&self) -> Result<u64, DevChainError> {
        Ok(self.running.node()?.config.chain_id)
    }

    /// Mines a block of the transactions that wait, empty if there are none, and returns its hash.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Store`] if it cannot be written down; then there is no block.
    pub fn mine(&self) -> Result<B256, DevChainError> {
        self.running.node()?.mine()
    }

    /// Moves the chain's time ahead, by whole seconds. The next block shows it.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Store`] if it cannot be written down.
    pub fn increase_time(&self, by: Duration) -> Result<(), DevChainError> {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.running.node()?.increase_time(seconds)
    }

    /// Sets the chain's time, in unix seconds. The next block shows it, unless time goes on before.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Timestamp`] for a time before the last block's, [`DevChainError::Store`] if
    /// it cannot be written down.
    pub fn set_time(&self, timestamp: u64) -> Result<(), DevChainError> {
        self.running.node()?.set_time(timestamp)
    }

    /// Sets an account's balance, in wei, without a block.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Store`] if it cannot be written down.
    pub fn set_balance(&self, address: Address, balance: U256) -> Result<(), DevChainError> {
        self.running.node()?.edit(|state| {
            let account = state.account_or_empty(address);
            state.set_account(address, Account { balance, ..account });
        })
    }

    /// Remembers the chain as it is, and returns the id to go back by.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Stopped`].
    pub fn snapshot(&self) -> Result<u64, DevChainError> {
        self.running.node()?.snapshot()
    }

    /// Goes back to a snapshot, which is spent by it, with all later ones. False if there is none.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Store`] if it cannot be written down.
    pub fn revert(&self, snapshot: u64) -> Result<bool, DevChainError> {
        self.running.node()?.revert(snapshot)
    }

    /// Makes a reorganisation: the last `depth` blocks are replaced by as many empty ones. Their
    /// transactions are gone until somebody sends them again.
    ///
    /// # Errors
    ///
    /// [`DevChainError::Depth`] if there are not that many, [`DevChainError::Store`] if it cannot be
    /// written down.
    pub fn reorganise(&self, depth: u64) -> Result<(), DevChainError> {
        self.running.node()?.reorganise(depth, Vec::new())
    }
}
