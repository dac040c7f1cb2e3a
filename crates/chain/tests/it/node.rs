//! Real nodes: Foundry's anvil, and the chain in this process. What is done on one is done on the
//! other, by the same JSON-RPC.

use aep2_devchain::{DevChain, DevChainConfig, Mining};
use aep2_testkit::anvil;
use alloy::{
    node_bindings::{Anvil, AnvilInstance},
    primitives::{B256, Bytes, U256, hex},
    providers::{Provider, RootProvider},
    rpc::client::RpcClient,
    signers::local::PrivateKeySigner,
};

/// Runtime code that emits one event, whose topic is the first word of its calldata:
/// `log1(0, 0, calldataload(0))`.
const EMITTER: [u8; 6] = hex!("5f355f5fa100");

/// Runtime code that can be called once. Later calls revert with the first word of their calldata:
/// `if sload(0) { mstore(0, calldataload(0)); revert(0, 32) } sstore(0, 1)`.
const ONCE: [u8; 19] = hex!("5f54600a5760015f55005b5f355f5260205ffd");

/// Creation code that returns what follows it: `codecopy(0, 9, n); return(0, n)`.
fn creation(runtime: &[u8]) -> Bytes {
    let length = u8::try_from(runtime.len()).expect("short code");
    [&[0x60, length, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3], runtime].concat().into()
}

pub(crate) fn emitter() -> Bytes {
    creation(&EMITTER)
}

pub(crate) fn once() -> Bytes {
    creation(&ONCE)
}

/// The first word of a calldata.
pub(crate) fn word(number: u64) -> Bytes {
    B256::from(U256::from(number)).into()
}

/// When a node makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// One for each transaction.
    AtOnce,
    /// When told to.
    WhenTold,
}

/// A node of a test's own, ended with it.
pub(crate) struct Node {
    client: RpcClient,
    signers: Vec<PrivateKeySigner>,
    _anvil: Option<AnvilInstance>,
}

impl Node {
    pub(crate) fn anvil(blocks: Blocks) -> Self {
        let anvil = match blocks {
            Blocks::AtOnce => Anvil::at(anvil::program()),
            Blocks::WhenTold => Anvil::at(anvil::program()).arg("--no-mining"),
        };
        let anvil = anvil.spawn();
        let client = RpcClient::new_http(anvil.endpoint_url());
        let signers = anvil.keys().iter().map(|key| key.clone().into()).collect();
        Self { client, signers, _anvil: Some(anvil) }
    }

    pub(crate) fn embedded(blocks: Blocks) -> Self {
        let mining = match blocks {
            Blocks::AtOnce => Mining::OnDemand,
            Blocks::WhenTold => Mining::Manual,
        };
        let config = DevChainConfig { mining, ..DevChainConfig::default() };
        let chain = DevChain::start(config).expect("a chain");
        let signers = chain.accounts().expect("accounts");
        Self { client: chain.client(), signers, _anvil: None }
    }

    pub(crate) fn provider(&self) -> RootProvider {
        RootProvider::new(self.client.clone())
    }

    /// A key that has money.
    pub(crate) fn signer(&self) -> PrivateKeySigner {
        self.signers[0].clone()
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            let _: serde_json::Value =
                self.provider().raw_request("evm_mine".into(), ()).await.expect("mined");
        }
    }

    /// Replaces the newest blocks by empty ones.
    pub(crate) async fn reorganise(&self, depth: u64) {
        let none: [(); 0] = [];
        self.provider()
            .raw_request::<_, ()>("anvil_reorg".into(), (depth, none))
            .await
            .expect("reorganised");
    }

    pub(crate) async fn set_next_base_fee(&self, wei: u64) {
        self.provider()
            .raw_request::<_, ()>("anvil_setNextBlockBaseFeePerGas".into(), (U256::from(wei),))
            .await
            .expect("set");
    }

    /// Has the pool forget a transaction.
    pub(crate) async fn drop_transaction(&self, hash: B256) {
        let dropped: Option<B256> = self
            .provider()
            .raw_request("anvil_dropTransaction".into(), (hash,))
            .await
            .expect("dropped");
        assert_eq!(dropped, Some(hash));
    }
}

/// Each scenario as a test on anvil and as one on the embedded chain.
macro_rules! on_both_chains {
    ($blocks:ident: $($scenario:ident),+ $(,)?) => {
        mod on_anvil {
            $(#[tokio::test]
            async fn $scenario() {
                let blocks = $crate::node::Blocks::$blocks;
                super::$scenario($crate::node::Node::anvil(blocks)).await;
            })+
        }

        mod on_the_embedded_chain {
            $(#[tokio::test]
            async fn $scenario() {
                let blocks = $crate::node::Blocks::$blocks;
                super::$scenario($crate::node::Node::embedded(blocks)).await;
            })+
        }
    };
}
pub(crate) use on_both_chains;
