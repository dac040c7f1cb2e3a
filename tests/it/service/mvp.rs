//! The published MVP's clients and payees against the server: what they send is made here as they make
//! it, from JSON and EIP-712 alone, and not with this project's types.

use std::{collections::BTreeSet, time::Duration};

use aep2_mandate::units::{Amount, Ceiling};
use aep2_payee::{Meter, Mvp, Payee, PayeeConfig, Quote};
use aep2_processor_client::{NativeClient, RetryPolicy, mvp::MvpClient};
use aep2_tests::{
    payers::{payee, payee_address},
    world::eventually,
};
use aep2_x402::{
    headers,
    mvp::{X_PAYMENT_MANDATE, X_PAYMENT_RECEIPT},
    purchase::Venue,
};
use alloy::{
    primitives::{Address, B256, Signature, U256, hex, keccak256},
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::{SolValue, eip712_domain},
    transports::http::reqwest::{Client, Method, StatusCode, Url},
};
use axum::{Extension, Json, Router, routing::get};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    schema::Document,
    shop::{Answer, FUNDS, LONG, Shop},
};

/// A mandate as the MVP's client makes it: ten minutes, a random nonce of 128 bits, a free `ref`.
fn terms(shop: &Shop, amount: u128, call: &str) -> Value {
    let random: [u8; 16] = rand::random();
    json!({
        "owner": shop.payer.address().to_string(),
        "token": shop.world.token().to_string(),
        "payee": payee_address(1).to_string(),
        "amount": amount.to_string(),
        "nonce": u128::from_be_bytes(random).to_string(),
        "deadline": shop.world.clock.now().get() + 600,
        "ref": keccak256(call).to_string(),
    })
}

/// EIP-712, spelt out.
fn digest(shop: &Shop, terms: &Value) -> B256 {
    let wallet = shop.world.id();
    let domain = eip712_domain! {
        name: "AEP2DebitWallet",
        version: "1",
        chain_id: wallet.chain_id.get(),
        verifying_contract: wallet.address,
    };
    let text = |field: &str| terms[field].as_str().unwrap();
    let address = |field: &str| -> Address { text(field).parse().unwrap() };
    let number = |field: &str| -> U256 { text(field).parse().unwrap() };
    let kind = keccak256(
        "Mandate(address owner,address token,address payee,uint256 amount,uint256 nonce,\
         uint256 deadline,bytes32 ref)",
    );
    let content = (
        kind,
        address("owner"),
        address("token"),
        address("payee"),
        number("amount"),
        number("nonce"),
        U256::from(terms["deadline"].as_u64().unwrap()),
        text("ref").parse::<B256>().unwrap(),
    );
    let content = keccak256(content.abi_encode());
    keccak256([&b"\x19\x01"[..], &domain.separator()[..], &content[..]].concat())
}

fn signed_by(shop: &Shop, key: &PrivateKeySigner, terms: &Value) -> Value {
    let signature = key.sign_hash_sync(&digest(shop, terms)).unwrap();
    json!({ "mandate": terms, "payerSig": hex::encode_prefixed(signature.as_bytes()) })
}

fn signed(shop: &Shop, terms: &Value) -> Value {
    signed_by(shop, &shop.payer.key, terms)
}

fn mandate(shop: &Shop, amount: u128, call: &str) -> Value {
    signed(shop, &terms(shop, amount, call))
}

#[track_caller]
fn refused(answer: &Answer) -> (u16, &str) {
    let fields = answer.body.as_object().unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["error", "message"], "{answer:?}");
    assert!(answer.body["message"].as_str().unwrap().len() > 10, "{answer:?}");
    (answer.status.as_u16(), answer.body["error"].as_str().unwrap())
}

async fn reserved(shop: &Shop) -> Value {
    let account = shop.get(&format!("/v1/accounts/{}", shop.payer.account)).await;
    account.body["purses"][0]["reserved"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_software_enqueues_is_settled_by_one_transaction_and_shown_as_it_is() {
    let shop = Shop::open().await;
    let document = Document(shop.get("/openapi.json").await.body);
    let health = shop.get("/health").await.body;
    document.check("/health", "get", 200, &health);
    assert_eq!(health["sp"], shop.world.processor.address().to_string());
    assert_eq!(health["wallet"], shop.world.id().address.to_string());
    assert_eq!((&health["status"], &health["history"]), (&json!("ok"), &json!([])));

    let mut digests = Vec::new();
    for amount in [1_000, 2_000, 3_000] {
        let terms = terms(&shop, amount, &format!("predict-{amount}"));
        let answer = shop.post("/enqueue", signed(&shop, &terms)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        document.check("/enqueue", "post", 200, &answer.body);
        let receipt = &answer.body["receipt"];
        assert_eq!(
            answer.body,
            json!({"success": true, "receipt": {
                "sp": shop.world.processor.address().to_string(),
                "mandateDigest": digest(&shop, &terms).to_string(),
                "enqueueDeadline": receipt["enqueueDeadline"],
                "spEnqueueSig": receipt["spEnqueueSig"],
            }})
        );
        // What is promised is possible: the mandate has not expired by then.
        let promised = receipt["enqueueDeadline"].as_u64().unwrap();
        assert!(promised <= terms["deadline"].as_u64().unwrap());
        let message = keccak256((digest(&shop, &terms), U256::from(promised)).abi_encode_packed());
        let signature: Signature = receipt["spEnqueueSig"].as_str().unwrap().parse().unwrap();
        let signer = signature.recover_address_from_msg(message).unwrap();
        assert_eq!(signer, shop.world.processor.address());
        digests.push(digest(&shop, &terms).to_string());
    }
    digests.reverse();
    assert_eq!(reserved(&shop).await, "6000");
    let health = shop.get("/health").await.body;
    document.check("/health", "get", 200, &health);
    assert_eq!((&health["queueLength"], &health["settled"]), (&json!(3), &json!(0)));
    let shown = |health: &Value, field: &str| -> Vec<Value> {
        health["history"].as_array().unwrap().iter().map(|one| one[field].clone()).collect()
    };
    assert_eq!(shown(&health, "mandateDigest"), digests, "the newest first");
    assert_eq!(shown(&health, "status"), ["enqueued"; 3]);
    assert_eq!(shown(&health, "txHash"), [const { Value::Null }; 3]);
    assert_eq!(shown(&health, "settledAt"), [const { Value::Null }; 3]);

    shop.world.travel(150);
    eventually("they are settled", async || shop.get("/health").await.body["settled"] == 3).await;
    let health = shop.get("/health").await.body;
    document.check("/health", "get", 200, &health);
    assert_eq!((&health["queueLength"], &health["failed"]), (&json!(0), &json!(0)));
    assert_eq!(shown(&health, "status"), ["settled"; 3]);
    assert_eq!(shown(&health, "amount"), ["3000", "2000", "1000"]);
    let transactions = shown(&health, "txHash");
    let hash: B256 = transactions[0].as_str().unwrap().parse().unwrap();
    assert_eq!(transactions, vec![transactions[0].clone(); 3], "one transaction for all");
    let provider = shop.world.chain.provider();
    let receipt = provider.get_transaction_receipt(hash).await.unwrap().expect("it was mined");
    assert_eq!((receipt.status(), receipt.to), (true, Some(shop.world.id().address)));
    let block = provider.get_block(receipt.block_number.unwrap().into()).await.unwrap().unwrap();
    assert_eq!(shown(&health, "settledAt"), vec![json!(block.header.timestamp); 3]);
    assert_eq!(shop.world.holds(payee_address(1)).await, 6_000);
    let account = shop.get(&format!("/v1/accounts/{}", shop.payer.account)).await;
    assert_eq!(account.body["purses"][0]["balance"], (FUNDS - 6_000).to_string());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_enqueued_at_once_comes_out_of_one_balance_and_counts_once() {
    let shop = Shop::open().await;
    let half = FUNDS / 2 + 1;
    let both = [mandate(&shop, half, "a"), mandate(&shop, half, "b")];
    let answers = join_all(both.iter().map(|one| shop.post("/enqueue", one))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 402], "more was promised than there is");
    let short = answers.iter().find(|answer| answer.status == 402).unwrap();
    assert_eq!(refused(short), (402, "INSUFFICIENT_BALANCE"));
    assert_eq!(reserved(&shop).await, half.to_string());

    let same = mandate(&shop, 10, "c");
    let answers = join_all((0..8).map(|_| shop.post("/enqueue", &same))).await;
    let (taken, again): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 200);
    assert_eq!((taken.len(), again.len()), (1, 7));
    for answer in again {
        assert_eq!(refused(answer), (400, "DUPLICATE_MANDATE"));
    }
    assert_eq!(reserved(&shop).await, (half + 10).to_string());
    let health = shop.get("/health").await.body;
    assert_eq!(health["queueLength"], 2);
    // The native interface has the first receipt, for whoever lost it.
    let receipt = &taken[0].body["receipt"];
    let path = format!("/v1/mandates/{}", receipt["mandateDigest"].as_str().unwrap());
    assert_eq!(&shop.get(&path).await.body["receipt"], receipt);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_is_the_same_however_its_numbers_and_addresses_are_written() {
    let shop = Shop::open().await;
    let mut terms = terms(&shop, 100, "a");
    terms["nonce"] = json!("255");
    let first = signed(&shop, &terms);
    let answer = shop.post("/enqueue", &first).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (field, value) in [
        ("nonce", json!("0xff")),
        ("nonce", json!("0XFF")),
        ("nonce", json!("0x00ff")),
        ("nonce", json!("000255")),
        ("amount", json!("0x64")),
        ("owner", json!(terms["owner"].as_str().unwrap().to_lowercase())),
        ("payee", json!(format!("0x{}", hex::encode_upper(payee_address(1))))),
        ("deadline", json!(terms["deadline"].to_string())),
    ] {
        let mut written = first.clone();
        written["mandate"][field] = value;
        let again = shop.post("/enqueue", &written).await;
        assert_eq!(refused(&again), (400, "DUPLICATE_MANDATE"), "{written}");
    }
    for nonce in ["255", "0xff", "00255"] {
        let mut other = terms.clone();
        other["amount"] = json!("101");
        let mut other = signed(&shop, &other);
        other["mandate"]["nonce"] = json!(nonce);
        assert_eq!(refused(&shop.post("/enqueue", &other).await), (400, "NONCE_USED"), "{nonce}");
    }
    assert_eq!(reserved(&shop).await, "100");
    shop.close().await;
}

/// One mandate that is wrong in every way is mended one way after the other.
#[tokio::test(flavor = "multi_thread")]
async fn where_several_errors_apply_the_first_in_its_order_is_the_answer() {
    let shop = Shop::open().await;
    let used = terms(&shop, 100, "used");
    assert_eq!(shop.post("/enqueue", signed(&shop, &used)).await.status, 200);
    let now = shop.world.clock.now().get();

    // Everything wrong but the last: expired, forged, a nonce that was used, too much.
    let mut wrong = terms(&shop, FUNDS, "wrong");
    wrong["nonce"] = used["nonce"].clone();
    let mut token = wrong.clone();
    token["token"] = json!(Address::repeat_byte(9).to_string());
    token["deadline"] = json!(now - 1);
    let stranger = PrivateKeySigner::random();
    let forged = |terms: &Value| signed_by(&shop, &stranger, terms);
    let mut expired = wrong.clone();
    expired["deadline"] = json!(now - 1);
    let mut near = wrong.clone();
    near["deadline"] = json!(now + 5);
    let mut fresh = wrong.clone();
    fresh["nonce"] = json!("12345");
    let mut nothing = fresh.clone();
    nothing["amount"] = json!("0");
    for (sent, status, code) in [
        (json!({ "mandate": expired }), 400, "INVALID_REQUEST"),
        (forged(&token), 400, "INVALID_REQUEST"),
        (forged(&nothing), 400, "INVALID_REQUEST"),
        (forged(&expired), 400, "EXPIRED_MANDATE"),
        // It could not be settled in time.
        (forged(&near), 400, "EXPIRED_MANDATE"),
        (forged(&wrong), 400, "INVALID_SIGNATURE"),
        (forged(&fresh), 400, "INVALID_SIGNATURE"),
        (signed(&shop, &wrong), 400, "NONCE_USED"),
        (signed(&shop, &fresh), 402, "INSUFFICIENT_BALANCE"),
        // One that is known, by a stranger and by its owner.
        (forged(&used), 400, "INVALID_SIGNATURE"),
        (signed(&shop, &used), 400, "DUPLICATE_MANDATE"),
    ] {
        let answer = shop.post("/enqueue", &sent).await;
        assert_eq!(refused(&answer), (status, code), "{sent}");
    }
    // Nobody without an account has a balance.
    let mut poor = fresh.clone();
    poor["owner"] = json!(stranger.address().to_string());
    let answer = shop.post("/enqueue", forged(&poor)).await;
    assert_eq!(refused(&answer), (402, "INSUFFICIENT_BALANCE"));
    assert_eq!(reserved(&shop).await, "100", "a refusal reserved something");

    // A duplicate that has expired since has expired.
    shop.world.travel(601);
    let answer = shop.post("/enqueue", signed(&shop, &used)).await;
    assert_eq!(refused(&answer), (400, "EXPIRED_MANDATE"));

    shop.processor.shutdown().await;
    let answer = shop.post("/enqueue", mandate(&shop, 1, "late")).await;
    assert_eq!(refused(&answer), (503, "INTERNAL_ERROR"));
    assert!(answer.headers.contains_key("retry-after"));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_mandate_is_refused_in_its_words_and_bounded() {
    let shop = Shop::open().await;
    let good = mandate(&shop, 100, "a");
    let text = good.to_string();
    let with = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad["mandate"][field] = value;
        bad.to_string()
    };
    let signature = good["payerSig"].as_str().unwrap();
    let short = text.replace(signature, &signature[..130]);
    let cases = [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        text.replacen("\"amount\":", "\"amount\":\"1\",\"amount\":", 1),
        text.replacen("\"payerSig\":", "\"payerSig\":\"0x\",\"payerSig\":", 1),
        text.replacen("\"ref\":", "\"chain\":1,\"ref\":", 1),
        format!("{text} x"),
        short,
        with("amount", json!(100)),
        with("amount", json!("1e3")),
        with("amount", json!("-1")),
        with("amount", json!(format!("1{}", "0".repeat(78)))),
        with("nonce", json!("0x")),
        with("deadline", json!(-1)),
        with("deadline", json!(1.5)),
        with("owner", json!("vitalik.eth")),
        with("ref", json!("order-123")),
    ];
    for bad in cases {
        let answer = shop.post("/enqueue", &bad).await;
        assert_eq!(refused(&answer), (400, "INVALID_REQUEST"), "{bad}");
    }
    let long = format!("{text}{}", " ".repeat(8_000));
    assert_eq!(refused(&shop.post("/enqueue", long).await), (413, "INVALID_REQUEST"));
    let plain = shop.request(Method::POST, "/enqueue").body(text.clone());
    assert_eq!(refused(&shop.send(plain).await), (415, "INVALID_REQUEST"));
    assert_eq!(refused(&shop.get("/enqueue").await), (405, "INVALID_REQUEST"));
    assert_eq!(reserved(&shop).await, "0");
    assert_eq!(shop.post("/enqueue", &text).await.status, 200, "and the good one is good");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_call_it_whatever_is_set_for_the_rest() {
    let shop = Shop::with("[http]\nany_origin = false", |_| {}).await;
    let origin = "https://playground.example";
    let asked = shop.request(Method::GET, "/health").header("origin", origin);
    assert_eq!(shop.send(asked).await.headers["access-control-allow-origin"], origin);
    let before = |path: &str| {
        shop.request(Method::OPTIONS, path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
    };
    let allowed = shop.send(before("/enqueue")).await;
    assert_eq!(allowed.status, 200, "{allowed:?}");
    assert_eq!(allowed.headers["access-control-allow-origin"], origin);
    assert_eq!(allowed.headers["access-control-allow-methods"], "GET,POST");
    let native = shop.send(before("/v1/mandates")).await;
    assert!(!native.headers.contains_key("access-control-allow-origin"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_expired_unsettled_has_failed_and_a_late_one_is_not_called_settled() {
    // It offers less for gas than the chain asks: nothing is mined.
    let shop = Shop::with("", |config| {
        config.sender.fee_cap_wei = 1;
        config.sender.tip_wei = 1;
    })
    .await;
    assert_eq!(shop.post("/enqueue", mandate(&shop, 500, "a")).await.status, 200);
    shop.world.travel(300);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let health = shop.get("/health").await.body;
    let entry = &health["history"][0];
    assert_eq!((&health["queueLength"], &entry["status"]), (&json!(1), &json!("enqueued")));

    shop.world.travel(400);
    eventually("it has failed", async || shop.get("/health").await.body["failed"] == 1).await;
    let health = shop.get("/health").await.body;
    let entry = &health["history"][0];
    assert_eq!((&health["queueLength"], &health["settled"]), (&json!(0), &json!(0)));
    assert_eq!(
        (&entry["status"], &entry["txHash"], &entry["settledAt"]),
        (&json!("failed"), &Value::Null, &Value::Null)
    );
    assert_eq!(reserved(&shop).await, "0", "what is not settled is the payer's again");
    assert_eq!(shop.world.holds(payee_address(1)).await, 0);
    shop.close().await;
}

/// The price of the MVP's demonstration, and its payee's answer.
async fn predict() -> Json<Value> {
    Json(json!({ "symbol": "ETH-USD", "price": 4_005.32, "timestamp": 1_234_567_890 }))
}

async fn metered(Extension(meter): Extension<Meter>) -> Json<Value> {
    meter.charge(Amount::new(300).unwrap()).unwrap();
    Json(json!({ "words": 3 }))
}

async fn fails() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

/// A payee on the server, which takes both generations.
async fn sells(shop: &Shop) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let wallet = shop.world.id();
    let venue = Venue {
        chain: wallet.chain_id,
        wallet: wallet.address,
        processor: shop.world.processor.address(),
    };
    let base: Url = format!("http://{}/", shop.address).parse().unwrap();
    let retry = RetryPolicy { timeout: LONG, ..RetryPolicy::default() };
    let http = Client::builder().no_proxy().build().unwrap();
    let native = NativeClient::new(http.clone(), base.clone(), retry);
    let config = PayeeConfig::new(url.clone(), venue, shop.world.token(), payee_address(1));
    let seller = Payee::new(config, std::sync::Arc::new(native), Some(payee(1))).unwrap();
    let mvp = Mvp::new(MvpClient::new(http, base, retry), "USD", 6);
    let ceiling = Ceiling::new(1_000).unwrap();
    let router = Router::new()
        .route(
            "/predict",
            get(predict).layer(seller.charge(Quote::fixed(ceiling)).and(mvp.clone())),
        )
        .route(
            "/metered",
            get(metered).layer(seller.charge(Quote::metered(ceiling)).and(mvp.clone())),
        )
        .route("/fails", get(fails).layer(seller.charge(Quote::fixed(ceiling)).and(mvp.clone())));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn its_client_buys_from_a_payee_who_is_paid_on_chain() {
    let shop = Shop::open().await;
    let url = sells(&shop).await;
    let asked = shop.send(shop.client.get(url.join("predict").unwrap())).await;
    assert_eq!(asked.status, 402);
    let told = &asked.body;
    assert_eq!(
        (&told["error"], &told["price"], &told["currency"], &told["payee"]),
        (
            &json!("PAYMENT_REQUIRED"),
            &json!(0.001),
            &json!("USD"),
            &json!(payee_address(1).to_string())
        )
    );
    assert!(told["message"].as_str().unwrap().contains("0.001 USD"));

    let mut transactions = BTreeSet::new();
    for (path, status, amount) in
        [("predict", 200, Value::Null), ("metered", 200, json!("300")), ("fails", 500, json!("0"))]
    {
        let payment = mandate(&shop, 1_000, path);
        let header = headers::write(&payment).unwrap();
        let request = shop.client.get(url.join(path).unwrap());
        let bought = shop.send(request.header(X_PAYMENT_MANDATE, header)).await;
        assert_eq!(bought.status, status, "{bought:?}");
        let told: Value = headers::read(&bought.headers, &X_PAYMENT_RECEIPT).unwrap().unwrap();
        assert_eq!((&told["status"], &told["amount"]), (&json!("enqueued"), &amount), "{path}");
        assert_eq!(
            told["spReceipt"]["mandateDigest"],
            digest(&shop, &payment["mandate"]).to_string()
        );
        if status == 200 {
            assert_eq!(bought.body["payment"], told);
            transactions.insert(told["spReceipt"]["spEnqueueSig"].to_string());
        }
        if path == "predict" {
            assert_eq!(bought.body["price"], 4_005.32, "what the handler said is there too");
        }
    }
    assert_eq!(transactions.len(), 2);
    assert_eq!(reserved(&shop).await, "1300");
    shop.world.travel(150);
    eventually("they are settled", async || shop.get("/health").await.body["queueLength"] == 0)
        .await;
    assert_eq!(shop.world.holds(payee_address(1)).await, 1_300);
    shop.close().await;
}
