//! Payees that lie, and headers that are none.

use std::sync::{Arc, Mutex};

use aep2_payee::Quote;
use aep2_payer::PayError;
use aep2_tests::stand_in::{Counter, World, ceiling, serve};
use aep2_x402::headers::{self, HEADER_BYTES_MAX, PAYMENT_REQUIRED, PAYMENT_SIGNATURE};
use axum::{Router, body::Body, extract::Request, middleware, response::Response, routing::get};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// What a shop asks for, honestly.
async fn honest_terms(world: &World) -> (aep2_tests::stand_in::Shop, Value) {
    let shop = world
        .payee(|payee| {
            let charge = payee.charge(Quote::fixed(ceiling(100)));
            Router::new().route("/", get(|| async { "ok" }).layer(charge))
        })
        .await;
    let answer = reqwest::get(shop.url.clone()).await.unwrap();
    let text = headers::text(answer.headers(), &PAYMENT_REQUIRED).unwrap().unwrap();
    (shop, serde_json::from_slice(&text).unwrap())
}

/// A server that answers 402 with these terms, the n-th request with the n-th (and then the last).
async fn asks(terms: Vec<Value>) -> (url::Url, Counter) {
    let requests = Counter::default();
    let count = requests.clone();
    let terms = Arc::new(Mutex::new(terms));
    let router = Router::new().fallback(move |request: Request| {
        let n = count.add();
        let terms = terms.clone();
        async move {
            let terms = terms.lock().unwrap();
            let mut said = terms[(n - 1).min(terms.len() - 1)].clone();
            let host = request.headers()[http::header::HOST].to_str().unwrap();
            if said["resource"]["url"] == "HERE" {
                said["resource"]["url"] = json!(format!("http://{host}{}", request.uri()));
            }
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
            response.headers_mut().insert(PAYMENT_REQUIRED, headers::write(&said).unwrap());
            response
        }
    });
    (serve(router).await, requests)
}

#[tokio::test]
async fn terms_for_another_place_or_request_are_not_signed() {
    let world = World::new().await;
    let (_, mut honest) = honest_terms(&world).await;
    honest["resource"]["url"] = json!("HERE");
    let stranger = "0x1111111111111111111111111111111111111111";
    let lies: [(&str, Value, &str); 7] = [
        ("/resource/url", json!("http://elsewhere.example/"), "a payment for"),
        ("/accepts/0/network", json!("eip155:1"), "chain"),
        ("/accepts/0/extra/wallet", json!(stranger), "wallet"),
        ("/accepts/0/extra/processor", json!(stranger), "processor"),
        ("/accepts/0/extra/method", json!("POST"), "method"),
        ("/accepts/0/extra/settleWithinSeconds", json!(1_000_000), "seconds to settle within"),
        ("/accepts/0/asset", json!(stranger), "token"),
    ];
    let client = world.client(1);
    for (pointer, lie, expected) in lies {
        let mut terms = honest.clone();
        *terms.pointer_mut(pointer).unwrap() = lie;
        let (url, requests) = asks(vec![terms]).await;
        match client.get(url).await {
            Err(PayError::Mismatch { field, .. }) => assert_eq!(field, expected),
            Err(PayError::Limit(error)) => {
                assert_eq!(expected, "token");
                assert!(error.to_string().contains("token"), "{error}");
            }
            other => panic!("{pointer}: {other:?}"),
        }
        assert_eq!(requests.get(), 1, "nothing was sent after the first answer");
    }
    client.payer().flush().await;
    let journal = aep2_payer::journal::read(&world.directory(1)).unwrap();
    assert_eq!(journal.len(), 1, "nothing was signed");
}

#[tokio::test]
async fn a_payee_that_changes_payee_price_or_token_after_the_first_answer_gets_no_second_mandate() {
    let world = World::new().await;
    let (_, mut honest) = honest_terms(&world).await;
    honest["resource"]["url"] = json!("HERE");
    for (pointer, lie, expected) in [
        ("/accepts/0/payTo", json!("0x1111111111111111111111111111111111111111"), "payee"),
        ("/accepts/0/amount", json!("101"), "price"),
        ("/accepts/0/asset", json!("0x2222222222222222222222222222222222222222"), "token"),
    ] {
        let mut changed = honest.clone();
        *changed.pointer_mut(pointer).unwrap() = lie;
        let (url, requests) = asks(vec![honest.clone(), changed]).await;
        match world.client(10).get(url).await {
            Err(PayError::TermsChanged { field, .. }) => assert_eq!(field, expected),
            other => panic!("{pointer}: {other:?}"),
        }
        assert_eq!(requests.get(), 2);
    }
    let journal = aep2_payer::journal::read(&world.directory(10)).unwrap();
    let signed = |record: &&aep2_payer::journal::Record| {
        matches!(record, aep2_payer::journal::Record::Signed { .. })
    };
    assert_eq!(journal.iter().filter(signed).count(), 3, "one for each request");
}

#[tokio::test]
async fn a_price_that_rose_since_is_refused_in_intent_mode() {
    let world = World::new().await;
    let price = Arc::new(Mutex::new(5u128));
    let now = price.clone();
    let shop = world
        .payee(|payee| {
            let quote =
                move |_: &http::request::Parts| Some(Quote::fixed(ceiling(*now.lock().unwrap())));
            Router::new().route("/", get(|| async { "ok" }).layer(payee.charge(quote)))
        })
        .await;
    let client = world.client(1);
    let ask = || reqwest::Request::new(http::Method::GET, shop.url.clone());
    let known = client.terms(ask()).await.unwrap().unwrap();
    *price.lock().unwrap() = 6;
    match client.execute_with(ask(), &known).await {
        Err(PayError::TermsChanged { field: "price", before, after }) => {
            assert_eq!((&*before, &*after), ("5", "6"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.ledger.count(), 0, "the payee did not hand the mandate in");
}

#[tokio::test]
async fn redirections_are_not_paid() {
    let world = World::new().await;
    let (shop, _) = honest_terms(&world).await;
    let target = shop.url.to_string();
    let away = serve(Router::new().fallback(move || {
        let target = target.clone();
        async move { axum::response::Redirect::temporary(&target) }
    }))
    .await;
    let answer = world.client(1).get(away).await.unwrap();
    assert!(answer.response.status().is_redirection());
    assert!(answer.payment.is_none());
}

#[tokio::test]
async fn headers_that_are_no_payment_are_refused_as_such() {
    let world = World::new().await;
    let (shop, honest) = honest_terms(&world).await;
    let client = world.client(1);
    let payload = paid_header(&world, &client, &shop).await;
    let good = payload.to_string();
    let twice = good.replacen("\"mandate\":{", "\"mandate\":{\"amount\":\"1\",", 1);
    let accepted_twice = good.replacen("\"accepted\":{", "\"accepted\":{\"amount\":\"1\",", 1);
    let numbers = good.replacen("\"amount\":\"100\"", "\"amount\":100", 1);
    let zeros = good.replacen("\"amount\":\"100\"", "\"amount\":\"0100\"", 1);
    let unknown = good.replacen("\"key\":{", "\"more\":1,\"key\":{", 1);
    assert!([&twice, &accepted_twice, &numbers, &zeros, &unknown].iter().all(|bad| **bad != good));
    let encode = |text: &str| headers_base64(text.as_bytes());
    let cases = [
        "not base64 at all!".to_owned(),
        "e30".to_owned(),
        encode("{}"),
        encode("[]"),
        encode("{"),
        encode(&honest.to_string()),
        encode(&twice),
        encode(&accepted_twice),
        encode(&numbers),
        encode(&zeros),
        encode(&unknown),
        "A".repeat(HEADER_BYTES_MAX + 4),
    ];
    let before = world.ledger.count();
    for case in cases {
        let value = HeaderValue::from_str(&case).unwrap();
        let request = reqwest::Client::new().get(shop.url.clone()).header(PAYMENT_SIGNATURE, value);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{case}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "invalid_payload");
    }
    assert_eq!(world.ledger.count(), before);
    let repeated = reqwest::Client::new()
        .get(shop.url.clone())
        .header(PAYMENT_SIGNATURE, encode(&good))
        .header(PAYMENT_SIGNATURE, encode(&good));
    assert_eq!(repeated.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_answer_402_that_is_no_offer_is_an_error_and_not_a_loop() {
    let world = World::new().await;
    let client = world.client(1);
    for value in
        ["", "!!", &headers_base64(b"{\"x402Version\":1,\"accepts\":[]}"), &"A".repeat(20_000)]
    {
        let value = value.to_owned();
        let url = serve(Router::new().fallback(move || {
            let value = value.clone();
            async move { (StatusCode::PAYMENT_REQUIRED, [("payment-required", value)]) }
        }))
        .await;
        let failed = client.get(url).await.unwrap_err();
        assert!(
            matches!(failed, PayError::Header(_) | PayError::NoOffer(_) | PayError::Http(_)),
            "{failed}"
        );
    }
    let other = json!({"x402Version": 2, "resource": {"url": "HERE"}, "accepts": [
        {"scheme": "exact", "network": "eip155:8453", "amount": "1", "asset": "0x00", "payTo": "0x00",
         "maxTimeoutSeconds": 1, "extra": {}},
        {"scheme": "aep2", "network": "eip155:31337"},
    ]});
    let (url, requests) = asks(vec![other]).await;
    assert!(matches!(client.get(url).await, Err(PayError::NoOffer(_))));
    assert_eq!(requests.get(), 1);
}

/// The payment of a client that pays, as it is on the wire.
async fn paid_header(
    world: &World,
    client: &aep2_payer::PayingClient,
    shop: &aep2_tests::stand_in::Shop,
) -> Value {
    let seen = Arc::new(Mutex::new(None));
    let slot = seen.clone();
    let spy = middleware::from_fn(move |request: Request, next: middleware::Next| {
        if let Ok(Some(text)) = headers::text(request.headers(), &PAYMENT_SIGNATURE) {
            *slot.lock().unwrap() = Some(serde_json::from_slice::<Value>(&text).unwrap());
        }
        next.run(request)
    });
    let shop_with_spy = world
        .payee(|payee| {
            let charge = payee.charge(Quote::fixed(ceiling(100)));
            Router::new().route("/", get(|| async { "ok" }).layer(charge)).layer(spy)
        })
        .await;
    client.get(shop_with_spy.url.clone()).await.unwrap();
    let payload = seen.lock().unwrap().take().unwrap();
    assert_ne!(shop.url, shop_with_spy.url);
    payload
}

fn headers_base64(bytes: &[u8]) -> String {
    x402_types::util::Base64Bytes::encode(bytes).to_string()
}
