//! A processor, a payee beside it whose terms agree to disputes, and those who read about them.

use std::sync::{Arc, Mutex};

use aep2_mandate::typed_data::{
    Signed,
    access::{Access, SignedAccess},
    keyed::AnySigned,
};
use aep2_payee::{Paid, Payee, PayeeConfig, Quote};
use aep2_payer::{
    AcceptedDisputes, Payer, PayerConfig, PayingClient,
    limits::{Allowance, Limits},
};
use aep2_processor_client::{NativeClient, RetryPolicy};
use aep2_tests::{
    disputes::disputes,
    payers::{payee, payee_address},
    stand_in::{Counter, amount, ceiling},
};
use alloy::{
    primitives::{Address, B256},
    signers::local::PrivateKeySigner,
};
use axum::{Extension, Router, body::Body, extract::Request, middleware, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::shop::{Answer, FUNDS, Shop};

/// A processor, and a payee beside it whose terms agree to disputes.
pub(crate) struct Street {
    pub(crate) shop: Shop,
    pub(crate) payee: Url,
    pub(crate) served: Counter,
    /// How many mandates the processor had accepted when a payment came by, by its own figures.
    pub(crate) told: Arc<Mutex<Vec<Value>>>,
    journal: tempfile::TempDir,
}

impl Street {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// One whose payee is set up otherwise.
    pub(crate) async fn open_with(change: impl FnOnce(&mut PayeeConfig)) -> Self {
        let shop = Shop::with("", |config| {
            config.windows.age_s_max = 0;
            config.windows.capture_within_s = 0;
        })
        .await;
        let (served, told) = (Counter::default(), Arc::new(Mutex::new(Vec::new())));
        let processor = processor_url(&shop);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (venue, token) = (shop.world.venue(), shop.world.token());
        let mut config = PayeeConfig::new(url.clone(), venue, token, payee_address(1));
        config.disputes = Some(disputes());
        config.clock = shop.world.clock.clone();
        change(&mut config);
        let client = NativeClient::new(reqwest::Client::new(), processor, RetryPolicy::default());
        let payee = Payee::new(config, Arc::new(client), Some(payee(1))).unwrap();
        let count = served.clone();
        let joke = move |Extension(paid): Extension<Paid>| async move {
            count.add();
            format!("a joke for {}", paid.receipt.message.amount)
        };
        let (seen, server) = (Arc::clone(&told), shop.address);
        // Between payer and payee: what the processor knows when the payment comes by.
        let look = middleware::from_fn(move |request: Request<Body>, next: middleware::Next| {
            let seen = Arc::clone(&seen);
            async move {
                if request.headers().contains_key("payment-signature") {
                    let figures = reqwest::get(format!("http://{server}/metrics")).await.unwrap();
                    let known = figures.text().await.unwrap();
                    let accepted =
                        known.lines().find(|line| line.starts_with("aep2_mandates_accepted_total"));
                    seen.lock().unwrap().push(json!(accepted));
                }
                next.run(request).await
            }
        });
        let routes = Router::new()
            .route("/joke", get(joke).layer(payee.charge(Quote::fixed(ceiling(700)))))
            .layer(look);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let journal = tempfile::tempdir().unwrap();
        Self { shop, payee: url, served, told, journal }
    }

    /// A client that pays from the payer's account, lets these decide, and tells the processor.
    pub(crate) fn client(&self, name: &str, arbiters: &[Address]) -> PayingClient {
        self.client_of(name, arbiters, processor_url(&self.shop))
    }

    /// The same, telling whoever answers at this address.
    pub(crate) fn client_of(&self, name: &str, arbiters: &[Address], told: Url) -> PayingClient {
        let Shop { world, payer, .. } = &self.shop;
        let limits = Limits {
            tokens: [(world.token(), Allowance::at_most(amount(FUNDS)))].into(),
            ..Limits::default()
        };
        let folder = self.journal.path().join(name);
        let mut config = PayerConfig::new(payer.account, world.venue(), limits, folder);
        config.clock = world.clock.clone();
        let http = reqwest::Client::new();
        let processor = NativeClient::new(http, told, RetryPolicy::default());
        config.disputes = Some(AcceptedDisputes::new(arbiters.to_vec(), processor));
        PayingClient::new(Payer::open(config, payer.secret()).unwrap()).unwrap()
    }

    pub(crate) fn joke(&self) -> Url {
        self.payee.join("joke").unwrap()
    }

    /// What somebody who signs so is answered.
    pub(crate) async fn read(&self, path: &str, access: &SignedAccess) -> Answer {
        let request = self.shop.request(Method::GET, path);
        self.shop.send(request.header("authorization", header(access))).await
    }

    pub(crate) fn access(&self, about: B256) -> Access {
        let until = self.shop.world.later(600);
        Access { processor: self.shop.world.processor.address(), about, until }
    }

    pub(crate) fn signed(&self, key: &PrivateKeySigner, access: Access) -> SignedAccess {
        let domain = self.shop.world.id().eip712_domain();
        AnySigned::ByAddress(Signed::sign(access, key, &domain).unwrap())
    }
}

pub(crate) fn header(access: &SignedAccess) -> String {
    format!("AEP2 {}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(access).unwrap()))
}

pub(crate) fn processor_url(shop: &Shop) -> Url {
    format!("http://{}/", shop.address).parse().unwrap()
}
