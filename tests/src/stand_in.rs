//! A processor that keeps its ledger in memory, a payee, and a payer, all over loopback.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use aep2_mandate::{
    clock::Clock,
    mandate::{MandateId, SignedMandate},
    typed_data::{
        capture::{CaptureReceipt, SignedCapture, SignedCaptureReceipt},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount},
};
use aep2_payee::{Payee, PayeeConfig};
use aep2_payer::{Payer, PayerConfig, PayingClient};
use aep2_processor_client::{NativeClient, ProcessorClient, RetryPolicy};
use aep2_x402::{FacilitatorRequest, SettleResponse, purchase::Venue};
use alloy_signer_local::PrivateKeySigner;
use axum::{
    Json, Router,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

/// The payer's own surroundings.
#[path = "../../../payer/tests/it/support.rs"]
mod payers;
pub(crate) use self::payers::*;

pub(crate) const SETTLE_WITHIN_S: u64 = 600;

/// What the processor does wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// This many next answers come too late, after the mandate was accepted.
    pub(crate) late: AtomicUsize,
    /// This many next captures are answered 503.
    pub(crate) captures_down: AtomicUsize,
    /// Receipts are signed by somebody else.
    pub(crate) forge: AtomicUsize,
    /// This many next mandates are answered 503, and not accepted.
    pub(crate) down: AtomicUsize,
}

fn take_one(count: &AtomicUsize) -> bool {
    count.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[derive(Debug)]
struct Entry {
    mandate: SignedMandate,
    receipt: SignedReceipt,
    capture: Option<SignedCaptureReceipt>,
}

/// The processor's ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    key: PrivateKeySigner,
    venue: Venue,
    clock: Clock,
    entries: Mutex<HashMap<MandateId, Entry>>,
    /// What each account may still spend.
    funds: Mutex<HashMap<AccountId, u128>>,
    pub(crate) faults: Faults,
    pub(crate) asked: AtomicU64,
}

impl Ledger {
    fn receipt(&self, signed: &SignedMandate) -> Result<SignedReceipt, (StatusCode, &'static str)> {
        let domain = self.venue.mandate_domain(signed.mandate.token);
        let id = signed.verify(&domain).map_err(|_| (StatusCode::BAD_REQUEST, "bad_signature"))?;
        let mut entries = self.entries.lock().unwrap();
        if let Some(entry) = entries.get(&id) {
            return Ok(entry.receipt);
        }
        let mandate = &signed.mandate;
        let twice = entries.values().any(|other| {
            let other = &other.mandate.mandate;
            (other.account, other.nonce) == (mandate.account, mandate.nonce)
        });
        if twice {
            return Err((StatusCode::CONFLICT, "nonce_conflict"));
        }
        let settle_by = self.clock.now().checked_add(SETTLE_WITHIN_S).unwrap();
        if mandate.deadline < settle_by {
            return Err((StatusCode::BAD_REQUEST, "deadline_too_near"));
        }
        let mut funds = self.funds.lock().unwrap();
        let free = funds.entry(mandate.account).or_insert(u128::MAX);
        *free = free
            .checked_sub(mandate.amount.get())
            .ok_or((StatusCode::PAYMENT_REQUIRED, "insufficient_funds"))?;
        let receipt = Receipt {
            mandate_id: id,
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            amount: mandate.amount,
            settle_by,
        };
        let receipt =
            SignedReceipt::sign(receipt, &self.key, &self.venue.typed_data_domain()).unwrap();
        let entry = Entry { mandate: signed.clone(), receipt, capture: None };
        entries.insert(id, entry);
        Ok(receipt)
    }

    fn answer(&self, signed: &SignedMandate) -> Result<SignedReceipt, (StatusCode, &'static str)> {
        self.asked.fetch_add(1, SeqCst);
        if take_one(&self.faults.down) {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "not_ready"));
        }
        let receipt = self.receipt(signed)?;
        if take_one(&self.faults.forge) {
            let stranger = PrivateKeySigner::random();
            let domain = self.venue.typed_data_domain();
            return Ok(SignedReceipt::sign(receipt.message, &stranger, &domain).unwrap());
        }
        Ok(receipt)
    }

    fn capture(
        &self,
        id: MandateId,
        signed: SignedCapture,
    ) -> Result<SignedCaptureReceipt, (StatusCode, &'static str)> {
        if take_one(&self.faults.captures_down) {
            return Err((StatusCode::SERVICE_UNAVAILABLE, "not_ready"));
        }
        let mut entries = self.entries.lock().unwrap();
        let entry = entries.get_mut(&id).ok_or((StatusCode::NOT_FOUND, "unknown_mandate"))?;
        let (domain, payee) = (self.venue.typed_data_domain(), entry.mandate.mandate.payee);
        signed.verify(&domain, payee).map_err(|_| (StatusCode::BAD_REQUEST, "bad_signature"))?;
        let capture = signed.message;
        if let Some(before) = entry.capture {
            let same = before.message.amount == capture.amount;
            return if same { Ok(before) } else { Err((StatusCode::CONFLICT, "capture_conflict")) };
        }
        let statement = CaptureReceipt {
            mandate_id: capture.mandate_id,
            amount: capture.amount,
            captured_at: self.clock.now(),
        };
        let statement = SignedCaptureReceipt::sign(statement, &self.key, &domain).unwrap();
        entry.capture = Some(statement);
        Ok(statement)
    }

    pub(crate) fn fund(&self, account: AccountId, units: u128) {
        self.funds.lock().unwrap().insert(account, units);
    }

    /// What was captured of each mandate, in no order.
    pub(crate) fn captured(&self) -> Vec<Amount> {
        let entries = self.entries.lock().unwrap();
        let captured = entries.values().map(|entry| match entry.capture {
            Some(statement) => statement.message.amount,
            None => entry.mandate.mandate.amount.amount(),
        });
        captured.collect()
    }

    pub(crate) fn mandates(&self) -> Vec<SignedMandate> {
        self.entries.lock().unwrap().values().map(|entry| entry.mandate.clone()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.entries.lock().unwrap().len()
    }
}

fn error((status, code): (StatusCode, &'static str)) -> Response {
    (status, Json(json!({"error": {"code": code, "message": format!("refused: {code}")}})))
        .into_response()
}

async fn settle_native(State(ledger): State<Arc<Ledger>>, body: String) -> Response {
    let Ok(signed) = SignedMandate::from_json(&body) else {
        return error((StatusCode::BAD_REQUEST, "malformed"));
    };
    let answer = ledger.answer(&signed);
    if take_one(&ledger.faults.late) {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    match answer {
        Ok(receipt) => Json(json!({"mandateId": receipt.message.mandate_id, "receipt": receipt}))
            .into_response(),
        Err(refusal) => error(refusal),
    }
}

async fn settle_x402(State(ledger): State<Arc<Ledger>>, body: String) -> Response {
    let Ok(request) = serde_json::from_str::<FacilitatorRequest>(&body) else {
        return error((StatusCode::BAD_REQUEST, "malformed"));
    };
    let network = request.payment_requirements.network.clone();
    Json(match ledger.answer(&request.payment_payload.payload) {
        Ok(receipt) => SettleResponse::accepted(network, receipt),
        Err((_, code)) => SettleResponse::refused(network, code, code),
    })
    .into_response()
}

async fn capture(
    State(ledger): State<Arc<Ledger>>,
    UrlPath(id): UrlPath<String>,
    body: String,
) -> Response {
    let (Ok(id), Ok(signed)) = (id.parse(), SignedCapture::from_json(&body)) else {
        return error((StatusCode::BAD_REQUEST, "malformed"));
    };
    match ledger.capture(id, signed) {
        Ok(statement) => Json(json!({"receipt": statement})).into_response(),
        Err(refusal) => error(refusal),
    }
}

/// Who the processor is.
async fn identity(State(ledger): State<Arc<Ledger>>) -> Response {
    let Venue { chain, wallet, processor } = ledger.venue;
    Json(json!({
        "chainId": chain, "wallet": wallet, "processor": processor, "verifierSets": [],
        "settleWithinS": SETTLE_WITHIN_S, "captureWithinS": 30, "captures": true, "shapes": [],
        "tokens": [{"token": TOKEN, "amountMin": "1"}],
    }))
    .into_response()
}

/// A world with a processor in it.
pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) venue: Venue,
    pub(crate) processor_url: Url,
    pub(crate) payee_key: PrivateKeySigner,
    directory: TempDir,
}

pub(crate) async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url_of(address)
}

fn url_of(address: SocketAddr) -> Url {
    format!("http://{address}/").parse().unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Clock::system()).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Self {
        let key = PrivateKeySigner::random();
        let venue = Venue { chain: CHAIN, wallet: WALLET, processor: key.address() };
        let ledger = Arc::new(Ledger {
            key,
            venue,
            clock,
            entries: Mutex::default(),
            funds: Mutex::default(),
            faults: Faults::default(),
            asked: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/", get(identity))
            .route("/readyz", get(async || "ready"))
            .route("/v1/mandates", post(settle_native))
            .route("/v1/mandates/{id}/capture", post(capture))
            .route("/settle", post(settle_x402))
            .with_state(ledger.clone());
        Self {
            ledger,
            venue,
            processor_url: serve(router).await,
            payee_key: PrivateKeySigner::random(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Asks quickly, and again.
    pub(crate) fn processor(&self) -> Arc<dyn ProcessorClient> {
        let retry = RetryPolicy {
            timeout: Duration::from_millis(1_500),
            attempts: 3,
            pause: Duration::from_millis(20),
        };
        Arc::new(NativeClient::new(reqwest::Client::new(), self.processor_url.clone(), retry))
    }

    /// A payee's service on loopback: `routes` lays its prices.
    pub(crate) async fn payee(&self, routes: impl FnOnce(&Payee) -> Router) -> Shop {
        self.payee_with(self.processor(), |_| {}, routes).await
    }

    pub(crate) async fn payee_with(
        &self,
        processor: Arc<dyn ProcessorClient>,
        adjust: impl FnOnce(&mut PayeeConfig),
        routes: impl FnOnce(&Payee) -> Router,
    ) -> Shop {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url_of(listener.local_addr().unwrap());
        let mut config = PayeeConfig::new(url.clone(), self.venue, TOKEN, self.payee_key.address());
        config.settle_within_s = SETTLE_WITHIN_S;
        adjust(&mut config);
        let payee = Payee::new(config, processor, Some(self.payee_key.clone())).unwrap();
        let router = routes(&payee);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Shop { url, payee }
    }

    pub(crate) fn directory(&self, account: u32) -> std::path::PathBuf {
        self.directory.path().join(account.to_string())
    }

    pub(crate) fn payer_config(&self, account: u32) -> PayerConfig {
        payer_config(account, self.venue, &self.directory(account))
    }

    pub(crate) fn payer(&self, account: u32) -> Payer {
        Payer::open(self.payer_config(account), secret(account)).unwrap()
    }

    pub(crate) fn client(&self, account: u32) -> PayingClient {
        client(self.payer(account))
    }
}

pub(crate) fn client(payer: Payer) -> PayingClient {
    let retry = aep2_payer::RetryPolicy { attempts: 4, pause: Duration::from_millis(30) };
    PayingClient::new(payer).unwrap().retry(retry)
}

/// A payee's service.
pub(crate) struct Shop {
    pub(crate) url: Url,
    pub(crate) payee: Payee,
}

impl Shop {
    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }
}

/// How often something was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}
