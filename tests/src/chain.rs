//! One chain under test: embedded in this process, or anvil beside it. Both are driven by the same
//! JSON-RPC, test controls included.

use std::time::Duration;

use aep2_devchain::{DevChain, DevChainConfig, Hardfork};
use aep2_testkit::anvil;
use alloy::{
    eips::BlockNumberOrTag,
    network::EthereumWallet,
    node_bindings::{Anvil, AnvilInstance},
    providers::{Provider, ProviderBuilder, RootProvider, WalletProvider},
    rpc::{client::RpcClient, types::Block},
    signers::local::PrivateKeySigner,
};

/// The most gas that a block of either chain uses.
const BLOCK_GAS: u64 = 60_000_000;

/// One chain, of the test alone.
pub struct TestChain {
    client: RpcClient,
    /// Ends with the test.
    _node: Option<AnvilInstance>,
}

impl TestChain {
    /// The embedded chain, with the chain id that anvil has too.
    pub fn embedded() -> Self {
        Self::embedded_with_id(31_337)
    }

    /// The embedded chain, with this chain id.
    pub fn embedded_with_id(chain_id: u64) -> Self {
        let config = DevChainConfig {
            chain_id,
            hardfork: Hardfork::Prague,
            block_gas_limit: BLOCK_GAS,
            ..DevChainConfig::default()
        };
        let chain = DevChain::start(config).unwrap();
        Self { client: chain.client(), _node: None }
    }

    /// An anvil in a process of its own, which ends with this.
    pub fn anvil() -> Self {
        let node = Anvil::at(anvil::program())
            .prague()
            .args(["--gas-limit", &BLOCK_GAS.to_string(), "--chain-id", "31337"])
            .try_spawn()
            .unwrap_or_else(|error| panic!("anvil does not start: {error}"));
        let client = RpcClient::new_http(node.endpoint_url());
        let client = client.with_poll_interval(Duration::from_millis(10));
        Self { client, _node: Some(node) }
    }

    /// A provider that reads.
    pub fn reader(&self) -> RootProvider {
        RootProvider::new(self.client.clone())
    }

    /// A provider that signs with a key. Nonces are asked for each time: cached ones would not notice
    /// that a test went back.
    pub fn with_key(
        &self,
        key: &PrivateKeySigner,
    ) -> impl Provider + WalletProvider + Clone + 'static {
        let wallet = EthereumWallet::from(key.clone());
        let builder = ProviderBuilder::new().with_simple_nonce_management().wallet(wallet);
        builder.connect_client(self.client.clone())
    }

    /// The latest block.
    pub async fn latest(&self) -> Block {
        let latest = self.reader().get_block_by_number(BlockNumberOrTag::Latest).await;
        latest.unwrap().unwrap()
    }

    /// The time of the latest block.
    pub async fn now(&self) -> u64 {
        self.latest().await.header.timestamp
    }

    /// Mines a block at this time. What comes after it is not earlier.
    pub async fn travel_to(&self, timestamp: u64) {
        self.next_block_at(timestamp).await;
        let _: serde_json::Value = self.client.request_noparams("evm_mine").await.unwrap();
        assert_eq!(self.now().await, timestamp);
    }

    /// Has the next block be of this time.
    pub async fn next_block_at(&self, timestamp: u64) {
        let params = [timestamp];
        let _: serde_json::Value =
            self.client.request("evm_setNextBlockTimestamp", params).await.unwrap();
    }
}

/// Runs each test on both chains: makes a test of each function that takes a
/// [`TestChain`].
#[macro_export]
macro_rules! on_both_chains {
    ($($test:ident),* $(,)?) => {
        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::chain::TestChain::embedded()).await;
            })*
        }

        mod on_anvil {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::chain::TestChain::anvil()).await;
            })*
        }
    };
}
