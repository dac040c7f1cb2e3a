//! The state machine and its miner, together.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::value::RawValue;

use crate::{
    config::{DevChainConfig, Mining},
    error::DevChainError,
    miner::Miner,
    node::Node,
    rpc::{self, error::RpcError, method::Effect},
};

/// The chain and its miner. The miner goes first, so that nothing mines while the chain closes.
#[derive(Debug)]
pub(crate) struct Running {
    miner: Miner,
    node: Arc<Mutex<Node>>,
}

impl Running {
    /// Begins a chain, or takes up the one in the configured directory.
    pub(crate) fn start(config: DevChainConfig) -> Result<Self, DevChainError> {
        let mining = config.mining;
        let node = Arc::new(Mutex::new(Node::open(config)?));
        let miner = Miner::new(&node);
        if let Mining::Interval(interval) = mining {
            miner.mine_every(Some(interval));
        }
        Ok(Self { miner, node })
    }

    /// The state machine, for as long as the guard lives.
    pub(crate) fn node(&self) -> Result<MutexGuard<'_, Node>, DevChainError> {
        // A panic half-way through a change leaves nothing to be relied on.
        self.node.lock().map_err(|_| DevChainError::Stopped)
    }

    /// Runs one JSON-RPC method.
    pub(crate) fn call(
        &self,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<Box<RawValue>, RpcError> {
        let mut effect = None;
        let answer = rpc::call(&mut *self.node()?, &mut effect, method, params);
        if let Some(Effect::MineEvery(interval)) = effect {
            self.miner.mine_every(interval);
        }
        answer
    }
}
