//! A payee of a few lines that answers paid requests as it is told, well or badly.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::{Receipt, SignedReceipt},
    units::UnixTime,
};
use aep2_payer::{PayerConfig, PayingClient, RetryPolicy};
use aep2_x402::{
    PaymentPayload, PaymentRequired, SettleResponse,
    headers::{self, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE},
    purchase::{NO_ARBITER, Venue},
};
use alloy_signer_local::PrivateKeySigner;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use crate::{
    journal::terms_over,
    support::{CHAIN, TOKEN, WALLET, payer_config},
};

/// How a paid request is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Case {
    pub(crate) what: String,
    #[serde(default, rename = "break")]
    broken: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    retry_after: Option<u32>,
    #[serde(default)]
    settled: Option<Value>,
    #[serde(default)]
    receipt: bool,
    pub(crate) told: String,
    pub(crate) again: String,
}

/// The payee, and the processor that it says it asks.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) url: Url,
    pub(crate) venue: Venue,
    key: PrivateKeySigner,
    case: Arc<Mutex<Case>>,
    /// The mandates that came, in their order; one for each try.
    seen: Arc<Mutex<Vec<SignedMandate>>>,
}

impl Scripted {
    pub(crate) async fn start(case: Case) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/answer", listener.local_addr().unwrap()).parse().unwrap();
        // The same in every process, for tests that start some.
        let key = PrivateKeySigner::from_slice(&[0x51; 32]).unwrap();
        let venue = Venue { chain: CHAIN, wallet: WALLET, processor: key.address() };
        let case = Arc::new(Mutex::new(case));
        let scripted = Self { url, venue, key, case, seen: Arc::default() };
        let serving = scripted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        scripted
    }

    /// From here on everything is served.
    pub(crate) fn recover(&self) {
        let well = Case { status: Some(200), receipt: true, ..Case::default() };
        *self.case.lock().unwrap() = well;
    }

    /// How many mandates came, each counted once.
    pub(crate) fn mandates(&self) -> usize {
        let domain = self.venue.mandate_domain(TOKEN);
        let seen = self.seen.lock().unwrap();
        let ids = seen.iter().map(|signed| signed.mandate.id(&domain));
        ids.collect::<std::collections::HashSet<MandateId>>().len()
    }

    /// How often a payment came.
    pub(crate) fn tries(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn config(&self, directory: &std::path::Path) -> PayerConfig {
        payer_config(1, self.venue, directory)
    }

    /// A client that pays from a directory, as if its process had just begun.
    pub(crate) fn client(&self, directory: &std::path::Path) -> PayingClient {
        let payer = aep2_payer::Payer::open(self.config(directory), crate::support::secret(1));
        let http = reqwest::Client::builder().timeout(Duration::from_millis(400));
        let retry = RetryPolicy { attempts: 2, pause: Duration::from_millis(5) };
        PayingClient::with_http(payer.unwrap(), http).unwrap().retry(retry)
    }

    async fn serve(&self, mut stream: TcpStream) {
        let asked = head(&mut stream).await;
        let payment = headers::read::<PaymentPayload>(&asked, &PAYMENT_SIGNATURE).unwrap();
        let Some(PaymentPayload { payload: signed, .. }) = payment else {
            let required = json!({"x402Version": 2, "accepts": [terms(self.venue)]});
            let required: PaymentRequired = serde_json::from_value(required).unwrap();
            let required = headers::write(&required).unwrap();
            let asks = [(PAYMENT_REQUIRED, required)];
            stream.write_all(&written(402, &asks, "content-length: 0\r\n", "")).await.unwrap();
            return;
        };
        self.seen.lock().unwrap().push(signed.clone());
        let case = self.case.lock().unwrap().clone();
        let said = self.said(&case, &signed);
        let status = case.status.unwrap_or(200);
        let answer = match case.broken.as_deref() {
            None => written(status, &said, "content-length: 4\r\n", "paid"),
            Some("closed") => Vec::new(),
            Some("silent") => return std::future::pending().await,
            Some("head") => b"HTTP/1.1 200 OK\r\nconte".to_vec(),
            Some("body") => written(status, &said, "content-length: 4\r\n", "pa"),
            Some("stream") => {
                written(status, &said, "transfer-encoding: chunked\r\n", "2\r\npa\r\n")
            }
            Some(other) => panic!("{other}"),
        };
        stream.write_all(&answer).await.unwrap();
        stream.shutdown().await.unwrap();
    }

    /// What is said about the payment.
    fn said(&self, case: &Case, signed: &SignedMandate) -> Vec<(HeaderName, HeaderValue)> {
        let mut said = Vec::new();
        if let Some(seconds) = case.retry_after {
            said.push((http::header::RETRY_AFTER, seconds.into()));
        }
        if let Some(settled) = &case.settled {
            said.push((PAYMENT_RESPONSE, headers::write(settled).unwrap()));
        }
        if case.receipt {
            let network = aep2_x402::terms::network(CHAIN);
            let settled = SettleResponse::accepted(network, self.receipt(signed));
            said.push((PAYMENT_RESPONSE, headers::write(&settled).unwrap()));
        }
        said
    }

    fn receipt(&self, signed: &SignedMandate) -> SignedReceipt {
        let mandate = &signed.mandate;
        let issued_at = aep2_mandate::clock::Clock::system().now();
        let receipt = Receipt {
            mandate_id: mandate.id(&self.venue.mandate_domain(mandate.token)),
            processor: self.venue.processor,
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: NO_ARBITER,
            amount: mandate.amount,
            issued_at,
            deadline: mandate.deadline,
            settle_by: UnixTime::new(issued_at.get() + 600).unwrap(),
        };
        let domain = self.venue.typed_data_domain();
        SignedReceipt::sign(receipt, &self.key, &domain).unwrap()
    }
}

fn terms(venue: Venue) -> Value {
    let mut terms = terms_over(5);
    terms.extra.processor = venue.processor.into();
    terms.extra.order = Some(aep2_mandate::wire::Strict(alloy_primitives::B256::repeat_byte(0x0d)));
    json!(terms)
}

/// The headers of a request without a body.
async fn head(stream: &mut TcpStream) -> HeaderMap {
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    while !text.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "a request that is cut short");
        text.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

fn written(status: u16, said: &[(HeaderName, HeaderValue)], length: &str, body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n{length}");
    for (name, value) in said {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    format!("{text}\r\n{body}").into_bytes()
}
