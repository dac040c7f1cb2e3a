//! Every refusal has its code, its status, and words; in one envelope.

use aep2_mandate::units::AccountId;
use aep2_tests::payers::Payment;
use alloy::{primitives::Address, transports::http::reqwest::Method};
use serde_json::{Value, json};

use super::shop::{FUNDS, Shop, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_a_mandate_has_its_code_and_status() {
    let shop = Shop::with("", |config| {
        config.acceptance.tokens[0].1 = aep2_mandate::units::Ceiling::new(10).unwrap();
    })
    .await;
    let (world, payer) = (&shop.world, &shop.payer);
    let sign = |payment| json(&payer.sign(world.id(), payment));
    let good = world.payment(100, 0);
    assert_eq!(shop.post("/v1/mandates", sign(good)).await.status, 201);

    let stranger = world.payer_unopened(3, AccountId::new(9_999).unwrap());
    let other_key = world.payer_unopened(4, payer.account);
    let mut forged = sign(Payment { nonce: 1, ..good });
    forged["signature"] = sign(good)["signature"].clone();
    let payment = |nonce| Payment { nonce, ..good };
    let cases: Vec<(Value, u16, &str)> = vec![
        (sign(Payment { token: Address::repeat_byte(9), ..payment(1) }), 422, "unsupported_token"),
        (sign(Payment { payee: good.token, ..payment(1) }), 422, "lost_payee"),
        (sign(Payment { amount: 9, ..payment(1) }), 422, "amount_too_small"),
        (sign(Payment { deadline: world.clock.now(), ..payment(1) }), 422, "deadline_too_near"),
        (
            sign(Payment {
                deadline: aep2_mandate::units::UnixTime::new(1).unwrap(),
                ..payment(1)
            }),
            422,
            "expired",
        ),
        (sign(Payment { deadline: world.later(60), ..payment(1) }), 422, "deadline_too_near"),
        (json(&world.mandate(&stranger, 100, 1)), 422, "unknown_account"),
        (json(&world.mandate(&other_key, 100, 1)), 422, "unknown_key"),
        (forged, 422, "bad_signature"),
        (sign(Payment { amount: 101, ..good }), 409, "nonce_conflict"),
        (sign(Payment { amount: FUNDS, ..payment(1) }), 402, "insufficient_funds"),
    ];
    for (body, status, code) in cases {
        let refused = shop.post("/v1/mandates", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{body}");
        assert!(refused.message().len() > 10, "{refused:?}");
        // Nothing but the envelope.
        assert_eq!(refused.body.as_object().map(|body| body.len()), Some(1));
        assert_eq!(refused.body["error"].as_object().map(|error| error.len()), Some(2));
    }
    let account = shop.get(&format!("/v1/accounts/{}", payer.account)).await;
    assert_eq!(account.body["purses"][0]["reserved"], "100", "a refusal reserved something");

    shop.processor.shutdown().await;
    let refused = shop.post("/v1/mandates", sign(payment(1))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "not_ready"));
    assert!(refused.headers.contains_key("retry-after"));
    let ready = shop.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(!ready.body["obstacles"].as_array().unwrap().is_empty(), "{ready:?}");
    assert_eq!(shop.get("/healthz").await.status, 200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exactly_a_mandate_is_malformed_and_the_field_is_named() {
    let shop = Shop::open().await;
    let good = json(&shop.mandate(100, 0)).to_string();
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        good.replacen(from, to, 1)
    };
    for (body, words) in [
        (String::new(), "JSON"),
        ("null".to_owned(), "expected an object"),
        ("[]".to_owned(), "expected an object"),
        (good[..good.len() - 1].to_owned(), "JSON"),
        (format!("{good} {good}"), "JSON"),
        ("[".repeat(2_000), "JSON"),
        (change("\"nonce\":\"0\"", "\"nonce\":\"0\",\"nonce\":\"0\""), "mandate.nonce: repeated"),
        (change("\"nonce\":\"0\"", "\"nonce\":\"00\""), "mandate.nonce"),
        (change("\"nonce\":\"0\"", "\"nonce\":0"), "mandate.nonce"),
        (change("\"nonce\":\"0\"", "\"nonce\":\"18446744073709551616\""), "mandate.nonce"),
        (change("\"amount\":\"100\"", "\"amount\":\"0\""), "mandate.amount"),
        (change("\"amount\":\"100\"", "\"amount\":\"1e2\""), "mandate.amount"),
        (
            change("\"amount\":\"100\"", "\"amount\":\"79228162514264337593543950336\""),
            "mandate.amount",
        ),
        (change("\"key\":", "\"extra\":1,\"key\":"), "extra: unknown field"),
        (change("\"prev\":", "\"Prev\":"), "Prev: unknown field"),
    ] {
        let refused = shop.post("/v1/mandates", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "malformed"), "{body}");
        assert!(refused.message().contains(words), "{body}: {}", refused.message());
    }
    // After all of that it still serves.
    assert_eq!(shop.post("/v1/mandates", &good).await.status, 201);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_there_are_not_have_the_same_envelope() {
    let shop = Shop::open().await;
    for path in ["/v2/mandates", "/v1/mandates/", "/v1", "/v1/batches/1/x", "/%00", "//"] {
        let refused = shop.get(path).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (404, "not_found"), "{path}");
    }
    let id = format!("0x{:064x}", 1);
    for (path, code) in [
        (format!("/v1/mandates/{id}"), "unknown_mandate"),
        (format!("/v1/mandates/{id}/proof"), "unknown_mandate"),
        (format!("/v1/mandates/0x{}/proof", "f".repeat(64)), "unknown_mandate"),
        ("/v1/accounts/4000000000".to_owned(), "not_found"),
        ("/v1/batches/18446744073709551615".to_owned(), "not_found"),
    ] {
        let refused = shop.get(&path).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (404, code), "{path}");
    }
    for path in [
        "/v1/mandates/1",
        "/v1/mandates/0x01/proof",
        "/v1/accounts/0",
        "/v1/accounts/4294967296",
        "/v1/accounts/x",
        "/v1/batches/-1",
        "/v1/batches/01",
        "/v1/batches?limit=0",
        "/v1/batches?page=2",
    ] {
        let refused = shop.get(path).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "malformed"), "{path}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_exactly_the_methods_that_are_answered() {
    let shop = Shop::open().await;
    let document = shop.get("/openapi.json").await.body;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 10);
    for (path, methods) in paths {
        let methods = methods.as_object().unwrap();
        let path = path.replace("{id}", "x");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            if methods.contains_key(&method.as_str().to_lowercase()) {
                continue;
            }
            let refused = shop.send(shop.request(method.clone(), &path)).await;
            assert_eq!(refused.status, 405, "{method} {path}");
            // The published MVP's addresses answer in its words.
            let is_mvp = ["/enqueue", "/health"].contains(&path.as_str());
            let code = if is_mvp { &refused.body["error"] } else { &refused.body["error"]["code"] };
            let expected = if is_mvp { "INVALID_REQUEST" } else { "method_not_allowed" };
            assert_eq!(code, expected, "{method} {path}");
            let allowed = refused.headers["allow"].to_str().unwrap().to_owned();
            for documented in methods.keys() {
                assert!(allowed.contains(&documented.to_uppercase()), "{path}: {allowed}");
            }
        }
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_call_unless_told_otherwise() {
    let shop = Shop::open().await;
    let preflight = shop
        .request(Method::OPTIONS, "/v1/mandates")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let allowed = shop.send(preflight).await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.headers["access-control-allow-origin"], "*");
    assert!(allowed.headers["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    // Errors, too, or a page could not read them.
    let refused =
        shop.request(Method::GET, "/v1/accounts/0").header("origin", "https://shop.example");
    assert_eq!(shop.send(refused).await.headers["access-control-allow-origin"], "*");
    shop.close().await;

    let shop = Shop::with("[http]\nany_origin = false", |_| {}).await;
    let asked = shop.request(Method::GET, "/").header("origin", "https://shop.example");
    assert!(!shop.send(asked).await.headers.contains_key("access-control-allow-origin"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_is_read() {
    let shop = Shop::open().await;
    let body = json(&shop.mandate(100, 0)).to_string();
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let request = shop.request(Method::POST, "/v1/mandates").body(body.clone());
        let request = match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        };
        let refused = shop.send(request).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (415, "unsupported_media_type"));
    }
    assert_eq!(
        shop.post("/v1/mandates/batch", json!({ "mandates": [] })).await.code(),
        "malformed"
    );
    shop.close().await;
}
