//! A chain's node that lies, is another chain's, or does not answer.

use std::sync::{Arc, Mutex};

use aep2_arbiter::accounts::{AccountOnChain, Accounts, ChainNode, Found};
use aep2_mandate::units::{AccountId, ChainId, UnixTime};
use aep2_x402::purchase::Venue;
use alloy_primitives::{Address, B256, hex};
use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

/// The time of the node's newest block.
const NEWEST: u64 = 1_790_000_000;

/// What the node answers to `eth_call`.
type Script = Arc<Mutex<Value>>;

async fn node(script: Script) -> ChainNode {
    let answer = async |State(script): State<Script>, Json(request): Json<Value>| {
        let mut answer = json!({ "jsonrpc": "2.0", "id": request["id"] });
        match request["method"].as_str() {
            Some("eth_chainId") => answer["result"] = json!("0x7a69"),
            Some("eth_getBlockByNumber") => answer["result"] = newest(),
            Some("eth_call") => {
                let call = &request["params"][0];
                // As of the block whose time is told.
                assert_eq!(request["params"][1], json!("0x10"));
                // accountOf(7), to the wallet.
                let input = call["input"].as_str().or(call["data"].as_str()).expect("an input");
                assert!(input.ends_with("07") && input.len() == 2 + 8 + 64, "{input}");
                assert_eq!(call["to"], json!(wallet().to_string().to_lowercase()));
                let scripted = script.lock().expect("no panic").clone();
                for (name, value) in scripted.as_object().expect("an object") {
                    answer[name] = value.clone();
                }
            }
            other => panic!("{other:?}"),
        }
        Json(answer)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let router = Router::new().route("/", post(answer)).with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await });
    ChainNode::new(url.parse().expect("a URL"))
}

/// A block with nothing in it but a number and a time.
fn newest() -> Value {
    let (hash, bloom) = (B256::ZERO, format!("0x{}", "00".repeat(256)));
    json!({
        "number": "0x10", "timestamp": format!("{NEWEST:#x}"), "hash": hash, "parentHash": hash,
        "sha3Uncles": hash, "stateRoot": hash, "transactionsRoot": hash, "receiptsRoot": hash,
        "mixHash": hash, "miner": Address::ZERO, "logsBloom": bloom, "nonce": "0x0000000000000000",
        "difficulty": "0x0", "gasLimit": "0x0", "gasUsed": "0x0", "extraData": "0x", "size": "0x0",
        "uncles": [], "transactions": [],
    })
}

fn wallet() -> Address {
    Address::repeat_byte(0xaa)
}

fn venue(chain: u64) -> Venue {
    let processor = Address::repeat_byte(2);
    Venue { chain: ChainId::new(chain), wallet: wallet(), processor }
}

fn account() -> AccountId {
    AccountId::new(7).expect("in range")
}

#[tokio::test]
async fn an_account_is_what_the_wallet_says() {
    let words = [
        Address::repeat_byte(1).into_word(),
        Address::repeat_byte(2).into_word(),
        B256::repeat_byte(3),
        B256::repeat_byte(4),
        B256::ZERO,
        B256::ZERO,
        B256::ZERO,
        B256::ZERO,
    ];
    let script = Script::default();
    *script.lock().expect("no panic") = json!({ "result": hex::encode_prefixed(words.concat()) });
    let node = node(Arc::clone(&script)).await;
    let expected = AccountOnChain {
        owner: Address::repeat_byte(1),
        processor: Address::repeat_byte(2),
        key_hash: B256::repeat_byte(4),
    };
    let found = node.account(&venue(31_337), account()).await.expect("an answer");
    let at = UnixTime::new(NEWEST).expect("in range");
    assert_eq!(found, Found { account: Some(expected), at });
    assert_eq!(node.time(ChainId::new(31_337)).await.expect("an answer"), at);
    assert!(node.time(ChainId::new(1)).await.is_err());
    // Another chain's node knows nothing of it.
    assert!(node.account(&venue(1), account()).await.is_err());
    // Half an answer is none.
    *script.lock().expect("no panic") =
        json!({ "result": hex::encode_prefixed(words[..7].concat()) });
    assert!(node.account(&venue(31_337), account()).await.is_err());
}

#[tokio::test]
async fn a_node_that_fails_says_nothing_and_a_wallet_that_reverts_has_no_account() {
    let script = Script::default();
    let node = node(Arc::clone(&script)).await;
    let reverted =
        json!({ "error": { "code": 3, "message": "execution reverted", "data": "0x1234abcd" } });
    *script.lock().expect("no panic") = reverted;
    let found = node.account(&venue(31_337), account()).await.expect("an answer");
    assert_eq!(found.account, None);
    let failed = json!({ "error": { "code": -32000, "message": "header not found" } });
    *script.lock().expect("no panic") = failed;
    assert!(node.account(&venue(31_337), account()).await.is_err());
}
