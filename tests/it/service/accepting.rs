//! Mandates and captures over HTTP.

use aep2_mandate::typed_data::{self, capture::SignedCaptureReceipt, receipt::SignedReceipt};
use aep2_tests::payers::{capture, payee};
use serde_json::json;

use super::shop::{Shop, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_sent_again_gets_its_first_receipt_and_charges_nothing_more() {
    let shop = Shop::open().await;
    let mandate = shop.mandate(1_000, 0);
    let first = shop.pay(&mandate).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.body["mandateId"], shop.id_of(&mandate));
    assert!(first.headers.contains_key("x-request-id"));
    let receipt: SignedReceipt = serde_json::from_value(first.body["receipt"].clone()).unwrap();
    let wallet = shop.world.id();
    let domain = typed_data::domain(wallet.chain_id, wallet.address);
    receipt.verify(&domain, shop.world.processor.address()).unwrap();

    let again = shop.pay(&mandate).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.body, first.body);
    assert_ne!(again.headers["x-request-id"], first.headers["x-request-id"]);

    let account = shop.get(&format!("/v1/accounts/{}", shop.payer.account)).await;
    assert_eq!(account.body["purses"][0]["reserved"], "1000");
    let shown = shop.get(&format!("/v1/mandates/{}", shop.id_of(&mandate))).await;
    assert_eq!(shown.body["status"], "queued");
    assert_eq!(shown.body["receipt"], first.body["receipt"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mandate_of_many_is_answered_in_its_place() {
    let shop = Shop::open().await;
    let before = shop.mandate(10, 7);
    assert_eq!(shop.pay(&before).await.status, 201);
    let mut forged = json(&shop.mandate(10, 3));
    forged["signature"] = json(&shop.mandate(11, 3))["signature"].clone();
    let sent = json!({ "mandates": [
        json(&shop.mandate(10, 0)),
        { "mandate": {} },
        forged,
        json(&before),
        json(&shop.mandate(12, 7)),
        json(&shop.mandate(10, 1)),
    ]});
    let answer = shop.post("/v1/mandates/batch", &sent).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answers = answer.body["answers"].as_array().unwrap();
    let told: Vec<_> = answers
        .iter()
        .map(|one| (one["status"].as_u64().unwrap(), one["error"]["code"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            (201, ""),
            (400, "malformed"),
            (422, "bad_signature"),
            (200, ""),
            (409, "nonce_conflict"),
            (201, ""),
        ]
    );
    assert_eq!(answers[0]["mandateId"], shop.id_of(&shop.mandate(10, 0)));
    assert_eq!(answers[3]["mandateId"], shop.id_of(&before));
    assert!(answers[5]["receipt"]["signature"].is_string());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_captures_once_and_only_its_own() {
    let shop = Shop::open().await;
    let mandate = shop.mandate(1_000, 0);
    assert_eq!(shop.pay(&mandate).await.status, 201);
    let id = shop.world.id_of(&mandate).to_bytes();
    let path = format!("/v1/mandates/{id}/capture");
    let signed = |amount, key| json(&capture(shop.world.id(), id, amount, &key));

    for (body, status, code) in [
        (signed(900, payee(2)), 422, "bad_signature"),
        (signed(1_001, payee(1)), 422, "above_ceiling"),
        (json!({}), 400, "malformed"),
        (json!({ "capture": {}, "signature": "0x" }), 400, "malformed"),
    ] {
        let refused = shop.post(&path, body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code));
    }
    let taken = shop.post(&path, signed(900, payee(1))).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let receipt: SignedCaptureReceipt =
        serde_json::from_value(taken.body["receipt"].clone()).unwrap();
    assert_eq!(receipt.message.amount.get(), 900);
    assert_eq!(shop.post(&path, signed(900, payee(1))).await.body, taken.body);
    let other = shop.post(&path, signed(800, payee(1))).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "capture_conflict"));

    // For another mandate than the address names.
    let elsewhere = format!("/v1/mandates/{}/capture", shop.id_of(&shop.mandate(5, 5)));
    let mixed = shop.post(&elsewhere, signed(900, payee(1))).await;
    assert_eq!(mixed.code(), "malformed");
    assert!(mixed.message().contains("capture.mandateId"), "{mixed:?}");
    let unknown = alloy::primitives::B256::repeat_byte(1);
    let body = json(&capture(shop.world.id(), unknown, 1, &payee(1)));
    let unknown = shop.post(&format!("/v1/mandates/{unknown}/capture"), body).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "unknown_mandate"));

    let shown = shop.get(&format!("/v1/mandates/{id}")).await;
    assert_eq!(shown.body["due"], "900");
    assert_eq!(shown.body["capture"]["amount"], "900");
    shop.close().await;
}
