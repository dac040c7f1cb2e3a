//! x402's scheme `exact` beside `aep2`: payments signed by x402-rs's own client, down to the balances.

use std::{sync::Arc, time::Duration};

use aep2_chain::token::mint_test_tokens;
use aep2_exact::ExactFacilitator;
use aep2_payee::{Exact as Offer, ExactPaid, Paid, Payee, PayeeConfig, Quote};
use aep2_processor_client::{NativeClient, ProcessorClient, RetryPolicy};
use aep2_server::Settings;
use aep2_tests::{
    payers::payee_address,
    world::{World, eventually},
};
use aep2_x402::headers::{PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE, X_PAYMENT};
use alloy::{
    primitives::{Address, U256},
    providers::Provider,
    signers::local::PrivateKeySigner,
    transports::http::reqwest::{Client, Method, Request, Response, Url},
};
use axum::{Extension, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use x402_chain_eip155::{
    v1_eip155_exact::{
        PaymentRequirementsExtra,
        client::{Eip3009SigningParams, sign_erc3009_authorization},
    },
    v2_eip155_exact::client::V2Eip155ExactClient,
};
use x402_types::{
    proto::PaymentRequired,
    scheme::client::{FirstMatch, PaymentSelector, X402SchemeClient},
    util::Base64Bytes,
};

use super::{
    shop::{Answer, Shop, json as json_of},
    x402::{ceiling, client, venue},
};

const ENABLED: &str = "[exact]\nenabled = true";
/// What the buyer has, outside of the wallet.
const PURSE: u128 = 10_000;

/// A server's facilitator of the scheme, with a key that has ether.
pub(crate) fn facilitator(world: &World, settings: &Settings) -> ExactFacilitator {
    let key = PrivateKeySigner::random();
    let ether = U256::from(10).pow(U256::from(18));
    world.chain.set_balance(key.address(), ether).unwrap();
    let tokens = [world.token()].into();
    let config = settings.exact_config(world.id().chain_id, tokens);
    ExactFacilitator::new(world.chain.provider().erased(), key, config)
}

/// A buyer with tokens, and no account.
async fn buyer(shop: &Shop) -> PrivateKeySigner {
    let key = PrivateKeySigner::random();
    let mint = mint_test_tokens(
        shop.world.token(),
        key.address(),
        aep2_chain::wallet::units::BaseUnits::new(PURSE),
    );
    shop.world.send(&shop.payer.key, &mint).await;
    key
}

fn terms(shop: &Shop, amount: u128) -> Value {
    json!({
        "scheme": "exact",
        "network": format!("eip155:{}", shop.world.id().chain_id),
        "amount": amount.to_string(),
        "asset": shop.world.token().to_checksum(None),
        "payTo": payee_address(1).to_checksum(None),
        "maxTimeoutSeconds": 60,
        "extra": {"name": "Test USD", "version": "2"},
    })
}

/// A request of a payee's, with a payment that is good for so long.
async fn request(shop: &Shop, key: &PrivateKeySigner, terms: &Value, good_s: u64) -> Value {
    let params = Eip3009SigningParams {
        chain_id: shop.world.id().chain_id.get(),
        asset_address: shop.world.token(),
        pay_to: terms["payTo"].as_str().unwrap().parse().unwrap(),
        amount: terms["amount"].as_str().unwrap().parse().unwrap(),
        max_timeout_seconds: good_s,
        extra: Some(PaymentRequirementsExtra { name: "Test USD".into(), version: "2".into() }),
    };
    let payload = sign_erc3009_authorization(key, &params).await.unwrap();
    json!({
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, "accepted": terms, "payload": json_of(&payload)},
        "paymentRequirements": terms,
    })
}

/// What both calls say: the same reason, and nothing moved.
async fn refused(shop: &Shop, sent: &Value) -> String {
    let verified = shop.post("/verify", sent).await;
    let settled = shop.post("/settle", sent).await;
    assert_eq!(verified.body["isValid"], false, "{verified:?}");
    assert_eq!(
        (&settled.body["success"], &settled.body["transaction"]),
        (&json!(false), &json!(""))
    );
    assert_eq!(settled.body["errorReason"], verified.body["invalidReason"]);
    settled.body["errorReason"].as_str().unwrap().to_owned()
}

async fn automine(shop: &Shop, on: bool) {
    let chain = shop.world.chain.provider();
    let () = chain.client().request("evm_setAutomine", (on,)).await.unwrap_or_default();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_settled_once_and_the_payee_has_the_tokens() {
    let shop = Shop::with(ENABLED, |_| {}).await;
    let key = buyer(&shop).await;
    let supported = shop.get("/supported").await.body;
    let kinds: Vec<_> = (0..2).map(|kind| supported["kinds"][kind]["scheme"].clone()).collect();
    assert_eq!(kinds, ["aep2", "exact"]);
    assert_eq!(
        supported["signers"].as_object().unwrap().values().next().unwrap().as_array().map(Vec::len),
        Some(2)
    );

    let sent = request(&shop, &key, &terms(&shop, 700), 60).await;
    let payer = key.address().to_checksum(None);
    let verified = shop.post("/verify", &sent).await;
    assert_eq!(verified.body, json!({"isValid": true, "payer": payer}));
    assert_eq!(shop.world.holds(payee_address(1)).await, 0);

    let settled = shop.post("/settle", &sent).await;
    let transaction = settled.body["transaction"].as_str().unwrap();
    assert_eq!(
        settled.body,
        json!({
            "success": true, "payer": payer, "transaction": transaction,
            "network": sent["paymentRequirements"]["network"],
        })
    );
    let receipt = shop.world.chain.provider().get_transaction_receipt(transaction.parse().unwrap());
    assert!(receipt.await.unwrap().is_some_and(|receipt| receipt.status()));
    assert_eq!(shop.world.holds(payee_address(1)).await, 700);
    assert_eq!(shop.world.holds(key.address()).await, PURSE - 700);

    // A success is leave to serve for payees that remember nothing.
    assert_eq!(refused(&shop, &sent).await, "invalid_transaction_state");
    assert_eq!(shop.world.holds(payee_address(1)).await, 700);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pay_the_terms_moves_nothing() {
    let shop = Shop::with(ENABLED, |_| {}).await;
    let key = buyer(&shop).await;
    let good = terms(&shop, 700);
    let paid = request(&shop, &key, &good, 60).await;
    let otherwise = |path: &str, value: Value| {
        let mut request = paid.clone();
        *request.pointer_mut(path).unwrap() = value;
        request
    };
    let asked_for = |field: &str, value: Value| {
        let mut request = paid.clone();
        for terms in ["/paymentRequirements", "/paymentPayload/accepted"] {
            request.pointer_mut(terms).unwrap()[field] = value.clone();
        }
        request
    };
    let elsewhere = json!(Address::repeat_byte(9).to_checksum(None));
    let mut wrapped = paid["paymentPayload"]["payload"]["signature"].as_str().unwrap().to_owned();
    wrapped.push_str(&"6492".repeat(16));
    let signed = "/paymentPayload/payload/authorization";

    for (sent, reason) in [
        (asked_for("amount", json!("701")), "invalid_exact_evm_payload_authorization_value"),
        // More than is asked is not exact either.
        (asked_for("amount", json!("699")), "invalid_exact_evm_payload_authorization_value"),
        (asked_for("payTo", elsewhere.clone()), "invalid_exact_evm_payload_recipient_mismatch"),
        (asked_for("asset", elsewhere.clone()), "invalid_payment_requirements"),
        (asked_for("network", json!("eip155:1")), "invalid_network"),
        (otherwise("/paymentRequirements/amount", json!("1")), "invalid_payment_requirements"),
        (otherwise(&format!("{signed}/validAfter"), json!("1")), "invalid_transaction_state"),
        (
            request(&shop, &key, &good, 0).await,
            "invalid_exact_evm_payload_authorization_valid_before",
        ),
        (request(&shop, &key, &terms(&shop, PURSE + 1), 60).await, "insufficient_funds"),
        (
            otherwise("/paymentPayload/payload/signature", json!(wrapped)),
            "invalid_exact_evm_payload_signature",
        ),
        (otherwise(signed, json!({})), "invalid_payload"),
    ] {
        assert_eq!(refused(&shop, &sent).await, reason, "{sent:#}");
    }
    let text = paid.to_string();
    let twice = text.replacen("\"value\":", "\"value\":\"1\",\"value\":", 1);
    assert_ne!(twice, text);
    let unread = shop.post("/settle", &twice).await;
    assert_eq!(
        (unread.status.as_u16(), &unread.body["errorReason"]),
        (400, &json!("invalid_payload"))
    );
    assert_eq!(shop.world.holds(payee_address(1)).await, 0);
    shop.close().await;

    // Nothing of it where the operator has not asked for it.
    let shop = Shop::open().await;
    assert_eq!(refused(&shop, &paid).await, "invalid_payload");
    assert_eq!(shop.get("/supported").await.body["kinds"].as_array().map(Vec::len), Some(1));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gas_that_costs_too_much_is_not_paid_for() {
    let shop = Shop::with("[exact]\nenabled = true\ngas_max = 50000", |_| {}).await;
    let key = buyer(&shop).await;
    let sent = request(&shop, &key, &terms(&shop, 700), 60).await;
    let settled = shop.post("/settle", &sent).await;
    assert_eq!((settled.status.as_u16(), &settled.body["success"]), (503, &json!(false)));
    assert_eq!(shop.world.holds(payee_address(1)).await, 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_comes_late_hangs_no_request_and_its_success_is_told_once() {
    let settings = format!("{ENABLED}\n[limits]\nanswer_within_s = 2");
    let shop = Shop::with(&settings, |_| {}).await;
    let key = buyer(&shop).await;
    let sent = request(&shop, &key, &terms(&shop, 700), 300).await;
    automine(&shop, false).await;
    let late = shop.post("/settle", &sent).await;
    assert_eq!(late.status.as_u16(), 503, "{late:?}");
    // Written otherwise it is no other authorization: it is not sent again, nor told what became of it.
    let mut otherwise = sent.clone();
    for terms in ["/paymentRequirements", "/paymentPayload/accepted"] {
        otherwise.pointer_mut(terms).unwrap()["extra"]["name"] = json!("Another");
    }
    let otherwise = shop.post("/settle", &otherwise).await;
    assert_eq!(otherwise.body["errorReason"], "settlement_in_progress");
    shop.world.chain.mine().unwrap();
    automine(&shop, true).await;

    let told =
        |answers: &[Answer]| answers.iter().filter(|answer| answer.body["success"] == true).count();
    let again = async || shop.post("/settle", &sent).await;
    let answers = [again().await, again().await, again().await];
    assert_eq!(told(&answers), 1, "{answers:?}");
    assert_eq!(shop.world.holds(payee_address(1)).await, 700);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_have_a_transaction_each() {
    let shop = Shop::with(ENABLED, |_| {}).await;
    let key = buyer(&shop).await;
    let sales = (0..8).map(async |_| {
        let sent = request(&shop, &key, &terms(&shop, 10), 60).await;
        shop.post("/settle", &sent).await
    });
    for settled in futures::future::join_all(sales).await {
        assert_eq!(settled.body["success"], true, "{settled:?}");
    }
    assert_eq!(shop.world.holds(payee_address(1)).await, 80);
    shop.close().await;
}

/// A payee that takes both.
async fn sells(shop: &Shop) -> (Url, Payee) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let base: Url = format!("http://{}/", shop.address).parse().unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let mut config =
        PayeeConfig::new(url.clone(), venue(shop), shop.world.token(), payee_address(1));
    config.settle_within_s = shop.get("/").await.body["settleWithinS"].as_u64().unwrap();
    let exact = Offer::new(http.clone(), base.clone(), "Test USD", "2");
    let retry = RetryPolicy { timeout: Duration::from_secs(20), ..RetryPolicy::default() };
    let processor: Arc<dyn ProcessorClient> = Arc::new(NativeClient::new(http, base, retry));
    let seller = Payee::new(config, processor, Some(aep2_tests::payers::payee(1))).unwrap();
    let says = |mandate: Option<Extension<Paid>>, exact: Option<Extension<ExactPaid>>| async move {
        match (mandate, exact) {
            (Some(_), None) => "by mandate".to_owned(),
            (None, Some(Extension(paid))) => format!("{} by {}", paid.amount, paid.payer),
            other => panic!("{other:?}"),
        }
    };
    let fails = || async { StatusCode::INTERNAL_SERVER_ERROR };
    let charge = |quote: Quote| seller.charge(quote).and(exact.clone());
    let router = Router::new()
        .route("/both", get(says).layer(charge(Quote::fixed(ceiling(100)))))
        .route("/other", get(says).layer(charge(Quote::fixed(ceiling(100)))))
        .route("/fails", get(fails).layer(charge(Quote::fixed(ceiling(70)))))
        .route("/metered", get(says).layer(charge(Quote::metered(ceiling(500)))));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seller)
}

/// What x402-rs's own client pays with for an answer 402, if it can.
async fn stock_payment(key: &PrivateKeySigner, asked: &Response) -> Option<String> {
    let header = Base64Bytes::from(asked.headers()[&PAYMENT_REQUIRED].as_bytes());
    let required = serde_json::from_slice(&header.decode().unwrap()).unwrap();
    let required = PaymentRequired::V2(required);
    let candidates = V2Eip155ExactClient::new(key.clone()).accept(&required);
    Some(FirstMatch.select(&candidates)?.sign().await.unwrap())
}

fn said(response: &Response) -> Value {
    let header = Base64Bytes::from(response.headers()[&PAYMENT_RESPONSE].as_bytes());
    serde_json::from_slice(&header.decode().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_offers_both_is_paid_by_both() {
    let shop = Shop::with(ENABLED, |config| {
        config.windows.age_s_max = 1;
        config.windows.capture_within_s = 1;
    })
    .await;
    let key = buyer(&shop).await;
    let (url, _seller) = sells(&shop).await;
    let at = |path: &str| url.join(path).unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let pays = async |path: &str, payment: &str| {
        http.get(at(path)).header(PAYMENT_SIGNATURE, payment).send().await.unwrap()
    };

    // One answer 402, both ways: in the header, and in the body for x402's first version.
    let asked = http.get(at("both")).send().await.unwrap();
    assert_eq!(asked.status(), 402);
    let payment = stock_payment(&key, &asked).await.unwrap();
    let body: Value = asked.json().await.unwrap();
    let schemes = (&body["accepts"][0]["scheme"], &body["accepts"][1]["scheme"]);
    assert_eq!(schemes, (&json!("aep2"), &json!("exact")));

    let bought = pays("both", &payment).await;
    let settlement = said(&bought);
    assert_eq!((bought.status().as_u16(), &settlement["success"]), (200, &json!(true)));
    assert_eq!(settlement["transaction"].as_str().map(str::len), Some(66));
    assert_eq!(bought.text().await.unwrap(), format!("100 by {}", key.address()));
    assert_eq!(shop.world.holds(payee_address(1)).await, 100);

    // The same again: the same answer, and no second transfer. For something else: nothing.
    let again = pays("both", &payment).await;
    assert_eq!((again.status().as_u16(), said(&again)), (200, settlement));
    let other = pays("other", &payment).await;
    assert_eq!(other.status(), 402);
    assert_eq!(said(&other)["errorReason"], "already_used");
    assert_eq!(shop.world.holds(payee_address(1)).await, 100);

    // Terms of one thing do not buy another; a payment that does not hold serves nothing.
    let cheap = stock_payment(&key, &http.get(at("fails")).send().await.unwrap()).await.unwrap();
    assert_eq!(said(&pays("both", &cheap).await)["errorReason"], "terms_mismatch");
    let poor = PrivateKeySigner::random();
    let asked = http.get(at("both")).send().await.unwrap();
    let unfunded = stock_payment(&poor, &asked).await.unwrap();
    let refused = pays("both", &unfunded).await;
    assert_eq!(
        (refused.status().as_u16(), &said(&refused)["errorReason"]),
        (402, &json!("insufficient_funds"))
    );

    // A call that fails has been paid for, and is not made again.
    let failed = pays("fails", &cheap).await;
    assert_eq!((failed.status().as_u16(), &said(&failed)["success"]), (500, &json!(true)));
    assert_eq!(shop.world.holds(payee_address(1)).await, 170);

    // x402's first version, whose payments name scheme and network.
    let asked = http.get(at("both")).send().await.unwrap();
    let payment = stock_payment(&key, &asked).await.unwrap();
    let payment = Base64Bytes::from(payment.as_bytes()).decode().unwrap();
    let payment: Value = serde_json::from_slice(&payment).unwrap();
    let first = json!({
        "x402Version": 1, "scheme": "exact", "network": payment["accepted"]["network"],
        "payload": payment["payload"],
    });
    let first = Base64Bytes::encode(first.to_string()).to_string();
    let bought = http.get(at("both")).header(X_PAYMENT, first).send().await.unwrap();
    assert_eq!(bought.status(), 200);
    assert_eq!(shop.world.holds(payee_address(1)).await, 270);

    // Metered prices are not exact.
    let metered = http.get(at("metered")).send().await.unwrap();
    assert!(stock_payment(&key, &metered).await.is_none());

    // And by mandate, settled later.
    let directory = tempfile::tempdir().unwrap();
    let agent = client(&shop, directory.path());
    let bought = agent.execute(Request::new(Method::GET, at("both"))).await.unwrap();
    assert!(bought.payment.is_some_and(|payment| payment.receipt.is_ok()));
    eventually("the mandate is settled", async || shop.world.holds(payee_address(1)).await == 370)
        .await;
    assert_eq!(shop.world.holds(key.address()).await, PURSE - 270);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_whose_facilitator_answers_late_serves_what_was_paid() {
    let settings = format!("{ENABLED}\n[limits]\nanswer_within_s = 1");
    let shop = Shop::with(&settings, |_| {}).await;
    let key = buyer(&shop).await;
    let (url, _seller) = sells(&shop).await;
    let http = Client::builder().no_proxy().build().unwrap();
    let asked = http.get(url.join("both").unwrap()).send().await.unwrap();
    let payment = stock_payment(&key, &asked).await.unwrap();
    let pays = async || {
        let request = http.get(url.join("both").unwrap()).header(PAYMENT_SIGNATURE, &payment);
        request.send().await.unwrap()
    };
    automine(&shop, false).await;
    assert_eq!(pays().await.status(), 503);
    shop.world.chain.mine().unwrap();
    automine(&shop, true).await;
    assert_eq!(pays().await.status(), 200);
    assert_eq!(shop.world.holds(payee_address(1)).await, 100);
    shop.close().await;
}
