//! Buying and selling as it should go.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use aep2_payee::{Paid, Quote};
use aep2_payer::{KnownTerms, PayError};
use aep2_processor_client::{FacilitatorClient, RetryPolicy};
use aep2_tests::stand_in::{Counter, World, amount, ceiling};
use aep2_x402::CaptureMode;
use axum::{
    Extension, Router,
    body::Bytes,
    routing::{get, post},
};
use http::request::Parts;
use reqwest::Request;

#[tokio::test]
async fn order_mode_pays_what_the_payee_asks_and_nothing_is_served_without_a_receipt() {
    let world = World::new().await;
    let served = Counter::default();
    let count = served.clone();
    let shop = world
        .payee(|payee| {
            let joke = move |Extension(paid): Extension<Paid>| async move {
                count.add();
                format!("a joke for {}", paid.receipt.message.amount)
            };
            Router::new().route("/joke", get(joke).layer(payee.charge(Quote::fixed(ceiling(700)))))
        })
        .await;
    let unpaid = reqwest::get(shop.at("/joke")).await.unwrap();
    assert_eq!((unpaid.status().as_u16(), served.get(), world.ledger.count()), (402, 0, 0));

    let client = world.client(1);
    let answer = client.get(shop.at("/joke?about=cats")).await.unwrap();
    let payment = answer.payment.unwrap();
    assert_eq!(answer.response.text().await.unwrap(), "a joke for 700");
    assert_eq!(payment.receipt.unwrap().message.mandate_id, payment.id);
    assert_eq!(payment.purchase.resource, shop.at("/joke?about=cats").as_str());
    assert_eq!(world.ledger.captured(), [amount(700)]);
    assert_eq!(served.get(), 1);
}

#[tokio::test]
async fn intent_mode_takes_one_round_trip() {
    let world = World::new().await;
    let requests = Counter::default();
    let count = requests.clone();
    let shop = world
        .payee(|payee| {
            let price = move |_: &Parts| {
                count.add();
                Some(Quote::fixed(ceiling(5)))
            };
            Router::new().route("/{n}", get(|| async { "served" }).layer(payee.charge(price)))
        })
        .await;
    let client = world.client(1);
    let ask = |n: u32| Request::new(http::Method::GET, shop.at(&format!("/{n}")));
    let known: KnownTerms = client.terms(ask(0)).await.unwrap().unwrap();
    assert_eq!((requests.get(), world.ledger.count()), (1, 0), "asking costs nothing");
    for n in 1..=3 {
        let answer = client.execute_with(ask(n), &known).await.unwrap();
        assert!(answer.payment.unwrap().receipt.is_ok());
        assert_eq!(answer.response.text().await.unwrap(), "served");
    }
    assert_eq!((requests.get(), world.ledger.count()), (4, 3));
}

#[tokio::test]
async fn a_metered_call_captures_what_the_handler_says_and_the_payer_sees_the_statement() {
    let world = World::new().await;
    let shop = world
        .payee(|payee| {
            let infer = |Extension(paid): Extension<Paid>, body: Bytes| async move {
                assert!(paid.charge(amount(5_000)).is_err(), "above the ceiling");
                paid.charge(amount(body.len() as u128 * 10)).unwrap();
                "answer"
            };
            let price = Quote::metered(ceiling(1_000)).described("ten units a byte");
            Router::new().route("/infer", post(infer).layer(payee.charge(price)))
        })
        .await;
    let client = world.client(1);
    let request = client.http().post(shop.at("/infer")).body("twelve bytes").build().unwrap();
    let payment = client.execute(request).await.unwrap().payment.unwrap();
    assert_eq!(payment.captured, Some(amount(120)));
    assert_eq!(world.ledger.captured(), [amount(120)]);
    // What was not captured is free again for the day.
    client.payer().flush().await;
    assert_eq!(client.payer().spent(aep2_tests::stand_in::TOKEN, None).await.unwrap(), amount(120));

    let request = client.http().post(shop.at("/infer")).body("x").build().unwrap();
    let known = client.terms(request.try_clone().unwrap()).await.unwrap().unwrap();
    assert_eq!(known.terms().extra.capture, CaptureMode::Metered);
}

#[tokio::test]
async fn a_handler_that_fails_charges_nothing() {
    let world = World::new().await;
    let shop = world
        .payee(|payee| {
            let charge = payee.charge(Quote::fixed(ceiling(9)));
            let fails = || async { http::StatusCode::BAD_GATEWAY };
            let panics = || async {
                if true {
                    panic!("as tests do");
                }
            };
            Router::new()
                .route("/fails", get(fails).layer(charge.clone()))
                .route("/panics", get(panics).layer(charge.clone()))
                .route("/nowhere", get(|| async { http::StatusCode::NOT_FOUND }).layer(charge))
        })
        .await;
    let client = world.client(1);
    for (path, status) in [("/fails", 502), ("/panics", 500), ("/nowhere", 404)] {
        let answer = client.get(shop.at(path)).await.unwrap();
        assert_eq!(answer.response.status().as_u16(), status);
        assert_eq!(answer.payment.unwrap().captured, Some(amount(0)), "{path}");
    }
    assert_eq!(world.ledger.captured(), [amount(0); 3]);
    client.payer().flush().await;
    assert_eq!(client.payer().spent(aep2_tests::stand_in::TOKEN, None).await.unwrap(), amount(0));
}

#[tokio::test]
async fn a_streamed_answer_is_captured_at_its_end() {
    let world = World::new().await;
    let shop = world
        .payee(|payee| {
            let stream = |Extension(paid): Extension<Paid>| async move {
                let chunks = (0..3u8).map(move |n| {
                    paid.charge(amount(u128::from(n) + 1)).unwrap();
                    Ok::<_, std::io::Error>(vec![n; 1_000])
                });
                axum::body::Body::from_stream(futures::stream::iter(chunks))
            };
            let price = Quote::metered(ceiling(50));
            Router::new().route("/stream", get(stream).layer(payee.charge(price)))
        })
        .await;
    let answer = world.client(1).get(shop.at("/stream")).await.unwrap();
    assert!(answer.payment.unwrap().receipt.is_ok());
    assert_eq!(answer.response.bytes().await.unwrap().len(), 3_000);
    for _ in 0..200 {
        if world.ledger.captured() == [amount(3)] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("captured {:?}", world.ledger.captured());
}

#[tokio::test]
async fn prices_by_request_and_free_requests() {
    let world = World::new().await;
    let shop = world
        .payee(|payee| {
            let price = |request: &Parts| match request.uri.query() {
                Some("size=large") => Some(Quote::fixed(ceiling(20))),
                Some(_) => Some(Quote::fixed(ceiling(10))),
                None => None,
            };
            Router::new().route("/", get(|| async { "ok" }).layer(payee.charge(price)))
        })
        .await;
    let client = world.client(1);
    assert!(client.get(shop.at("/")).await.unwrap().payment.is_none());
    for (query, price) in [("/?size=large", 20), ("/?size=small", 10)] {
        let payment = client.get(shop.at(query)).await.unwrap().payment.unwrap();
        assert_eq!(payment.purchase.amount, ceiling(price));
    }
}

#[tokio::test]
async fn a_facilitator_serves_as_well_as_the_native_interface() {
    let world = World::new().await;
    let url = world.processor_url.clone();
    let facilitator = FacilitatorClient::new(reqwest::Client::new(), url, RetryPolicy::default());
    let shop = world
        .payee_with(
            Arc::new(facilitator),
            |_| {},
            |payee| {
                let charge = payee.charge(Quote::fixed(ceiling(300)));
                Router::new().route("/", get(|| async { "ok" }).layer(charge))
            },
        )
        .await;
    world.ledger.fund(aep2_tests::stand_in::account(1), 500);
    let client = world.client(1);
    let payment = client.get(shop.at("/")).await.unwrap().payment.unwrap();
    assert!(payment.receipt.is_ok());
    match client.get(shop.at("/")).await {
        Err(PayError::Refused { status: 402, reason, .. }) => {
            assert_eq!(reason, "insufficient_funds");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn x402_version_one_clients_are_asked_in_the_body_and_pay_in_x_payment() {
    use aep2_mandate::{
        signer::{MandateTerms, Signer},
        units::{Nonce, UnixTime},
    };
    use aep2_x402::{headers, purchase::PaymentContext, terms, v1};

    let world = World::new().await;
    let shop = world
        .payee(|payee| {
            let charge = payee.charge(Quote::fixed(ceiling(300)));
            Router::new().route("/", get(|| async { "ok" }).layer(charge))
        })
        .await;
    let asked = reqwest::get(shop.url.clone()).await.unwrap();
    let asked: v1::Required = asked.json().await.unwrap();
    let entry = &asked.accepts[0];
    assert_eq!((&*entry.scheme, &*entry.max_amount_required), ("aep2", "300"));

    // The first version's terms say all that a mandate needs.
    let extra: aep2_x402::Extra = serde_json::from_value(entry.extra.clone().unwrap()).unwrap();
    assert_eq!(extra.order, None);
    let requirements = aep2_x402::Requirements {
        scheme: aep2_x402::Aep2Scheme,
        network: entry.network.parse().unwrap(),
        amount: entry.max_amount_required.parse().unwrap(),
        pay_to: entry.pay_to.parse::<alloy_primitives::Address>().unwrap().into(),
        max_timeout_seconds: entry.max_timeout_seconds,
        asset: entry.asset.parse::<alloy_primitives::Address>().unwrap().into(),
        extra,
    };
    let purchase = terms::purchase(&requirements, "GET", &*entry.resource).unwrap();
    let (account, nonce) = (aep2_tests::stand_in::account(1), Nonce::new(9));
    let mandate = MandateTerms {
        account,
        token: purchase.token,
        payee: purchase.payee,
        amount: purchase.amount,
        nonce,
        deadline: UnixTime::MAX,
        reference: purchase.reference(PaymentContext::Intent { account, nonce }),
    };
    let signer = Signer::new(
        aep2_tests::stand_in::secret(1),
        aep2_tests::stand_in::CHAIN,
        aep2_tests::stand_in::WALLET,
    );
    let payment = v1::Payment {
        x402_version: x402_types::proto::v1::X402Version1,
        scheme: aep2_x402::Aep2Scheme,
        network: entry.network.clone(),
        payload: Box::new(signer.sign(mandate, None)),
    };
    let paid = reqwest::Client::new()
        .get(shop.url.clone())
        .header(headers::X_PAYMENT, headers::write(&payment).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(paid.status(), 200);
    assert!(paid.headers().contains_key(headers::X_PAYMENT_RESPONSE));
    assert_eq!(world.ledger.asked.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_payers_and_payees_at_once_and_every_sum_is_right() {
    const PAYERS: u32 = 6;
    const CALLS: u32 = 10;
    let world = World::new().await;
    let mut shops = Vec::new();
    for price in [1u128, 20, 300] {
        let routes = |payee: &aep2_payee::Payee| {
            let charge = payee.charge(Quote::fixed(ceiling(price)));
            Router::new().route("/{n}", get(|| async { "ok" }).layer(charge))
        };
        shops.push(world.payee(routes).await.url);
    }
    let mut tasks = Vec::new();
    for number in 1..=PAYERS {
        let client = world.client(number);
        for call in 0..CALLS {
            let (client, shops) = (client.clone(), shops.clone());
            tasks.push(tokio::spawn(async move {
                for shop in shops {
                    let url = shop.join(&format!("/{call}")).unwrap();
                    let payment = client.get(url).await.unwrap().payment.unwrap();
                    assert!(payment.receipt.is_ok());
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let captured: u128 = world.ledger.captured().iter().map(|amount| amount.get()).sum();
    assert_eq!(captured, u128::from(PAYERS * CALLS) * 321);
    assert_eq!(world.ledger.count(), (PAYERS * CALLS * 3) as usize);
}
