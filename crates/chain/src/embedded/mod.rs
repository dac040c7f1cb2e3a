//! An Ethereum chain inside this process: revm, behind alloy's own transport.
//!
//! Whoever talks to a chain does so through an alloy [`Provider`](alloy::providers::Provider), and
//! cannot tell whether [`EmbeddedChain::provider`] made it or a remote URL did. The same methods are
//! served as JSON-RPC over HTTP by [`EmbeddedChain::serve`].
//!
//! What is real: transactions of every kind but blobs, signatures, gas and its refunds, EIP-1559
//! fees from block to block, a pool with replacement, receipts, logs and their blooms, headers whose
//! hashes, transaction and receipt roots are as consensus has them, reorganisations.
//!
//! What is not: `stateRoot` is a digest of all changes so far and not a Merkle root; blocks carry no
//! beacon roots, blobs or withdrawals; one block may have its parent's timestamp (`clock.rs` says
//! why); `safe` and `finalized` are 32 and 64 blocks back, but tests may take back any block.
//!
//! With a data directory the chain is in a journal there, block by block, each on the disk before
//! anybody hears of it (`store.rs`). The transactions that wait, filters, snapshots and
//! impersonations are not kept.

mod block;
mod calls;
mod clock;
mod config;
mod error;
mod execute;
mod filters;
mod http;
mod miner;
mod mining;
mod node;
mod pool;
mod record;
mod rpc;
mod state;
mod store;
mod transport;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use alloy::{
    primitives::{Address, B256, U256},
    providers::RootProvider,
    rpc::client::RpcClient,
    signers::local::PrivateKeySigner,
};
use serde_json::value::RawValue;

pub use config::{EmbeddedConfig, Hardfork, Mining, WallClock, dev_accounts};
pub use error::{EmbeddedError, StoreError};
pub use http::{Listen, Server};
pub use pool::Rejection;

use miner::Miner;
use node::Node;
use rpc::{Effect, RpcError};
use state::Account;
use transport::InProcess;

/// How often a provider of an embedded chain looks for news. Asking costs microseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// An embedded chain. Clones are the same chain; it ends with the last of them and of its providers
/// and servers.
#[derive(Clone, Debug)]
pub struct EmbeddedChain {
    shared: Arc<Shared>,
}

/// The chain and its miner. The miner goes first, so that nothing mines while the chain closes.
#[derive(Debug)]
struct Shared {
    miner: Miner,
    node: Arc<Mutex<Node>>,
}

impl Shared {
    fn node(&self) -> Result<MutexGuard<'_, Node>, EmbeddedError> {
        // A panic half-way through a change leaves nothing to be relied on.
        self.node.lock().map_err(|_| EmbeddedError::Stopped)
    }

    /// Runs one JSON-RPC method.
    fn call(&self, method: &str, params: Option<&RawValue>) -> Result<Box<RawValue>, RpcError> {
        let mut effect = None;
        let answer = rpc::call(&mut *self.node()?, &mut effect, method, params);
        if let Some(Effect::MineEvery(interval)) = effect {
            self.miner.mine_every(interval);
        }
        answer
    }
}

impl EmbeddedChain {
    /// Begins a chain, or takes up the one in the configured directory.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Setting`] for settings that make no chain, [`EmbeddedError::Store`] if the
    /// directory cannot be used or holds something else.
    pub fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        let mining = config.mining;
        let node = Arc::new(Mutex::new(Node::open(config)?));
        let miner = Miner::new(&node);
        if let Mining::Interval(interval) = mining {
            miner.mine_every(Some(interval));
        }
        Ok(Self { shared: Arc::new(Shared { miner, node }) })
    }

    /// A client for alloy's `ProviderBuilder::connect_client`.
    pub fn client(&self) -> RpcClient {
        let client = RpcClient::new(InProcess(self.shared.clone()), true);
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
    /// [`EmbeddedError::NotLoopback`] for another address that [`Listen::Exposed`] does not allow,
    /// [`EmbeddedError::Listen`] if the port cannot be had.
    pub async fn serve(&self, listen: impl Into<Listen>) -> Result<Server, EmbeddedError> {
        http::serve(self.shared.clone(), listen.into()).await
    }

    /// The accounts that the chain prefunded and signs for.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Stopped`], as from every method here, if the chain has faulted.
    pub fn accounts(&self) -> Result<Vec<PrivateKeySigner>, EmbeddedError> {
        Ok(self.shared.node()?.signers.clone())
    }

    /// The chain id.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Stopped`].
    pub fn chain_id(&self) -> Result<u64, EmbeddedError> {
        Ok(self.shared.node()?.config.chain_id)
    }

    /// Mines a block of the transactions that wait, empty if there are none, and returns its hash.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Store`] if it cannot be written down; then there is no block.
    pub fn mine(&self) -> Result<B256, EmbeddedError> {
        self.shared.node()?.mine()
    }

    /// Moves the chain's time ahead, by whole seconds. The next block shows it.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Store`] if it cannot be written down.
    pub fn increase_time(&self, by: Duration) -> Result<(), EmbeddedError> {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.shared.node()?.increase_time(seconds)
    }

    /// Sets the chain's time, in unix seconds. The next block shows it, unless time goes on before.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Timestamp`] for a time before the last block's, [`EmbeddedError::Store`] if
    /// it cannot be written down.
    pub fn set_time(&self, timestamp: u64) -> Result<(), EmbeddedError> {
        self.shared.node()?.set_time(timestamp)
    }

    /// Sets an account's balance, in wei, without a block.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Store`] if it cannot be written down.
    pub fn set_balance(&self, address: Address, balance: U256) -> Result<(), EmbeddedError> {
        self.shared.node()?.edit(|state| {
            let account = state.account_or_empty(address);
            state.set_account(address, Account { balance, ..account });
        })
    }

    /// Remembers the chain as it is, and returns the id to go back by.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Stopped`].
    pub fn snapshot(&self) -> Result<u64, EmbeddedError> {
        self.shared.node()?.snapshot()
    }

    /// Goes back to a snapshot, which is spent by it, with all later ones. False if there is none.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Store`] if it cannot be written down.
    pub fn revert(&self, snapshot: u64) -> Result<bool, EmbeddedError> {
        self.shared.node()?.revert(snapshot)
    }

    /// Makes a reorganisation: the last `depth` blocks are replaced by as many empty ones. Their
    /// transactions are gone until somebody sends them again.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Depth`] if there are not that many, [`EmbeddedError::Store`] if it cannot be
    /// written down.
    pub fn reorganise(&self, depth: u64) -> Result<(), EmbeddedError> {
        self.shared.node()?.reorganise(depth, Vec::new())
    }
}
