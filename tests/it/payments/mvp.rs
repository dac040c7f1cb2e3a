//! A payee that takes the published MVP's mandates beside x402's, and what goes wrong between its
//! client, itself and the processor's queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aep2_mandate::{
    clock::Clock,
    typed_data::direct::{DirectMandate, SignedDirectMandate, sign_direct_receipt},
    units::UnixTime,
};
use aep2_payee::{Mvp, MvpPaid, Paid, PayeeConfig, Quote};
use aep2_processor_client::{RetryPolicy, mvp::MvpClient};
use aep2_tests::stand_in::{
    CHAIN, Counter, SETTLE_WITHIN_S, Shop, TOKEN, WALLET, World, ceiling, serve,
};
use aep2_x402::{
    headers::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE},
    mvp::{X_PAYMENT_MANDATE, X_PAYMENT_RECEIPT},
};
use alloy_primitives::{Address, B256, U256};
use alloy_signer_local::PrivateKeySigner;
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

const PRICE: u128 = 1_000;

/// A processor's queue that keeps its ledger in memory.
struct Sp {
    key: PrivateKeySigner,
    clock: Clock,
    known: Mutex<HashMap<B256, (UnixTime, Value)>>,
    /// This many next answers come too late, after the mandate was enqueued.
    late: Counter,
    late_answers: usize,
    /// Who signs its receipts instead.
    forger: Option<PrivateKeySigner>,
    asked: Counter,
}

impl Sp {
    fn receipt(&self, signed: &SignedDirectMandate) -> Result<Value, (StatusCode, &'static str)> {
        let domain = aep2_mandate::typed_data::domain(CHAIN, WALLET);
        let digest = signed
            .verify_owner(&domain)
            .map_err(|_| (StatusCode::BAD_REQUEST, "INVALID_SIGNATURE"))?;
        let mut known = self.known.lock().unwrap();
        if known.contains_key(&digest) {
            return Err((StatusCode::BAD_REQUEST, "DUPLICATE_MANDATE"));
        }
        if signed.message.nonce == U256::from(402) {
            return Err((StatusCode::PAYMENT_REQUIRED, "INSUFFICIENT_BALANCE"));
        }
        let now = self.clock.now();
        let promised = now.checked_add(SETTLE_WITHIN_S).unwrap().get();
        let promised = U256::from(promised).min(signed.message.deadline);
        let signer = self.forger.as_ref().unwrap_or(&self.key);
        let receipt = json!({
            "sp": self.key.address().to_string(),
            "mandateDigest": digest,
            "enqueueDeadline": promised.to::<u64>(),
            "spEnqueueSig": sign_direct_receipt(signer, digest, promised).unwrap(),
        });
        known.insert(digest, (now, receipt.clone()));
        Ok(receipt)
    }
}

async fn enqueue(State(sp): State<Arc<Sp>>, body: String) -> Response {
    sp.asked.add();
    let answer = SignedDirectMandate::from_json(&body)
        .map_err(|_| (StatusCode::BAD_REQUEST, "INVALID_REQUEST"))
        .and_then(|signed| sp.receipt(&signed));
    if sp.late.add() <= sp.late_answers {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    match answer {
        Ok(receipt) => Json(json!({"success": true, "receipt": receipt})).into_response(),
        Err((status, code)) => {
            (status, Json(json!({"error": code, "message": "refused here"}))).into_response()
        }
    }
}

async fn known(State(sp): State<Arc<Sp>>, Path(digest): Path<B256>) -> Response {
    match sp.known.lock().unwrap().get(&digest) {
        Some((accepted_at, receipt)) => {
            Json(json!({"mandateId": digest, "acceptedAt": accepted_at, "receipt": receipt}))
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A payee of things at one price, its processor, and who buys.
struct Market {
    world: World,
    sp: Arc<Sp>,
    sp_url: url::Url,
    shop: Shop,
    served: Counter,
    payer: PrivateKeySigner,
    clock: Clock,
}

impl Market {
    async fn open() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    async fn with(spoil: impl FnOnce(&mut Sp), adjust: impl FnOnce(&mut PayeeConfig)) -> Self {
        let (mut world, clock) = (World::new().await, Clock::system());
        let key = PrivateKeySigner::random();
        world.venue.processor = key.address();
        let mut sp = Sp {
            key,
            clock: Clock::system(),
            known: Mutex::default(),
            late: Counter::default(),
            late_answers: 0,
            forger: None,
            asked: Counter::default(),
        };
        spoil(&mut sp);
        let sp = Arc::new(sp);
        let router = Router::new()
            .route("/enqueue", post(enqueue))
            .route("/v1/mandates/{digest}", get(known))
            .with_state(sp.clone());
        let sp_url = serve(router).await;
        let served = Counter::default();
        let shop = Self::shop(&world, &sp_url, &served, |config| {
            config.clock = clock.clone();
            adjust(config);
        });
        let shop = shop.await;
        Self { world, sp, sp_url, shop, served, payer: PrivateKeySigner::random(), clock }
    }

    async fn shop(
        world: &World,
        sp: &url::Url,
        served: &Counter,
        adjust: impl FnOnce(&mut PayeeConfig),
    ) -> Shop {
        let retry = RetryPolicy {
            timeout: Duration::from_millis(1_000),
            attempts: 3,
            pause: Duration::from_millis(20),
        };
        let mvp = Mvp::new(MvpClient::new(reqwest::Client::new(), sp.clone(), retry), "USD", 6);
        let count = served.clone();
        let predict = move |paid: Option<Extension<MvpPaid>>, native: Option<Extension<Paid>>| {
            let n = count.add();
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let by = paid.map(|Extension(paid)| paid.mandate.message.owner.to_string());
                Json(json!({ "n": n, "by": by, "native": native.is_some() }))
            }
        };
        world
            .payee_with(world.processor(), adjust, |payee| {
                let charge = payee.charge(Quote::fixed(ceiling(PRICE)));
                Router::new()
                    .route("/predict", get(predict.clone()).layer(charge.clone().and(mvp.clone())))
                    .route("/other", get(predict.clone()).layer(charge.clone().and(mvp.clone())))
                    .route(
                        "/text",
                        get(|| async { "words" }).layer(charge.clone().and(mvp.clone())),
                    )
                    .route("/x402-only", get(predict).layer(charge))
            })
            .await
    }

    /// A mandate as the MVP's clients make it.
    fn terms(&self, nonce: u64) -> DirectMandate {
        DirectMandate {
            owner: self.payer.address(),
            token: TOKEN,
            payee: self.world.payee_key.address(),
            amount: U256::from(PRICE),
            nonce: U256::from(nonce),
            deadline: U256::from(Clock::system().now().get() + 600),
            reference: B256::repeat_byte(7),
        }
    }

    fn sign(&self, terms: DirectMandate) -> HeaderValue {
        let domain = aep2_mandate::typed_data::domain(CHAIN, WALLET);
        headers::write(&SignedDirectMandate::sign(terms, &self.payer, &domain).unwrap()).unwrap()
    }

    async fn send(&self, path: &str, header: HeaderValue) -> (u16, HeaderMap, Value) {
        let request = reqwest::Client::new().get(self.shop.at(path));
        let answer = request.header(X_PAYMENT_MANDATE, header).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, headers, body)
    }

    async fn refused(&self, path: &str, header: HeaderValue) -> (u16, String) {
        let (status, _, body) = self.send(path, header).await;
        assert!(body["message"].as_str().is_some_and(|words| words.len() > 10), "{body}");
        (status, body["error"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn one_answer_402_is_read_by_clients_of_all_generations() {
    let market = Market::open().await;
    let answer = reqwest::get(market.shop.at("/predict")).await.unwrap();
    assert_eq!(answer.status(), 402);
    let required: Value = headers::read(answer.headers(), &PAYMENT_REQUIRED).unwrap().unwrap();
    assert_eq!(required["x402Version"], 2);
    let body: Value = answer.json().await.unwrap();
    let payee = market.world.payee_key.address().to_string();
    for (field, value) in [
        ("error", json!("PAYMENT_REQUIRED")),
        ("price", json!(0.001)),
        ("currency", json!("USD")),
        ("payee", json!(payee)),
        ("x402Version", json!(1)),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    assert_eq!(body["accepts"][0]["maxAmountRequired"], "1000");
    assert!(body["message"].as_str().unwrap().contains("X-Payment-Mandate"));

    // x402's own clients go on as before.
    market
        .world
        .client(1)
        .terms(reqwest::Request::new(http::Method::GET, market.shop.at("/predict")))
        .await
        .unwrap()
        .unwrap();
    let answer = reqwest::get(market.shop.at("/x402-only")).await.unwrap();
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["price"], &body["x402Version"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn a_mandate_buys_once_and_sent_again_gets_the_same_answer() {
    let market = Market::open().await;
    let payment = market.sign(market.terms(1));
    let (status, headers, body) = market.send("/predict", payment.clone()).await;
    assert_eq!(status, 200, "{body}");
    let told: Value = headers::read(&headers, &X_PAYMENT_RECEIPT).unwrap().unwrap();
    assert_eq!((&body["payment"], &body["n"]), (&told, &json!(1)));
    assert_eq!(
        (&body["by"], &body["native"]),
        (&json!(market.payer.address().to_string()), &json!(false))
    );
    assert_eq!(told["status"], "enqueued");
    assert_eq!(told["spReceipt"]["sp"], market.sp.key.address().to_string());
    assert!(!headers.contains_key(PAYMENT_RESPONSE), "that is x402's");

    for _ in 0..2 {
        assert_eq!(market.send("/predict", payment.clone()).await.2, body);
    }
    // Nothing in the mandate says that it was not for this.
    let used = (400, "DUPLICATE_MANDATE".to_owned());
    assert_eq!(market.refused("/other", payment.clone()).await, used);
    assert_eq!(market.refused("/predict?x=1", payment.clone()).await, used);
    assert_eq!((market.served.get(), market.sp.asked.get()), (1, 1));

    // What is no JSON object stays what it is; the header has the receipt.
    let (_, headers, body) = market.send("/text", market.sign(market.terms(2))).await;
    assert_eq!(body, "words");
    assert!(headers.contains_key(X_PAYMENT_RECEIPT));
    // Where the payee did not opt in, such a mandate is no payment.
    let (status, ..) = market.send("/x402-only", market.sign(market.terms(3))).await;
    assert_eq!((status, market.served.get()), (402, 1));
}

#[tokio::test]
async fn the_same_mandate_at_once_is_served_once() {
    let market = Market::open().await;
    let payment = market.sign(market.terms(1));
    let all = (0..6).map(|_| market.send("/predict", payment.clone()));
    let answers = futures::future::join_all(all).await;
    assert!(answers.iter().any(|(status, ..)| *status == 200));
    assert!(answers.iter().all(|(status, ..)| matches!(status, 200 | 409)), "{answers:?}");
    assert_eq!((market.served.get(), market.sp.asked.get()), (1, 1));
}

#[tokio::test]
async fn a_mandate_that_is_forgotten_or_was_enqueued_elsewhere_is_not_served_again() {
    let market = Market::open().await;
    let payment = market.sign(market.terms(1));
    assert_eq!(market.send("/predict", payment.clone()).await.0, 200);
    let used = (400, "DUPLICATE_MANDATE".to_owned());
    // Longer than it is remembered.
    market.clock.advance(301);
    assert_eq!(market.refused("/predict", payment.clone()).await, used);
    // Another process of the same payee, begun anew.
    let other = Market::shop(&market.world, &market.sp_url, &market.served, |_| {}).await;
    let request = reqwest::Client::new().get(other.at("/predict"));
    let answer = request.header(X_PAYMENT_MANDATE, payment).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(market.served.get(), 1);
}

#[tokio::test]
async fn a_mandate_for_another_payee_token_or_price_buys_nothing() {
    let market = Market::open().await;
    let good = market.terms(1);
    let other = Address::repeat_byte(9);
    for (terms, status, code) in [
        (DirectMandate { payee: other, ..good }, 400, "INVALID_PAYEE"),
        (DirectMandate { token: other, ..good }, 400, "INVALID_TOKEN"),
        (DirectMandate { amount: U256::from(PRICE - 1), ..good }, 400, "INVALID_AMOUNT"),
        (DirectMandate { amount: U256::from(PRICE + 1), ..good }, 400, "INVALID_AMOUNT"),
        (DirectMandate { deadline: U256::from(1_000), ..good }, 400, "EXPIRED_MANDATE"),
        (DirectMandate { owner: other, ..good }, 400, "INVALID_SIGNATURE"),
        (DirectMandate { nonce: U256::from(402), ..good }, 402, "INSUFFICIENT_BALANCE"),
    ] {
        let refused = market.refused("/predict", market.sign(terms)).await;
        assert_eq!(refused, (status, code.to_owned()));
    }
    assert_eq!(market.served.get(), 0);
    // A refused mandate is not burnt: mended, its nonce is good.
    assert_eq!(market.send("/predict", market.sign(good)).await.0, 200);
}

#[tokio::test]
async fn headers_that_hold_no_mandate_are_refused_as_such() {
    let market = Market::open().await;
    let good = market.sign(market.terms(1));
    let mut map = HeaderMap::new();
    map.insert(X_PAYMENT_MANDATE, good);
    let text = headers::text(&map, &X_PAYMENT_MANDATE).unwrap().unwrap();
    let text = String::from_utf8(text).unwrap();
    let raw =
        |text: String| headers::write(&serde_json::value::RawValue::from_string(text).unwrap());
    let twice = text.replacen("\"amount\":", "\"amount\":\"1\",\"amount\":", 1);
    let more = text.replacen("\"ref\":", "\"chain\":1,\"ref\":", 1);
    for bad in [
        HeaderValue::from_static("not base64!"),
        HeaderValue::from_static(""),
        HeaderValue::from_str(&"A".repeat(headers::HEADER_BYTES_MAX + 4)).unwrap(),
        raw(twice).unwrap(),
        raw(more).unwrap(),
        raw("[]".to_owned()).unwrap(),
    ] {
        let refused = market.refused("/predict", bad).await;
        assert_eq!(refused, (400, "INVALID_PAYMENT".to_owned()));
    }
    let request = reqwest::Client::new().get(market.shop.at("/predict"));
    let both = request
        .header(X_PAYMENT_MANDATE, market.sign(market.terms(1)))
        .header(X_PAYMENT_MANDATE, market.sign(market.terms(2)));
    assert_eq!(both.send().await.unwrap().status(), 400);
    assert_eq!((market.served.get(), market.sp.asked.get()), (0, 0));
}

#[tokio::test]
async fn a_queue_that_answers_too_late_after_taking_the_mandate_is_asked_what_it_promised() {
    let market = Market::with(|sp| sp.late_answers = 1, |_| {}).await;
    let (status, _, body) = market.send("/predict", market.sign(market.terms(1))).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((market.served.get(), market.sp.asked.get()), (1, 2));
}

#[tokio::test]
async fn without_the_queue_nothing_is_served_and_the_same_mandate_buys_when_it_is_back() {
    // All three attempts of the first request, and none of the second's.
    let market = Market::with(|sp| sp.late_answers = 3, |_| {}).await;
    let payment = market.sign(market.terms(1));
    // Nothing is known here, so that even looking up finds nothing.
    let lost = market.sign(DirectMandate { nonce: U256::from(402), ..market.terms(1) });
    assert_eq!(market.refused("/predict", lost).await, (503, "SP_ERROR".to_owned()));
    assert_eq!(market.served.get(), 0);
    assert_eq!(market.send("/predict", payment).await.0, 200);
}

#[tokio::test]
async fn a_receipt_by_somebody_else_serves_nothing() {
    let market = Market::with(|sp| sp.forger = Some(PrivateKeySigner::random()), |_| {}).await;
    let refused = market.refused("/predict", market.sign(market.terms(1))).await;
    assert_eq!((refused, market.served.get()), ((502, "SP_ERROR".to_owned()), 0));
}

#[tokio::test]
async fn clocks_that_differ_by_a_minute_do_not_matter() {
    for ahead in [-60, 60] {
        let market = Market::with(|sp| sp.late_answers = 1, |_| {}).await;
        market.clock.advance(ahead);
        // The first answer is late, so that the processor's clock is held against the payee's.
        let (status, _, body) = market.send("/predict", market.sign(market.terms(1))).await;
        assert_eq!(status, 200, "{ahead}: {body}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_after_paying_finds_its_answer_when_it_comes_back() {
    let market = Market::open().await;
    let payment = market.sign(market.terms(1));
    let request = reqwest::Client::new().get(market.shop.at("/predict"));
    let request = request.header(X_PAYMENT_MANDATE, payment.clone());
    let hasty = request.timeout(Duration::from_millis(30)).send().await;
    assert!(hasty.is_err());
    let mut found = market.send("/predict", payment.clone()).await;
    while found.0 == 409 {
        found = market.send("/predict", payment.clone()).await;
    }
    let (status, _, body) = found;
    assert_eq!((status, &body["n"]), (200, &json!(1)));
    assert_eq!((market.served.get(), market.sp.asked.get()), (1, 1));
}
