//! JSON-RPC over HTTP, as tools that know nothing of this crate speak it.

use std::net::{Ipv4Addr, SocketAddr};

use aep2_devchain::{DevChainError, Listen, Server};
use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, U256},
    providers::{Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    transports::http::reqwest::{Client, Method, StatusCode},
};
use serde_json::{Value, json};

use crate::support::{ETHER, address, chain, probe_code, signer};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn server() -> Server {
    chain().serve(LOOPBACK).await.unwrap()
}

async fn post(server: &Server, body: impl Into<String>) -> (StatusCode, String) {
    let request = Client::new().post(server.url()).body(body.into());
    let response = request.header("content-type", "application/json").send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

async fn ask(server: &Server, body: Value) -> Value {
    let (status, text) = post(server, body.to_string()).await;
    assert_eq!(status, 200);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn alloy_over_http_does_what_it_does_in_process() {
    let chain = chain();
    let server = chain.serve(LOOPBACK).await.unwrap();
    let remote = ProviderBuilder::new()
        .wallet(EthereumWallet::from(signer(0)))
        .connect_http(server.url().parse().unwrap());
    let request = TransactionRequest::default().with_to(Address::repeat_byte(1)).with_value(ETHER);
    let sent = remote.send_transaction(request).await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    assert!(receipt.status());
    let deployment = TransactionRequest::default().with_deploy_code(probe_code(7));
    let sent = remote.send_transaction(deployment).await.unwrap();
    let deployed = sent.get_receipt().await.unwrap().contract_address.unwrap();

    let local = chain.provider();
    let probe = crate::support::Probe::new(deployed, local.clone());
    assert_eq!(probe.stored().call().await.unwrap(), U256::from(7));
    let remote_probe = crate::support::Probe::new(deployed, remote);
    let error = remote_probe.refuse(U256::from(3)).call().await.err().unwrap();
    let decoded = error.as_decoded_error::<crate::support::Probe::Refused>().unwrap();
    assert_eq!(decoded.code, U256::from(3));
    assert_eq!(
        local.get_transaction_receipt(receipt.transaction_hash).await.unwrap().unwrap(),
        receipt
    );
}

#[tokio::test]
async fn requests_are_answered_as_json_rpc_says() {
    let server = server().await;
    let call = |method: &str, id: Value| json!({ "jsonrpc": "2.0", "method": method, "id": id });
    assert_eq!(
        ask(&server, call("eth_chainId", json!(1))).await,
        json!({ "jsonrpc": "2.0", "id": 1, "result": "0x7a69" })
    );
    // Ids come back as they were.
    for id in [json!("a string"), json!(null), json!(1.5), json!(-3)] {
        assert_eq!(ask(&server, call("net_version", id.clone())).await["id"], id);
    }
    let unknown = ask(&server, call("eth_nothing", json!(2))).await;
    assert_eq!(unknown["error"]["code"], -32601);
    assert_eq!(
        unknown["error"]["message"],
        "the method eth_nothing does not exist/is not available"
    );
    // null is a result.
    let nothing = json!({ "jsonrpc": "2.0", "id": 3, "method": "eth_getTransactionByHash",
        "params": [alloy::primitives::B256::ZERO] });
    assert_eq!(ask(&server, nothing).await, json!({ "jsonrpc": "2.0", "id": 3, "result": null }));
}

#[tokio::test]
async fn what_is_no_request_is_refused_by_the_book() {
    let server = server().await;
    let cases = [
        ("{", -32700),
        ("", -32700),
        ("[1, 2", -32700),
        ("\u{0}", -32700),
        ("{}", -32600),
        ("[]", -32600),
        ("3", -32600),
        ("\"eth_chainId\"", -32600),
        (r#"{"method":"eth_chainId","id":1}"#, -32600),
        (r#"{"jsonrpc":"1.0","method":"eth_chainId","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","method":7,"id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","method":"eth_chainId","id":{}}"#, -32600),
        (r#"{"jsonrpc":"2.0","method":"eth_getBalance","id":1}"#, -32602),
        (r#"{"jsonrpc":"2.0","method":"eth_getBalance","id":1,"params":{"a":1}}"#, -32602),
        (r#"{"jsonrpc":"2.0","method":"eth_getBalance","id":1,"params":["0x1"]}"#, -32602),
        (r#"{"jsonrpc":"2.0","method":"eth_getBlockByNumber","id":1,"params":["last"]}"#, -32602),
        (r#"{"jsonrpc":"2.0","method":"eth_sendRawTransaction","id":1,"params":["0x00"]}"#, -32602),
    ];
    for (body, code) in cases {
        let (status, text) = post(&server, body).await;
        assert_eq!(status, 200);
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["error"]["code"], code, "{body}");
        assert_eq!(answer["jsonrpc"], "2.0");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (_, text) = post(&server, deep).await;
    assert!(text.contains("-32700") || text.contains("-32600"), "{text}");
}

#[tokio::test]
async fn batches_are_answered_in_order_and_notifications_not_at_all() {
    let server = server().await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" },
        { "jsonrpc": "2.0", "method": "evm_mine" },
        { "jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": [] },
        7,
        { "jsonrpc": "2.0", "id": 3, "method": "eth_nothing" },
    ]);
    let answers = ask(&server, batch).await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 4);
    assert_eq!((&answers[0]["id"], &answers[0]["result"]), (&json!(1), &json!("0x7a69")));
    assert_eq!(answers[1]["result"], "0x1", "the notification was carried out");
    assert_eq!(answers[2]["error"]["code"], -32600);
    assert_eq!(answers[3]["error"]["code"], -32601);

    let silent = r#"{"jsonrpc":"2.0","method":"evm_mine"}"#;
    assert_eq!(post(&server, silent).await, (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(post(&server, format!("[{silent}]")).await.0, StatusCode::NO_CONTENT);

    let one = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" });
    let answer = ask(&server, Value::Array(vec![one.clone(); 1_001])).await;
    assert_eq!(answer["error"]["message"], "batch too large");
    let answers = ask(&server, Value::Array(vec![one; 1_000])).await;
    assert_eq!(answers.as_array().unwrap().len(), 1_000);
}

/// alloy batches, too, in process as over HTTP.
#[tokio::test]
async fn alloys_batches_work_in_process() {
    let chain = chain();
    let client = chain.client();
    let mut batch = client.new_batch();
    let id = batch.add_call::<_, U256>("eth_chainId", &()).unwrap();
    let unknown = batch.add_call::<_, U256>("eth_nothing", &()).unwrap();
    let balance = batch.add_call::<_, U256>("eth_getBalance", &(address(0), "latest")).unwrap();
    batch.send().await.unwrap();
    assert_eq!(id.await.unwrap(), U256::from(31_337));
    assert_eq!(balance.await.unwrap(), ETHER * U256::from(10_000));
    assert!(unknown.await.unwrap_err().to_string().contains("-32601"));
}

#[tokio::test]
async fn a_browser_may_look_and_a_person_gets_a_hint() {
    let server = server().await;
    let client = Client::new();
    let preflight = client.request(Method::OPTIONS, server.url()).send().await.unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    for response in [
        preflight,
        client.post(server.url()).body("{}").send().await.unwrap(),
        client.get(server.url()).send().await.unwrap(),
    ] {
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
    let hint = client.get(server.url()).send().await.unwrap().text().await.unwrap();
    assert!(hint.contains("JSON-RPC"));
    let elsewhere = client.get(format!("{}/other", server.url())).send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_unread() {
    let server = server().await;
    let (status, _) = post(&server, " ".repeat(5 * 1024 * 1024 + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_chain_is_served_on_loopback_only() {
    let error = chain().serve("0.0.0.0:0".parse::<SocketAddr>().unwrap()).await.unwrap_err();
    assert!(matches!(error, DevChainError::NotLoopback { .. }), "{error}");
    let server = server().await;
    let error = chain().serve(server.address()).await.unwrap_err();
    assert!(matches!(error, DevChainError::Listen { .. }), "{error}");
    chain().serve("[::1]:0".parse::<SocketAddr>().unwrap()).await.unwrap();
    // A loopback address stays one, whatever is allowed.
    let everywhere = Listen::Loopback("[::]:0".parse().unwrap());
    let error = chain().serve(everywhere).await.unwrap_err();
    assert!(matches!(error, DevChainError::NotLoopback { .. }), "{error}");
}

#[tokio::test]
async fn others_reach_the_chain_only_where_that_was_asked_for() {
    let server = chain().serve(Listen::Exposed("0.0.0.0:0".parse().unwrap())).await.unwrap();
    assert!(server.address().ip().is_unspecified());
    let here = format!("http://127.0.0.1:{}", server.address().port());
    assert_eq!(Client::new().get(here).send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stopped_server_gives_back_its_port_and_its_chain() {
    let folder = tempfile::tempdir().unwrap();
    let config = aep2_devchain::DevChainConfig {
        data_dir: Some(folder.path().to_owned()),
        ..Default::default()
    };
    let start = || aep2_devchain::DevChain::start(config.clone());
    let server = start().unwrap().serve(LOOPBACK).await.unwrap();
    let address = server.address();
    start().unwrap_err();
    server.stop().await;
    let chain = start().unwrap();
    chain.serve(address).await.unwrap();
}

/// What ethers, viem, cast and wallets ask before they do anything.
#[tokio::test]
async fn tools_find_what_they_ask_for() {
    let server = server().await;
    let block_hash = ask(
        &server,
        json!({ "jsonrpc": "2.0", "id": 1,
        "method": "eth_getBlockByNumber", "params": ["0x0", false] }),
    )
    .await["result"]["hash"]
        .clone();
    let calls = [
        ("web3_clientVersion", json!([])),
        ("net_version", json!([])),
        ("net_listening", json!([])),
        ("eth_chainId", json!([])),
        ("eth_syncing", json!([])),
        ("eth_accounts", json!([])),
        ("eth_blockNumber", json!([])),
        ("eth_gasPrice", json!([])),
        ("eth_maxPriorityFeePerGas", json!([])),
        ("eth_feeHistory", json!(["0x1", "latest", [10, 50]])),
        ("eth_feeHistory", json!([1, "pending", null])),
        ("eth_getBlockByNumber", json!(["latest", true])),
        ("eth_getBlockByNumber", json!(["pending", false])),
        ("eth_getBlockByHash", json!([block_hash, false])),
        ("eth_getBlockReceipts", json!(["latest"])),
        ("eth_getBlockTransactionCountByNumber", json!(["latest"])),
        ("eth_getBlockTransactionCountByHash", json!([block_hash])),
        ("eth_getBalance", json!([address(0), "latest"])),
        ("eth_getBalance", json!([address(0), { "blockHash": block_hash }])),
        ("eth_getCode", json!([address(0), "latest"])),
        ("eth_getStorageAt", json!([address(0), "0x0", "latest"])),
        ("eth_getTransactionCount", json!([address(0), "pending"])),
        ("eth_call", json!([{ "to": address(1), "data": "0x" }, "latest"])),
        ("eth_call", json!([{ "to": address(1), "input": "0x" }])),
        ("eth_estimateGas", json!([{ "from": address(0), "to": address(1), "value": "0x1" }])),
        ("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "latest", "topics": [null] }])),
        ("eth_newBlockFilter", json!([])),
    ];
    for (method, params) in calls {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = ask(&server, request).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        assert!(!answer["result"].is_null(), "{method}");
    }
    // Quantities are without leading zeros, data is whole bytes.
    let get = async |method: &str, params: Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        ask(&server, request).await["result"].clone()
    };
    assert_eq!(get("eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(get("eth_getTransactionCount", json!([address(0), "latest"])).await, "0x0");
    assert_eq!(get("eth_getCode", json!([address(0), "latest"])).await, "0x");
    let slot = get("eth_getStorageAt", json!([address(0), "0x0", "latest"])).await;
    assert_eq!(slot, json!(alloy::primitives::B256::ZERO));
}

/// EIP-191, as a wallet's own accounts sign.
#[tokio::test]
async fn development_accounts_sign_messages() {
    let server = server().await;
    let message = alloy::primitives::hex::encode_prefixed("hello");
    for (method, params) in [
        ("personal_sign", json!([message, address(2)])),
        ("eth_sign", json!([address(2), message])),
    ] {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = ask(&server, request).await;
        let signature: alloy::primitives::Signature =
            answer["result"].as_str().unwrap().parse().unwrap();
        assert_eq!(signature.recover_address_from_msg("hello").unwrap(), address(2));
    }
}
