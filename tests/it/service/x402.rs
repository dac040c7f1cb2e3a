//! Payers and payees over x402, against the server itself.

use std::{path::Path, sync::Arc, time::Duration};

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::receipt::SignedReceipt,
    units::{Amount, Ceiling},
};
use aep2_payee::{Paid, Payee, PayeeConfig, Quote};
use aep2_payer::{
    PayError, Payer, PayerConfig, PayingClient,
    limits::{Allowance, Limits},
};
use aep2_processor_client::{FacilitatorClient, NativeClient, ProcessorClient, RetryPolicy};
use aep2_tests::payers::{payee, payee_address};
use aep2_x402::purchase::Venue;
use alloy::{
    primitives::Address,
    transports::http::reqwest::{Client, Method, Request, Url},
};
use axum::{Extension, Router, routing::get};
use serde_json::{Value, json};

use super::shop::{FUNDS, Shop, json as json_of};

fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

pub(crate) fn ceiling(units: u128) -> Ceiling {
    Ceiling::new(units).unwrap()
}

/// A payee's terms that fit a mandate.
async fn terms(shop: &Shop, mandate: &SignedMandate) -> Value {
    let identity = shop.get("/").await.body;
    json!({
        "scheme": "aep2",
        "network": format!("eip155:{}", identity["chainId"]),
        "amount": mandate.mandate.amount,
        "asset": mandate.mandate.token,
        "payTo": mandate.mandate.payee,
        "maxTimeoutSeconds": 60,
        "extra": {
            "wallet": identity["wallet"],
            "processor": identity["processor"],
            "settleWithinSeconds": identity["settleWithinS"],
            "name": "AEP2DebitWallet",
            "version": "1",
            "capture": "full",
        },
    })
}

fn request(mandate: &SignedMandate, terms: &Value) -> Value {
    json!({
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2, "accepted": terms, "payload": json_of(mandate),
            "resource": {"url": "https://api.example.com/data"},
        },
        "paymentRequirements": terms,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_promises_nothing_and_settling_is_keyed_on_the_mandate() {
    let shop = Shop::open().await;
    let mandate = shop.mandate(1_000, 0);
    let terms = terms(&shop, &mandate).await;
    let owner = shop.payer.address().to_checksum(None);

    let kinds = shop.get("/supported").await.body;
    assert_eq!(kinds["kinds"][0]["network"], terms["network"]);
    assert_eq!(kinds["kinds"][0]["scheme"], "aep2");
    for field in ["wallet", "processor", "settleWithinSeconds", "name", "version"] {
        assert_eq!(kinds["kinds"][0]["extra"][field], terms["extra"][field], "{field}");
    }
    assert_eq!(
        kinds["signers"][terms["network"].as_str().unwrap()][0],
        terms["extra"]["processor"]
    );

    let sent = request(&mandate, &terms);
    let verified = shop.post("/verify", &sent).await;
    assert_eq!(verified.body, json!({"isValid": true, "payer": owner}));
    let unknown = shop.get(&format!("/v1/mandates/{}", shop.id_of(&mandate))).await;
    assert_eq!(unknown.code(), "unknown_mandate");

    let settled = shop.post("/settle", &sent).await;
    assert_eq!(settled.status, 200, "{settled:?}");
    let SignedReceipt { message: receipt, .. } =
        serde_json::from_value(settled.body["extra"]["receipt"].clone()).unwrap();
    assert_eq!(receipt.mandate_id, shop.world.id_of(&mandate));
    let mut expected = json!({
        "success": true, "payer": owner, "transaction": "", "network": terms["network"],
    });
    expected["extra"] = settled.body["extra"].clone();
    assert_eq!(settled.body, expected);

    // The same mandate in another envelope, and by the native interface.
    let mut otherwise = sent;
    otherwise["paymentPayload"]["resource"]["url"] = json!("https://elsewhere.example/");
    assert_eq!(shop.post("/settle", &otherwise).await.body, settled.body);
    let native = shop.pay(&mandate).await;
    assert_eq!(
        (native.status.as_u16(), &native.body["receipt"]),
        (200, &settled.body["extra"]["receipt"])
    );
    let account = shop.get(&format!("/v1/accounts/{}", shop.payer.account)).await;
    assert_eq!(account.body["purses"][0]["reserved"], "1000");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_shape_and_reasons_of_both_calls() {
    let shop = Shop::open().await;
    let good = shop.mandate(1_000, 0);
    let good_terms = terms(&shop, &good).await;
    let overspent = shop.mandate(FUNDS + 1, 1);
    let mut forged = good.clone();
    forged.signature = shop.mandate(999, 0).signature;
    let mut elsewhere = good_terms.clone();
    elsewhere["network"] = json!("eip155:1");
    let mut cheaper = good_terms.clone();
    cheaper["amount"] = json!("999");
    let mut unread = request(&good, &good_terms);
    unread["paymentPayload"]["payload"]["mandate"]["amount"] = json!(1_000);

    for (sent, status, reason) in [
        (request(&overspent, &terms(&shop, &overspent).await), 200, "insufficient_funds"),
        (request(&forged, &good_terms), 200, "bad_signature"),
        (request(&good, &elsewhere), 200, "invalid_network"),
        (request(&good, &cheaper), 200, "invalid_payment_requirements"),
        (unread, 400, "invalid_payload"),
        (json!({}), 400, "invalid_payload"),
    ] {
        let verified = shop.post("/verify", &sent).await;
        assert_eq!((verified.status.as_u16(), &verified.body["isValid"]), (status, &json!(false)));
        assert_eq!(verified.body["invalidReason"], reason);
        let settled = shop.post("/settle", &sent).await;
        assert_eq!((settled.status.as_u16(), &settled.body["success"]), (status, &json!(false)));
        assert_eq!(settled.body["errorReason"], reason);
        assert_eq!(settled.body["transaction"], "");
        assert!(settled.body["errorMessage"].as_str().is_some_and(|words| words.len() > 10));
    }
    let account = shop.get(&format!("/v1/accounts/{}", shop.payer.account)).await;
    assert_eq!(account.body["purses"][0]["reserved"], "0");
    shop.close().await;
}

/// Where a shop's processor settles.
pub(crate) fn venue(shop: &Shop) -> Venue {
    let wallet = shop.world.id();
    Venue {
        chain: wallet.chain_id,
        wallet: wallet.address,
        processor: shop.world.processor.address(),
    }
}

pub(crate) fn client(shop: &Shop, directory: &Path) -> PayingClient {
    let token: Address = shop.world.token();
    let limits = Limits {
        tokens: [(token, Allowance::at_most(amount(10 * FUNDS)))].into(),
        ..Limits::default()
    };
    let account = shop.payer.account;
    let config = PayerConfig::new(account, venue(shop), limits, directory.to_owned());
    PayingClient::new(Payer::open(config, shop.payer.secret()).unwrap()).unwrap()
}

/// A payee that sells three things.
async fn sells(shop: &Shop, processor: Arc<dyn ProcessorClient>) -> (Url, Payee) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let within = shop.get("/").await.body["settleWithinS"].as_u64().unwrap();
    let mut config =
        PayeeConfig::new(url.clone(), venue(shop), shop.world.token(), payee_address(1));
    config.settle_within_s = within;
    let seller = Payee::new(config, processor, Some(payee(1))).unwrap();
    let metered = |Extension(paid): Extension<Paid>| async move {
        paid.charge(amount(30)).unwrap();
        "thirty units' worth"
    };
    let fails = || async { axum::http::StatusCode::INTERNAL_SERVER_ERROR };
    let router = Router::new()
        .route("/fixed", get(|| async { "ok" }).layer(seller.charge(Quote::fixed(ceiling(100)))))
        .route("/metered", get(metered).layer(seller.charge(Quote::metered(ceiling(500)))))
        .route("/fails", get(fails).layer(seller.charge(Quote::fixed(ceiling(70)))))
        .route("/dear", get(|| async { "ok" }).layer(seller.charge(Quote::fixed(ceiling(FUNDS)))));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seller)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_buys_from_a_payee_and_the_ledger_says_what_both_were_told() {
    let shop = Shop::open().await;
    let base: Url = format!("http://{}/", shop.address).parse().unwrap();
    let retry = RetryPolicy { timeout: Duration::from_secs(20), ..RetryPolicy::default() };
    let http = Client::builder().no_proxy().build().unwrap();
    let ways: [Arc<dyn ProcessorClient>; 2] = [
        Arc::new(NativeClient::new(http.clone(), base.clone(), retry)),
        Arc::new(FacilitatorClient::new(http, base, retry)),
    ];
    let directory = tempfile::tempdir().unwrap();
    let client = client(&shop, directory.path());
    for way in ways {
        let (url, _seller) = sells(&shop, way).await;
        for (path, captured, due) in
            [("fixed", None, "100"), ("metered", Some(30), "30"), ("fails", Some(0), "0")]
        {
            let request = || Request::new(Method::GET, url.join(path).unwrap());
            let known = client.terms(request()).await.unwrap().unwrap();
            let ordered = client.execute(request()).await.unwrap().payment.unwrap();
            let intended = client.execute_with(request(), &known).await.unwrap().payment.unwrap();
            for payment in [ordered, intended] {
                assert!(payment.receipt.is_ok(), "{path}: {payment:?}");
                assert_eq!(payment.captured, captured.map(amount), "{path}");
                let shown = shop.get(&format!("/v1/mandates/{}", payment.id)).await;
                assert_eq!(shown.body["due"], due, "{path}");
            }
        }
        match client.get(url.join("dear").unwrap()).await {
            Err(PayError::Refused { status: 402, reason, .. }) => {
                assert_eq!(reason, "insufficient_funds");
            }
            other => panic!("{other:?}"),
        }
    }
    let account = shop.get(&format!("/v1/accounts/{}", shop.payer.account)).await;
    assert_eq!(account.body["purses"][0]["reserved"], (4 * (100 + 30)).to_string());
    shop.close().await;
}
