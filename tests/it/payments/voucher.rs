//! A scheme of somebody else's: prepaid vouchers. The payee knows what each is still worth, and
//! every draw on one has a number.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aep2_mandate::units::Amount;
use aep2_payee::{
    Conflict, Meter, Quote, Refusal, Sale,
    scheme::{Admitted, Offer, Rejection, Scheme},
};
use aep2_tests::stand_in::{Counter, Shop, World, amount, ceiling};
use aep2_x402::{
    SettleResponse,
    headers::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE},
    v1,
};
use alloy_primitives::keccak256;
use axum::{Extension, Router, routing::get};
use http::{HeaderMap, StatusCode, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::to_raw_value};

/// What vouchers are still worth, in base units.
#[derive(Clone, Debug, Default)]
struct Vouchers(Arc<Mutex<HashMap<String, u128>>>);

/// A draw on a voucher, as it travels in `PAYMENT-SIGNATURE`.
#[derive(Debug, Serialize, Deserialize)]
struct Draw {
    scheme: String,
    voucher: String,
    number: u64,
}

/// A draw that was made.
#[derive(Clone, Debug)]
struct Drawn {
    voucher: String,
    meter: Meter,
}

impl Vouchers {
    fn worth(&self, voucher: &str) -> u128 {
        self.0.lock().unwrap()[voucher]
    }

    fn draw(&self, voucher: &str, units: u128) -> bool {
        let mut vouchers = self.0.lock().unwrap();
        let Some(worth) = vouchers.get_mut(voucher) else { return false };
        match worth.checked_sub(units) {
            Some(left) => *worth = left,
            None => return false,
        }
        true
    }

    fn give_back(&self, voucher: &str, units: u128) {
        *self.0.lock().unwrap().get_mut(voucher).unwrap() += units;
    }

    fn read(headers: &HeaderMap) -> Result<Option<Draw>, headers::HeaderError> {
        headers::read(headers, &PAYMENT_SIGNATURE)
    }
}

impl Scheme for Vouchers {
    const NAME: &'static str = "voucher";
    type Payment = Draw;
    type Paid = Drawn;
    type Statement = SettleResponse;
    type Refusal = Refusal;

    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>> {
        let (price, resource) = (sale.request().purchase.amount, &sale.request().resource);
        let network = sale.network().to_string();
        let requirements = json!({
            "scheme": Self::NAME, "network": network, "amount": price, "asset": "voucher",
            "payTo": resource.url, "maxTimeoutSeconds": 60,
        });
        let first_version = v1::Requirements {
            scheme: Self::NAME.to_owned(),
            network,
            max_amount_required: price.to_string(),
            resource: resource.url.clone(),
            description: String::new(),
            mime_type: None,
            output_schema: None,
            pay_to: resource.url.clone(),
            max_timeout_seconds: 60,
            asset: "voucher".to_owned(),
            extra: None,
        };
        let requirements = to_raw_value(&requirements)?;
        Ok(Some(Offer::X402 { requirements, first_version: Box::new(first_version) }))
    }

    fn is_meant(&self, _sale: &Sale, headers: &HeaderMap) -> bool {
        Self::read(headers).ok().flatten().is_some_and(|draw| draw.scheme == Self::NAME)
    }

    fn admit(&self, sale: &Sale, headers: &HeaderMap) -> Result<Admitted<Draw>, Refusal> {
        let draw = Self::read(headers)?.ok_or(Refusal::PaymentRequired)?;
        let id = keccak256(format!("{} {}", draw.number, draw.voucher));
        let request = sale.request().purchase.resource.clone();
        Ok(Admitted::new(draw, id, request))
    }

    async fn settle(&self, sale: &Sale, draw: Draw) -> Result<Drawn, Refusal> {
        let price = sale.request().purchase.amount;
        if !self.draw(&draw.voucher, price.get()) {
            let (code, message) = ("voucher_spent".to_owned(), "worth too little".to_owned());
            return Err(Refusal::ByProcessor { code, message });
        }
        Ok(Drawn { voucher: draw.voucher, meter: Meter::new(price) })
    }

    fn hand_over(&self, paid: &Drawn, request: &mut Parts) {
        request.headers.remove(PAYMENT_SIGNATURE);
        request.extensions.insert(paid.meter.clone());
    }

    fn promise(&self, sale: &Sale, paid: &Drawn) -> SettleResponse {
        SettleResponse {
            success: true,
            error_reason: None,
            error_message: None,
            payer: Some(paid.voucher.clone()),
            transaction: String::new(),
            network: sale.network(),
            amount: None,
            extra: None,
            extensions: Default::default(),
        }
    }

    async fn conclude(&self, sale: &Sale, paid: &Drawn, succeeded: bool) -> SettleResponse {
        let charged = paid.meter.reading(succeeded);
        self.give_back(&paid.voucher, paid.meter.ceiling().get() - charged.get());
        SettleResponse { amount: Some(charged), ..self.promise(sale, paid) }
    }

    fn conflict(&self, conflict: Conflict) -> Refusal {
        Refusal::of(conflict)
    }

    fn refuse(&self, refusal: Refusal) -> Rejection {
        Rejection::X402(refusal)
    }
}

/// A shop that takes vouchers beside mandates, and one voucher worth 1,000.
async fn opened(world: &World) -> (Shop, Vouchers, Counter) {
    let (vouchers, served) = (Vouchers::default(), Counter::default());
    vouchers.0.lock().unwrap().insert("gift".to_owned(), 1_000);
    let shop = world.payee(|payee| {
        let charge = payee.charge(Quote::fixed(ceiling(300))).and(vouchers.clone());
        let metered = payee.charge(Quote::metered(ceiling(300))).and(vouchers.clone());
        let count = served.clone();
        let answer = move |Extension(_): Extension<Meter>| async move { count.add().to_string() };
        let half = |Extension(meter): Extension<Meter>| async move {
            meter.charge(amount(150)).unwrap();
        };
        Router::new()
            .route("/one", get(answer.clone()).layer(charge.clone()))
            .route("/two", get(answer).layer(charge.clone()))
            .route("/fails", get(async || StatusCode::BAD_GATEWAY).layer(charge))
            .route("/half", get(half).layer(metered))
    });
    (shop.await, vouchers, served)
}

async fn draw(shop: &Shop, path: &str, number: u64) -> reqwest::Response {
    let (scheme, voucher) = ("voucher".to_owned(), "gift".to_owned());
    let payment = headers::write(&Draw { scheme, voucher, number }).unwrap();
    let request = reqwest::Client::new().get(shop.at(path));
    request.header(PAYMENT_SIGNATURE, payment).send().await.unwrap()
}

fn charged(response: &reqwest::Response) -> Option<Amount> {
    let said: Option<SettleResponse> =
        headers::read(response.headers(), &PAYMENT_RESPONSE).unwrap();
    said.unwrap().amount
}

#[tokio::test]
async fn a_scheme_from_outside_is_offered_and_paid_beside_mandates() {
    let world = World::new().await;
    let (shop, vouchers, served) = opened(&world).await;

    let asked = reqwest::get(shop.at("one")).await.unwrap();
    assert_eq!(asked.status(), StatusCode::PAYMENT_REQUIRED);
    let required: Value = headers::read(asked.headers(), &PAYMENT_REQUIRED).unwrap().unwrap();
    let schemes = |accepts: &Value| [accepts[0]["scheme"].clone(), accepts[1]["scheme"].clone()];
    assert_eq!(schemes(&required["accepts"]), ["aep2", "voucher"]);
    let body: Value = asked.json().await.unwrap();
    assert_eq!(schemes(&body["accepts"]), ["aep2", "voucher"]);

    let paid = draw(&shop, "one", 1).await;
    assert_eq!(charged(&paid), Some(amount(300)));
    assert_eq!(paid.text().await.unwrap(), "1");
    assert_eq!(vouchers.worth("gift"), 700);

    let by_mandate = world.client(1).get(shop.at("one")).await.unwrap();
    assert!(by_mandate.payment.unwrap().receipt.is_ok());
    assert_eq!((vouchers.worth("gift"), served.get()), (700, 2));
}

/// The layer's guarantees are not the scheme's to give.
#[tokio::test]
async fn a_payment_of_a_scheme_from_outside_is_served_once() {
    let world = World::new().await;
    let (shop, vouchers, served) = opened(&world).await;
    for _ in 0..3 {
        assert_eq!(draw(&shop, "one", 7).await.text().await.unwrap(), "1");
    }
    let elsewhere = draw(&shop, "two", 7).await;
    assert_eq!(elsewhere.status(), StatusCode::PAYMENT_REQUIRED);
    let said: SettleResponse =
        headers::read(elsewhere.headers(), &PAYMENT_RESPONSE).unwrap().unwrap();
    assert_eq!(said.error_reason.as_deref(), Some("already_used"));
    assert_eq!((vouchers.worth("gift"), served.get()), (700, 1));
}

#[tokio::test]
async fn a_scheme_from_outside_charges_what_calls_came_to_and_refuses_in_its_own_words() {
    let world = World::new().await;
    let (shop, vouchers, _) = opened(&world).await;
    assert_eq!(charged(&draw(&shop, "fails", 1).await), Some(Amount::ZERO));
    assert_eq!(charged(&draw(&shop, "half", 2).await), Some(amount(150)));
    assert_eq!(vouchers.worth("gift"), 850);
    for number in 3..5 {
        assert_eq!(draw(&shop, "one", number).await.status(), StatusCode::OK);
    }
    let spent = draw(&shop, "one", 5).await;
    assert_eq!(spent.status(), StatusCode::PAYMENT_REQUIRED);
    let said: SettleResponse = headers::read(spent.headers(), &PAYMENT_RESPONSE).unwrap().unwrap();
    assert_eq!(said.error_reason.as_deref(), Some("voucher_spent"));
    assert_eq!(vouchers.worth("gift"), 250);
}
