//! Lost connections, processors that answer late or wrongly, and clocks that differ.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use aep2_mandate::clock::Clock;
use aep2_payee::{Paid, Payee, PayeeConfig, Quote};
use aep2_payer::{Answer, NoAnswer, PayError, Payer};
use aep2_tests::stand_in::{
    Counter, SETTLE_WITHIN_S, TOKEN, World, amount, ceiling, client, secret,
};
use aep2_x402::receipt::ReceiptError;
use axum::{Extension, Router, routing::get};
use tokio::io::AsyncWriteExt;

/// What came instead of an answer: a status, and its words.
fn status_of(unanswered: Result<Answer, PayError>) -> (u16, String) {
    match unanswered {
        Err(PayError::Unanswered { why: NoAnswer::Status { status, words }, .. }) => {
            (status, words)
        }
        other => panic!("{other:?}"),
    }
}

async fn counting(world: &World, pause: Duration) -> (aep2_tests::stand_in::Shop, Counter) {
    let served = Counter::default();
    let count = served.clone();
    let shop = world
        .payee(|payee| {
            let handler = move |Extension(paid): Extension<Paid>| async move {
                tokio::time::sleep(pause).await;
                paid.charge(amount(4)).unwrap();
                format!("served {}", count.add())
            };
            let charge = payee.charge(Quote::metered(ceiling(10)));
            Router::new().route("/", get(handler).layer(charge))
        })
        .await;
    (shop, served)
}

#[tokio::test]
async fn a_payer_that_hangs_up_after_paying_finds_its_answer_when_it_comes_back() {
    let world = World::new().await;
    let (shop, served) = counting(&world, Duration::from_millis(150)).await;
    let payer = world.payer(1);
    let hasty = aep2_payer::PayingClient::with_http(
        payer,
        reqwest::Client::builder().timeout(Duration::from_millis(60)),
    )
    .unwrap()
    .retry(aep2_payer::RetryPolicy { attempts: 1, pause: Duration::ZERO });
    let request = || reqwest::Request::new(http::Method::GET, shop.url.clone());
    let known = hasty.terms(request()).await.unwrap().unwrap();
    let unanswered = match hasty.execute_with(request(), &known).await {
        Err(PayError::Unanswered { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    tokio::time::sleep(Duration::from_millis(400)).await;
    let answer = hasty.again(request(), unanswered).await.unwrap();
    assert_eq!(answer.payment.unwrap().captured, Some(amount(4)));
    assert_eq!(answer.response.text().await.unwrap(), "served 1");
    assert_eq!((served.get(), world.ledger.count()), (1, 1));
    assert_eq!(world.ledger.captured(), [amount(4)]);
}

/// A connection that is closed right after the request was written.
#[tokio::test]
async fn a_dropped_connection_still_concludes_the_payment() {
    let world = World::new().await;
    let (shop, served) = counting(&world, Duration::from_millis(100)).await;
    let client = world.client(1);
    let request = || reqwest::Request::new(http::Method::GET, shop.url.clone());
    let known = client.terms(request()).await.unwrap().unwrap();
    let purchase = client.payer().check(known.terms(), "GET", shop.url.as_str(), "shop").unwrap();
    let sent =
        client.payer().authorise(purchase, None, known.terms(), "shop").await.unwrap().send();
    let payload = aep2_x402::PaymentPayload {
        accepted: known.terms().clone(),
        payload: sent.mandate.clone(),
        resource: None,
        x402_version: aep2_x402::X402Version2,
        extensions: Default::default(),
    };
    let header = aep2_x402::headers::write(&payload).unwrap();
    let address = (shop.url.host_str().unwrap().to_owned(), shop.url.port().unwrap());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: shop\r\npayment-signature: {}\r\n\r\n",
        header.to_str().unwrap()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    while world.ledger.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    for _ in 0..200 {
        if world.ledger.captured() == [amount(4)] && served.get() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("captured {:?}, served {}", world.ledger.captured(), served.get());
}

#[tokio::test]
async fn a_processor_that_answers_too_late_after_accepting_is_asked_again() {
    let world = World::new().await;
    let (shop, served) = counting(&world, Duration::ZERO).await;
    world.ledger.faults.late.store(1, SeqCst);
    let answer = world.client(1).get(shop.url.clone()).await.unwrap();
    assert!(answer.payment.unwrap().receipt.is_ok());
    assert_eq!((served.get(), world.ledger.count()), (1, 1));
    assert_eq!(world.ledger.asked.load(SeqCst), 2);
}

#[tokio::test]
async fn without_the_processor_nothing_is_served_and_the_same_mandate_pays_when_it_is_back() {
    let world = World::new().await;
    let (shop, served) = counting(&world, Duration::ZERO).await;
    // Two requests fail, with three attempts each; the third is served.
    world.ledger.faults.down.store(6, SeqCst);
    let answer = world.client(1).get(shop.url.clone()).await.unwrap();
    assert!(answer.payment.unwrap().receipt.is_ok());
    assert_eq!((served.get(), world.ledger.count()), (1, 1));

    world.ledger.faults.down.store(100, SeqCst);
    let unanswered = world.client(2).get(shop.url.clone()).await;
    assert_eq!(status_of(unanswered).0, 503);
    assert_eq!((served.get(), world.ledger.count()), (1, 1));
}

#[tokio::test]
async fn a_receipt_by_somebody_else_serves_nothing() {
    let world = World::new().await;
    let (shop, served) = counting(&world, Duration::ZERO).await;
    world.ledger.faults.forge.store(usize::MAX, SeqCst);
    let unanswered = world.client(1).get(shop.url.clone()).await;
    assert_eq!(status_of(unanswered).0, 502);
    assert_eq!(served.get(), 0);
}

#[tokio::test]
async fn a_receipt_that_no_guarantee_takes_serves_nothing() {
    for (settle_within_s, promise_s_max, status) in [
        (SETTLE_WITHIN_S, SETTLE_WITHIN_S, 200),
        (SETTLE_WITHIN_S, SETTLE_WITHIN_S - 1, 502),
        // By the terms it would be settled sooner: its payer has paid all the same.
        (SETTLE_WITHIN_S - 91, 43_200, 200),
    ] {
        let world = World::new().await;
        let served = Counter::default();
        let count = served.clone();
        let times = |config: &mut PayeeConfig| {
            (config.settle_within_s, config.promise_s_max) = (settle_within_s, promise_s_max);
        };
        let routes = |payee: &Payee| {
            let charge = payee.charge(Quote::fixed(ceiling(10)));
            let handler = move || async move { format!("served {}", count.add()) };
            Router::new().route("/", get(handler).layer(charge))
        };
        let shop = world.payee_with(world.processor(), times, routes).await;
        let found = match world.client(1).get(shop.url.clone()).await {
            Ok(answer) => answer.response.status().as_u16(),
            unanswered => status_of(unanswered).0,
        };
        let expected = (status, usize::from(status == 200));
        assert_eq!((found, served.get()), expected, "{settle_within_s}, {promise_s_max}");
    }
}

#[tokio::test]
async fn a_capture_that_fails_at_first_is_made_in_the_end() {
    let world = World::new().await;
    world.ledger.faults.captures_down.store(5, SeqCst);
    let shop = world
        .payee_with(
            world.processor(),
            |config| config.capture_wait = Duration::from_millis(10),
            |payee| {
                let fails = || async { http::StatusCode::INTERNAL_SERVER_ERROR };
                let charge = payee.charge(Quote::fixed(ceiling(10)));
                Router::new().route("/", get(fails).layer(charge))
            },
        )
        .await;
    let answer = world.client(1).get(shop.url.clone()).await.unwrap();
    let payment = answer.payment.unwrap();
    assert_eq!(answer.response.status(), 500);
    assert!(payment.receipt.is_ok());
    assert_eq!(payment.captured, None, "the answer did not wait");
    shop.payee.idle().await;
    assert_eq!(world.ledger.captured(), [amount(0)]);
}

#[tokio::test]
async fn clocks_that_differ_by_a_minute_do_not_matter() {
    for (payer_s, payee_s, processor_s) in
        [(60, 0, 0), (-60, 0, 0), (0, 60, 0), (0, -60, 0), (0, 0, 60), (0, 0, -60), (60, -30, 0)]
    {
        let world = World::with_clock(Clock::ahead(processor_s)).await;
        let shop = world
            .payee_with(
                world.processor(),
                |config| config.clock = Clock::ahead(payee_s),
                |payee| {
                    let charge = payee.charge(Quote::fixed(ceiling(10)));
                    Router::new().route("/", get(|| async { "ok" }).layer(charge))
                },
            )
            .await;
        let mut config = world.payer_config(1);
        config.clock = Clock::ahead(payer_s);
        let client = client(Payer::open(config, secret(1)).unwrap());
        let paid = client.get(shop.url.clone()).await.unwrap();
        assert!(paid.payment.unwrap().receipt.is_ok(), "{payer_s} {payee_s} {processor_s}");
        let request = || reqwest::Request::new(http::Method::GET, shop.url.clone());
        let known = client.terms(request()).await.unwrap().unwrap();
        let paid = client.execute_with(request(), &known).await.unwrap();
        assert!(paid.payment.unwrap().receipt.is_ok(), "{payer_s} {payee_s} {processor_s}");
    }
}

#[tokio::test]
async fn clocks_that_differ_by_more_are_named() {
    for (payer_s, payee_s) in [(200, 0), (-200, 0), (0, 200), (0, -200)] {
        let world = World::with_clock(Clock::ahead(payee_s)).await;
        let shop = world
            .payee(|payee| {
                let charge = payee.charge(Quote::fixed(ceiling(10)));
                Router::new().route("/", get(|| async { "ok" }).layer(charge))
            })
            .await;
        let mut config = world.payer_config(1);
        config.clock = Clock::ahead(payer_s + payee_s);
        let client = client(Payer::open(config, secret(1)).unwrap());
        let paid = client.get(shop.url.clone()).await;
        if payee_s == 0 {
            let paid = paid.unwrap();
            // The payer has what it paid for, and nothing shows that the processor has the mandate.
            assert_eq!(paid.response.status(), 200);
            let receipt = paid.payment.unwrap().receipt;
            assert!(matches!(receipt, Err(ReceiptError::Clock { .. })), "{payer_s}: {receipt:?}");
        } else {
            // Found out before the payment is handed over: nothing is taken that is not served.
            let (status, words) = status_of(paid);
            assert_eq!(status, 503, "{payee_s}");
            assert!(words.contains("clocks_differ") || words.contains("clock says"), "{words}");
            assert_eq!(world.ledger.count(), 0, "{payee_s}");
        }
    }
}

/// The one that was taken and refused as paid for before: a processor that is more than three minutes behind.
#[tokio::test]
async fn a_processor_that_is_far_behind_gets_no_payment_until_its_clock_is_right() {
    let (clock, payees) = (Clock::ahead(-600), Clock::system());
    let world = World::with_clock(clock.clone()).await;
    let shop = world
        .payee_with(
            world.processor(),
            |config| config.clock = payees.clone(),
            |payee| {
                let charge = payee.charge(Quote::fixed(ceiling(10)));
                Router::new().route("/", get(|| async { "ok" }).layer(charge))
            },
        )
        .await;
    let client = world.client(1);
    assert_eq!(status_of(client.get(shop.url.clone()).await).0, 503);
    assert_eq!(world.ledger.count(), 0);
    assert!(shop.payee.check_clocks().await.is_err());
    // Its clock is put right; the same mandate pays then, once the payee looks again.
    clock.advance(600 + 61);
    payees.advance(61);
    let answer = client.get(shop.url.clone()).await.unwrap();
    assert!(answer.payment.unwrap().receipt.is_ok());
    assert_eq!(client.payer().spent(TOKEN, None).await.unwrap(), amount(10), "signed once");
}

#[tokio::test]
async fn a_full_memory_turns_payments_away_before_they_are_charged() {
    let world = World::new().await;
    let shop = world
        .payee_with(
            world.processor(),
            |config| config.payments_max = 2,
            |payee| {
                let charge = payee.charge(Quote::fixed(ceiling(10)));
                Router::new().route("/{n}", get(|| async { "ok" }).layer(charge))
            },
        )
        .await;
    let client = world.client(1);
    for n in 0..2 {
        assert_eq!(client.get(shop.at(&format!("/{n}"))).await.unwrap().response.status(), 200);
    }
    assert_eq!(status_of(client.get(shop.at("/3")).await).0, 503);
    assert_eq!(world.ledger.count(), 2);
    client.payer().flush().await;
    assert_eq!(
        client.payer().spent(TOKEN, None).await.unwrap(),
        amount(30),
        "it left all the same"
    );
}
