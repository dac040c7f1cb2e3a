//! The same payment again: for the same, for something else, later.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aep2_mandate::clock::Clock;
use aep2_payee::Quote;
use aep2_payer::PayingClient;
use aep2_tests::stand_in::{Counter, Shop, World, ceiling};
use aep2_x402::headers::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE};
use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    routing::get,
};
use http::{HeaderValue, Uri};

/// A shop that counts what it served, and keeps the last payment's header.
struct Watched {
    shop: Shop,
    served: Counter,
    header: Arc<Mutex<Option<HeaderValue>>>,
}

impl Watched {
    async fn open(world: &World, clock: &Clock, long: bool) -> Self {
        let (served, header) = (Counter::default(), Arc::new(Mutex::new(None)));
        let (count, slot) = (served.clone(), header.clone());
        let spy = middleware::from_fn(move |request: Request, next: Next| {
            if let Some(value) = request.headers().get(PAYMENT_SIGNATURE) {
                *slot.lock().unwrap() = Some(value.clone());
            }
            next.run(request)
        });
        let clock = clock.clone();
        let adjust = |config: &mut aep2_payee::PayeeConfig| {
            config.clock = clock;
            config.answer_bytes_max = 1_000;
        };
        let shop = world
            .payee_with(world.processor(), adjust, |payee| {
                let handler = move |uri: Uri| async move {
                    let n = count.add();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    format!("{n} {uri}{}", if long { " ".repeat(5_000) } else { String::new() })
                };
                let cheap = payee.charge(Quote::fixed(ceiling(10)));
                let dear = payee.charge(Quote::fixed(ceiling(11)));
                Router::new()
                    .route("/a", get(handler.clone()).post(handler.clone()).layer(cheap.clone()))
                    .route("/b", get(handler.clone()).layer(cheap))
                    .route("/dear", get(handler).layer(dear))
                    .layer(spy)
            })
            .await;
        Self { shop, served, header }
    }

    async fn send(&self, method: http::Method, path: &str) -> reqwest::Response {
        let header = self.header.lock().unwrap().clone().unwrap();
        let http = reqwest::Client::new();
        http.request(method, self.shop.at(path))
            .header(PAYMENT_SIGNATURE, header)
            .send()
            .await
            .unwrap()
    }
}

async fn buy(client: &PayingClient, watched: &Watched) -> (HeaderValue, String) {
    let answer = client.get(watched.shop.at("/a")).await.unwrap();
    let receipt = answer.response.headers()[PAYMENT_RESPONSE].clone();
    (receipt, answer.response.text().await.unwrap())
}

#[tokio::test]
async fn the_same_payment_again_gets_the_same_answer_and_is_not_served_twice() {
    let world = World::new().await;
    let watched = Watched::open(&world, &Clock::system(), false).await;
    let (receipt, text) = buy(&world.client(1), &watched).await;
    for _ in 0..3 {
        let again = watched.send(http::Method::GET, "/a").await;
        assert_eq!(again.status(), 200);
        assert_eq!(again.headers()[PAYMENT_RESPONSE], receipt);
        assert_eq!(again.text().await.unwrap(), text);
    }
    assert_eq!((watched.served.get(), world.ledger.count()), (1, 1));
}

#[tokio::test]
async fn a_payment_for_one_order_buys_no_other_resource_method_or_price() {
    let world = World::new().await;
    let watched = Watched::open(&world, &Clock::system(), false).await;
    buy(&world.client(1), &watched).await;
    for (method, path) in [
        (http::Method::GET, "/b"),
        (http::Method::GET, "/a?x=1"),
        (http::Method::GET, "/a?"),
        (http::Method::POST, "/a"),
        (http::Method::GET, "/dear"),
    ] {
        let answer = watched.send(method.clone(), path).await;
        assert_eq!(answer.status(), 402, "{method} {path}");
        assert!(answer.headers().contains_key(PAYMENT_REQUIRED));
    }
    assert_eq!((watched.served.get(), world.ledger.count()), (1, 1));
}

/// A thief who saw a mandate and signs it anew gets neither the answer nor the goods.
#[tokio::test]
async fn a_payment_with_another_signature_is_not_the_same_payment() {
    let world = World::new().await;
    let watched = Watched::open(&world, &Clock::system(), false).await;
    buy(&world.client(1), &watched).await;
    let mut map = http::HeaderMap::new();
    map.insert(PAYMENT_SIGNATURE, watched.header.lock().unwrap().clone().unwrap());
    let mut payload: serde_json::Value = headers::read(&map, &PAYMENT_SIGNATURE).unwrap().unwrap();
    payload["payload"]["signature"]["s"] = serde_json::json!(format!("0x{:064x}", 5));
    *watched.header.lock().unwrap() = Some(headers::write(&payload).unwrap());
    assert_eq!(watched.send(http::Method::GET, "/a").await.status(), 402);
    assert_eq!(watched.served.get(), 1);
}

#[tokio::test]
async fn the_same_payment_at_the_same_time_is_served_once() {
    let world = World::new().await;
    let clock = Clock::system();
    let watched = Watched::open(&world, &clock, false).await;
    let client = world.client(1);
    let ask = || reqwest::Request::new(http::Method::GET, watched.shop.at("/a"));
    let known = client.terms(ask()).await.unwrap().unwrap();
    let first = client.execute_with(ask(), &known);
    let second = async {
        while watched.header.lock().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        watched.send(http::Method::GET, "/a").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().response.status(), 200);
    // It waited until the first was served, and is told to ask again; then it gets the answer.
    assert_eq!(second.status(), 409);
    assert!(second.headers().contains_key(http::header::RETRY_AFTER));
    assert_eq!(watched.send(http::Method::GET, "/a").await.status(), 200);
    assert_eq!(watched.served.get(), 1);
}

#[tokio::test]
async fn an_answer_too_long_to_keep_is_not_served_twice_either() {
    let world = World::new().await;
    let watched = Watched::open(&world, &Clock::system(), true).await;
    let (receipt, text) = buy(&world.client(1), &watched).await;
    assert!(text.len() > 5_000);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let again = watched.send(http::Method::GET, "/a").await;
    assert_eq!(again.status(), 409);
    assert_eq!(again.headers()[PAYMENT_RESPONSE], receipt, "the receipt is given again");
    assert_eq!(watched.served.get(), 1);
}

/// When the memory has forgotten a mandate, its receipt tells that it is old.
#[tokio::test]
async fn a_payment_from_before_what_is_remembered_is_refused() {
    let clock = Clock::system();
    let world = World::with_clock(clock.clone()).await;
    let watched = Watched::open(&world, &clock, false).await;
    let client = world.client(1);
    let ask = || reqwest::Request::new(http::Method::GET, watched.shop.at("/a"));
    let known = client.terms(ask()).await.unwrap().unwrap();
    client.execute_with(ask(), &known).await.unwrap();
    for seconds in [100, 120, 90, 200] {
        clock.advance(seconds);
        let again = watched.send(http::Method::GET, "/a").await;
        assert!([200, 402].contains(&again.status().as_u16()));
        assert_eq!(watched.served.get(), 1, "never served again");
    }
    let again = watched.send(http::Method::GET, "/a").await;
    assert_eq!(again.status(), 402);
}

#[tokio::test]
async fn an_order_is_good_for_its_time() {
    let world = World::new().await;
    let clock = Clock::system();
    let watched = Watched::open(&world, &clock, false).await;
    let client = world.client(1);
    // The payee's clock passes the order's end between the two requests.
    let asked = reqwest::get(watched.shop.at("/a")).await.unwrap();
    let required: aep2_x402::PaymentRequired =
        headers::read(asked.headers(), &PAYMENT_REQUIRED).unwrap().unwrap();
    let offer = aep2_x402::offer::offers(&required).remove(0).unwrap();
    let url = watched.shop.at("/a");
    let purchase = client.payer().check(&offer.terms, "GET", url.as_str(), "shop").unwrap();
    let order = offer.terms.extra.order.map(|order| order.0);
    let authorised = client.payer().authorise(purchase, order, &offer.terms, "shop").await.unwrap();
    let payload = aep2_x402::PaymentPayload::<Box<serde_json::value::RawValue>> {
        accepted: offer.written,
        payload: authorised.send().mandate.clone(),
        resource: None,
        x402_version: aep2_x402::X402Version2,
        extensions: Default::default(),
    };
    *watched.header.lock().unwrap() = Some(headers::write(&payload).unwrap());
    clock.advance(121);
    let late = watched.send(http::Method::GET, "/a").await;
    assert_eq!(late.status(), 402);
    assert_eq!((watched.served.get(), world.ledger.count()), (0, 0));
    clock.advance(-60);
    assert_eq!(watched.send(http::Method::GET, "/a").await.status(), 200, "within its time");
}
