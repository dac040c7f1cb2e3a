//! Nothing that anybody sends makes the chain panic, hang or forget itself.

use std::sync::OnceLock;

use aep2_devchain::{DevChain, DevChainConfig, Mining};
use alloy::{
    consensus::TxEnvelope, eips::eip2718::Encodable2718, primitives::hex, rpc::client::RpcClient,
    rpc::json_rpc::ErrorPayload, transports::RpcError,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{GWEI, address, signed, transfer};

const METHODS: [&str; 71] = [
    "web3_clientVersion",
    "web3_sha3",
    "net_version",
    "net_listening",
    "net_peerCount",
    "eth_chainId",
    "eth_syncing",
    "eth_coinbase",
    "eth_blockNumber",
    "eth_gasPrice",
    "eth_maxPriorityFeePerGas",
    "eth_blobBaseFee",
    "eth_feeHistory",
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByNumber",
    "eth_getBlockTransactionCountByHash",
    "eth_getUncleCountByBlockNumber",
    "eth_getUncleCountByBlockHash",
    "eth_getTransactionByBlockNumberAndIndex",
    "eth_getTransactionByBlockHashAndIndex",
    "eth_getTransactionByHash",
    "eth_getRawTransactionByHash",
    "eth_getTransactionReceipt",
    "eth_getTransactionCount",
    "eth_getBalance",
    "eth_getCode",
    "eth_getStorageAt",
    "eth_call",
    "eth_estimateGas",
    "eth_getLogs",
    "eth_newFilter",
    "eth_newBlockFilter",
    "eth_newPendingTransactionFilter",
    "eth_getFilterChanges",
    "eth_getFilterLogs",
    "eth_uninstallFilter",
    "eth_accounts",
    "eth_requestAccounts",
    "eth_sendRawTransaction",
    "eth_sendRawTransactionSync",
    "eth_sendTransaction",
    "eth_sign",
    "personal_sign",
    "evm_mine",
    "anvil_mine",
    "evm_increaseTime",
    "evm_setTime",
    "evm_setNextBlockTimestamp",
    "evm_snapshot",
    "evm_revert",
    "evm_setAutomine",
    "anvil_getAutomine",
    "evm_setIntervalMining",
    "anvil_setNextBlockBaseFeePerGas",
    "anvil_setBalance",
    "anvil_setNonce",
    "anvil_setCode",
    "anvil_setStorageAt",
    "anvil_impersonateAccount",
    "anvil_stopImpersonatingAccount",
    "anvil_dropTransaction",
    "anvil_dropAllTransactions",
    "txpool_status",
    "anvil_rollback",
    "anvil_reorg",
    "eth_subscribe",
    "debug_traceTransaction",
    "",
    "💥",
];

/// Values that mean something to some method, so that calls get past the reading of parameters.
fn meaningful() -> impl Strategy<Value = Value> {
    let request = json!({ "from": address(0), "to": address(1), "value": "0x1" });
    let deployment = json!({ "from": address(0), "data": "0x60006000fd", "gas": "0xffffff" });
    let extreme = json!({ "from": address(0), "gas": "0xffffffffffffffff", "nonce": "0xffffffffffffffff",
        "value": format!("0x{}", "f".repeat(64)), "maxFeePerGas": format!("0x{}", "f".repeat(32)),
        "maxPriorityFeePerGas": format!("0x{}", "f".repeat(32)), "data": "0x5b600056" });
    let endless = json!({ "to": address(7), "gas": "0x30000" });
    select(vec![
        json!(address(0)),
        json!(address(7)),
        json!("latest"),
        json!("pending"),
        json!("earliest"),
        json!("finalized"),
        json!(0),
        json!(1),
        json!("0x0"),
        json!("0x1"),
        json!("0x5"),
        json!("0x"),
        json!("0xffffffffffffffff"),
        json!(u64::MAX),
        json!(-1),
        json!(1.5),
        json!(format!("0x{}", "f".repeat(64))),
        json!(format!("0x{}", "0".repeat(64))),
        // An endless loop, an invalid instruction, the head of a delegation.
        json!("0x5b600056"),
        json!("0xfe"),
        json!("0xef0100"),
        json!(true),
        json!(false),
        json!(null),
        json!([0.0, 50.0, 100.0]),
        json!([1e308, -1.0]),
        json!({}),
        json!({ "fromBlock": "0x0", "toBlock": "latest" }),
        json!({ "fromBlock": "pending", "toBlock": "0xffffffffffffffff", "topics": [null, []] }),
        json!({ "timestamp": 1, "blocks": 3 }),
        json!({ "blocks": "0xffffffffffffffff" }),
        request.clone(),
        deployment,
        extreme,
        endless,
        json!([[request, 0]]),
    ])
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        "0x[0-9a-f]{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(
                select(vec!["from", "to", "data", "gas", "value", "address", "topics", "x"]),
                inner,
                0..6
            )
            .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn params() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => vec(prop_oneof![4 => meaningful(), 1 => anything()], 0..5).prop_map(Value::from),
        1 => anything(),
    ]
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// The chain's answer. Anything but an answer is a failure of the chain.
async fn ask(client: &RpcClient, method: &str, params: &Value) -> Result<Value, ErrorPayload> {
    match client.request::<_, Value>(method.to_owned(), params).await {
        Ok(answer) => Ok(answer),
        Err(RpcError::ErrorResp(error)) => Err(error),
        Err(RpcError::NullResp) => Ok(Value::Null),
        Err(fault) => panic!("{method} {params}: {fault}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..Default::default() })]

    /// A chain goes through many such requests and is still whole.
    #[test]
    fn arbitrary_requests_are_answered(
        on_demand in any::<bool>(),
        requests in vec((select(&METHODS[..]), params()), 1..120),
    ) {
        let mining = if on_demand { Mining::OnDemand } else { Mining::Manual };
        let config = DevChainConfig { mining, block_gas_limit: 1_000_000, ..Default::default() };
        let chain = DevChain::start(config).unwrap();
        let client = chain.client();
        runtime().block_on(async {
            for (method, params) in &requests {
                let answer = ask(&client, method, params).await;
                if let Err(error) = answer {
                    let known = [3, -32000, -32005, -32600, -32601, -32602];
                    assert!(known.contains(&error.code), "{method} {params}: {error}");
                }
            }
            // Every block still links to its parent.
            let head = ask(&client, "eth_blockNumber", &json!([])).await.unwrap();
            let head = u64::from_str_radix(&head.as_str().unwrap()[2..], 16).unwrap();
            let mut parent = format!("0x{}", "0".repeat(64));
            for number in 0..=head.min(200) {
                let number = json!([format!("{number:#x}"), false]);
                let block = ask(&client, "eth_getBlockByNumber", &number).await.unwrap();
                assert_eq!(block["parentHash"], parent);
                parent = block["hash"].as_str().unwrap().to_owned();
            }
        });
        chain.mine().unwrap();
    }

    /// Signed transactions with a byte changed, cut, or lengthened.
    #[test]
    fn damaged_transactions_are_refused_or_somebody_elses(place in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<bool>()) {
        runtime().block_on(async {
            let chain = DevChain::start(DevChainConfig::default()).unwrap();
            let mut raw = signed(0, transfer(0, 3 * GWEI, GWEI)).await;
            let place = place.index(raw.len());
            if cut { raw.truncate(place) } else { raw[place] ^= 1 << bit }
            let client = chain.client();
            let params = json!([hex::encode_prefixed(&raw)]);
            let answer = ask(&client, "eth_sendRawTransaction", &params).await;
            // Another signature is another sender, who has nothing.
            let error = answer.unwrap_err();
            assert!([-32000, -32602].contains(&error.code), "{error}");
            let nonce = ask(&client, "eth_getTransactionCount", &json!([address(0)])).await.unwrap();
            assert_eq!(nonce, "0x0");
        });
    }
}

#[test]
fn a_transaction_survives_its_own_encoding() {
    use alloy::eips::eip2718::Decodable2718;
    runtime().block_on(async {
        let raw = signed(0, transfer(0, 3 * GWEI, GWEI)).await;
        let decoded = TxEnvelope::decode_2718_exact(&raw).unwrap();
        assert_eq!(decoded.encoded_2718(), raw);
    });
}
