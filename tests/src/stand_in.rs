//! A processor that keeps its ledger in memory, payees and payers, all over loopback: no chain, no proofs.

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
    eddsa::SecretKey,
    mandate::{MandateId, SignedMandate},
    typed_data::{
        capture::{CaptureReceipt, SignedCapture, SignedCaptureReceipt},
        receipt::{Receipt, SignedReceipt},
    },
    units::{AccountId, Amount, Ceiling, ChainId},
};
use aep2_payee::{Payee, PayeeConfig};
use aep2_payer::{
    Payer, PayerConfig, PayingClient,
    limits::{Allowance, Limits},
};
use aep2_processor_client::{NativeClient, ProcessorClient, RetryPolicy};
use aep2_x402::{
    FacilitatorRequest, SettleResponse,
    purchase::{NO_ARBITER, Venue},
};
use alloy_primitives::{Address, address};
use alloy_signer_local::PrivateKeySigner;
use axum::{
    Json, Router,
    extract::{Path as UrlPath, Request, State},
    http::{self, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

/// The token that everybody pays in.
pub const TOKEN: Address = address!("aCBfD706D60018a3fc4B913D02A738F9A570124D");
/// The wallet that mandates are for. Nobody asks it.
pub const WALLET: Address = address!("c77a9ef0850a3ca47201549f001540668b9364dc");
/// Its chain.
pub const CHAIN: ChainId = ChainId::new(31_337);

/// Within how many seconds the processor says to settle.
pub const SETTLE_WITHIN_S: u64 = 600;

/// What the processor does wrong.
#[derive(Debug, Default)]
pub struct Faults {
    /// This many next answers come too late, after the mandate was accepted.
    pub late: AtomicUsize,
    /// This many next captures are answered 503.
    pub captures_down: AtomicUsize,
    /// Receipts are signed by somebody else.
    pub forge: AtomicUsize,
    /// This many next mandates are answered 503, and not accepted.
    pub down: AtomicUsize,
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
pub struct Ledger {
    key: PrivateKeySigner,
    venue: Venue,
    clock: Clock,
    entries: Mutex<HashMap<MandateId, Entry>>,
    /// What each account may still spend.
    funds: Mutex<HashMap<AccountId, u128>>,
    /// What goes wrong.
    pub faults: Faults,
    /// How often it was asked for a receipt.
    pub asked: AtomicU64,
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
        let issued_at = self.clock.now();
        let settle_by = issued_at.checked_add(SETTLE_WITHIN_S).unwrap();
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
            processor: self.venue.processor,
            account: mandate.account,
            nonce: mandate.nonce,
            token: mandate.token,
            payee: mandate.payee,
            arbiter: NO_ARBITER,
            amount: mandate.amount,
            issued_at,
            deadline: mandate.deadline,
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
            processor: self.venue.processor,
            arbiter: NO_ARBITER,
            amount: capture.amount,
            issued_at: self.clock.now(),
        };
        let statement = SignedCaptureReceipt::sign(statement, &self.key, &domain).unwrap();
        entry.capture = Some(statement);
        Ok(statement)
    }

    /// Says what an account may still spend, in base units. Others may spend anything.
    pub fn fund(&self, account: AccountId, units: u128) {
        self.funds.lock().unwrap().insert(account, units);
    }

    /// What was captured of each mandate, in no order.
    pub fn captured(&self) -> Vec<Amount> {
        let entries = self.entries.lock().unwrap();
        let captured = entries.values().map(|entry| match entry.capture {
            Some(statement) => statement.message.amount,
            None => entry.mandate.mandate.amount.amount(),
        });
        captured.collect()
    }

    /// Every mandate that was accepted, in no order.
    pub fn mandates(&self) -> Vec<SignedMandate> {
        self.entries.lock().unwrap().values().map(|entry| entry.mandate.clone()).collect()
    }

    /// How many mandates were accepted.
    pub fn count(&self) -> usize {
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

/// Dates answers by the ledger's clock.
async fn dated(State(ledger): State<Arc<Ledger>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let now = std::time::UNIX_EPOCH + Duration::from_secs(ledger.clock.now().get());
    let date = httpdate::fmt_http_date(now).parse().unwrap();
    response.headers_mut().insert(http::header::DATE, date);
    response
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
pub struct World {
    /// The processor's.
    pub ledger: Arc<Ledger>,
    /// Where its mandates count.
    pub venue: Venue,
    /// Where it answers.
    pub processor_url: Url,
    /// The key of every payee here.
    pub payee_key: PrivateKeySigner,
    directory: TempDir,
}

/// Serves on a free port of loopback, until the test ends.
pub async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url_of(address)
}

fn url_of(address: SocketAddr) -> Url {
    format!("http://{address}/").parse().unwrap()
}

impl World {
    /// A processor that makes no mistakes yet.
    pub async fn new() -> Self {
        Self::with_clock(Clock::system()).await
    }

    /// One that goes by this clock.
    pub async fn with_clock(clock: Clock) -> Self {
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
            .layer(middleware::from_fn_with_state(ledger.clone(), dated))
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
    pub fn processor(&self) -> Arc<dyn ProcessorClient> {
        let retry = RetryPolicy {
            timeout: Duration::from_millis(1_500),
            attempts: 3,
            pause: Duration::from_millis(20),
        };
        Arc::new(NativeClient::new(reqwest::Client::new(), self.processor_url.clone(), retry))
    }

    /// A payee's service on loopback: `routes` lays its prices.
    pub async fn payee(&self, routes: impl FnOnce(&Payee) -> Router) -> Shop {
        self.payee_with(self.processor(), |_| {}, routes).await
    }

    /// [`Self::payee`] with another way to the processor, and other settings.
    pub async fn payee_with(
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

    /// Where the payer of this account keeps its journal.
    pub fn directory(&self, account: u32) -> std::path::PathBuf {
        self.directory.path().join(account.to_string())
    }

    /// The settings of the payer of this account.
    pub fn payer_config(&self, account: u32) -> PayerConfig {
        let limits = Limits {
            tokens: [(TOKEN, Allowance::at_most(amount(1_000_000)))].into(),
            ..Limits::default()
        };
        PayerConfig::new(self::account(account), self.venue, limits, self.directory(account))
    }

    /// The payer of this account.
    pub fn payer(&self, account: u32) -> Payer {
        Payer::open(self.payer_config(account), secret(account)).unwrap()
    }

    /// An HTTP client that pays from this account.
    pub fn client(&self, account: u32) -> PayingClient {
        client(self.payer(account))
    }
}

/// An HTTP client that pays, and soon asks again.
pub fn client(payer: Payer) -> PayingClient {
    let retry = aep2_payer::RetryPolicy { attempts: 4, pause: Duration::from_millis(30) };
    PayingClient::new(payer).unwrap().retry(retry)
}

/// A payee's service.
pub struct Shop {
    /// Where it is.
    pub url: Url,
    /// Who is paid.
    pub payee: Payee,
}

impl Shop {
    /// The address of a path.
    pub fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }
}

/// How often something was done.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// Counts one more, and gives how many there are.
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, SeqCst) + 1
    }

    /// How many there are.
    pub fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// An amount, in base units.
pub fn amount(units: u128) -> Amount {
    Amount::new(units).unwrap()
}

/// A ceiling, in base units.
pub fn ceiling(units: u128) -> Ceiling {
    Ceiling::new(units).unwrap()
}

/// The account of this number.
pub fn account(number: u32) -> AccountId {
    AccountId::new(number).unwrap()
}

/// What the agent of this account signs mandates with.
pub fn secret(account: u32) -> SecretKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&account.to_be_bytes());
    SecretKey::from_seed(seed)
}
